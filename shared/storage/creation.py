"""Queues, tables and containers, made where they are missing: for local use, in Azure the deployment makes them."""

from collections.abc import Awaitable, Iterable

from azure.core.exceptions import HttpResponseError

from shared.model.messages import Queue
from shared.storage import activity, failures, items, ledger, runs, shares
from shared.storage.accounts import Account
from shared.storage.answers import code_of, translated

QUEUES = tuple(name for each in Queue for name in (each.value, each.poison))
TABLES = (ledger.TABLE, failures.TABLE, runs.TABLE, activity.TABLE)
#: Beside those of the datasets.
CONTAINERS = (runs.CONTAINER, items.CONTAINER, shares.CONTAINER)

_THERE = frozenset({"ContainerAlreadyExists", "QueueAlreadyExists", "TableAlreadyExists"})


async def create_missing(account: Account, *, containers: Iterable[str]) -> None:
    """Make every queue with its poison queue, every table, the containers of pages, items and shares, and these.

    Raises StorageFailedError.
    """
    for queue in QUEUES:
        await _create(f"queue {queue}", account.queues.create_queue(queue))
    for table in TABLES:
        await _create(f"table {table}", account.tables.create_table(table))
    for container in sorted({*CONTAINERS, *containers}):
        await _create(f"container {container}", account.blobs.create_container(container))


async def _create(what: str, creation: Awaitable[object]) -> None:
    with translated(f"{what}: create"):
        try:
            await creation
        except HttpResponseError as error:
            # One that is being deleted answers 409 as well, and isn't there.
            if code_of(error) not in _THERE:
                raise
