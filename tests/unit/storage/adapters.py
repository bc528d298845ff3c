"""One call of each storage adapter, for each of the ways that it takes to the service."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from shared.storage.accounts import Account
from shared.storage.blob_list import AzureListedBlobs
from shared.storage.blobs import AzureBlobs, BlobPath, Content
from shared.storage.entities import read_entity, write_entity
from shared.storage.mailbox import AzureMailbox
from shared.storage.queues import AzureQueues
from shared.storage.shares import AzureShares
from shared.storage.streams import open_stream
from shared.storage.tables import Table

_PATH = BlobPath(container="data", name="a")
_CONTENT = Content(md5=None, media_type="text/plain", metadata={})

type Call = Callable[[Account], Awaitable[object]]


def _blobs(account: Account) -> AzureBlobs:
    return AzureBlobs(account.blobs, account.blob_calls)


async def _all[T](things: AsyncIterator[T]) -> list[T]:
    return [each async for each in things]


CALLS: Mapping[str, Call] = {
    "look at a blob": lambda account: _blobs(account).look(_PATH),
    "read a blob": lambda account: _blobs(account).read(_PATH),
    "put a blob": lambda account: _blobs(account).put(_PATH, (b"1",), content=_CONTENT),
    "stage a block": lambda account: _blobs(account).stage(_PATH, (b"1",), block_id="id"),
    "commit a blob": lambda account: _blobs(account).commit(_PATH, ["id"], content=_CONTENT),
    "open a stream": lambda account: open_stream(account.blobs, _PATH, offset=0),
    "list blobs": lambda account: _all(AzureListedBlobs(account.blobs).below("data", "")),
    "take a share": lambda account: AzureShares(account.blobs).take("data.example.org", 1),
    "send a message": lambda account: AzureQueues(account.queues).send("copy", "body"),
    "count messages": lambda account: AzureQueues(account.queues).count("copy"),
    "peek at messages": lambda account: AzureMailbox(account.queues).peek("copy-poison"),
    "read an entity": lambda account: read_entity(account.tables.get_table_client("runs"), partition="p", row="r"),
    "insert an entity": lambda account: write_entity(
        account.tables.get_table_client("runs"), {"PartitionKey": "p", "RowKey": "r"}, replaces=None
    ),
    "read a ledger row": lambda account: Table(account.table_calls, "ledger").read("p", "r"),
    "read ledger rows": lambda account: Table(account.table_calls, "ledger").read_range("p", "r-"),
}
