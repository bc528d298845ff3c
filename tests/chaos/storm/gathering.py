"""Reads what stands in storage when a storm is over."""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import aiohttp
from azure.data.tables import TableClient
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient, QueueServiceClient

from demo.azurite import Azurite
from demo.evidence import RowFact, read_rows
from tests.chaos.standing import CONTAINER, BlobReader, Standing
from tests.chaos.storm.checker import Poisoned
from tests.chaos.storm.history import assets_of, message_body
from tests.chaos.storm.plan import Identity
from tests.chaos.storm.recovery import Deliveries, Delivery

#: Less than Node's five seconds.
_IDLE_SECONDS = 2.0
_HIDDEN_SECONDS = 600
_POISON = "-poison"


def read_ledger(storage: Azurite) -> Mapping[Identity, RowFact]:
    """The ledger's rows."""
    return {(each.item, each.key): each for each in read_rows(storage.connection_string).values()}


def read_blobs(storage: Azurite, names: Iterable[str]) -> Mapping[str, Standing]:
    """The blobs of these names that are there."""
    return asyncio.run(_read_all(storage, names))


def published_items(storage: Azurite) -> frozenset[tuple[str, str]]:
    """Dataset and item of what is published."""
    with ContainerClient.from_connection_string(storage.connection_string, CONTAINER) as client:
        names = [str(each) for each in client.list_blob_names()]
        return frozenset(_published(client, each) for each in names if "/items/" in each)


def outstanding(storage: Azurite) -> Mapping[str, int]:
    """How many messages stand in each queue that isn't for poison, visible or not."""
    with QueueServiceClient.from_connection_string(storage.connection_string) as service:
        names = [each.name for each in service.list_queues() if not each.name.endswith(_POISON)]
        found = {name: service.get_queue_client(name).get_queue_properties() for name in names}
    return {name: each.approximate_message_count or 0 for name, each in found.items()}


def run_states(storage: Azurite) -> Mapping[str, str]:
    """The state of each dataset's newest run."""
    with TableClient.from_connection_string(storage.connection_string, "runs") as table:
        runs = [cast("Mapping[str, Any]", each) for each in table.query_entities("RowKey eq 'newest'")]
    return {str(each["PartitionKey"]): f"{each['state']} {each.get('reason', '')}".strip() for each in runs}


def read_poison(
    storage: Azurite,
    *,
    deliveries: Deliveries,
    ids: Mapping[str, Iterable[str]],
    is_sent_back: Callable[[Poisoned], bool],
) -> Iterator[Poisoned]:
    """Every asset in a poison queue, the messages of which are hidden for a while, and sent back where that is right.

    ``ids``: what messages were called, by their texts.
    """
    with QueueServiceClient.from_connection_string(storage.connection_string) as service:
        names = [each.name for each in service.list_queues() if each.name.endswith(_POISON)]
    for name in names:
        with _queue(storage, name) as queue, _queue(storage, name.removesuffix(_POISON)) as before:
            for message in queue.receive_messages(messages_per_page=32, visibility_timeout=_HIDDEN_SECONDS):
                text = str(message.content)
                moved = [each for each in ids.get(text, ()) if each in deliveries.poisoned]
                found = _poisoned(name, text, [one for each in moved for one in deliveries.by_message[each]])
                yield from found
                if all(map(is_sent_back, found)):
                    before.send_message(text, time_to_live=-1)
                    queue.delete_message(message)


def _queue(storage: Azurite, name: str) -> QueueClient:
    return QueueClient.from_connection_string(storage.connection_string, name)


async def _read_all(storage: Azurite, names: Iterable[str]) -> Mapping[str, Standing]:
    connector = aiohttp.TCPConnector(keepalive_timeout=_IDLE_SECONDS)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        return await BlobReader(storage, session).read_all(names)


def _published(client: ContainerClient, name: str) -> tuple[str, str]:
    blob: Any = client.download_blob(name)
    document = json.loads(blob.readall())
    return name.partition("/")[0], str(document.get("item") or document.get("id"))


def _poisoned(queue: str, text: str, deliveries: Sequence[Delivery]) -> list[Poisoned]:
    body = message_body(text)
    reason: Mapping[str, Any] | None = body.get("reason") if body else None
    error = str(reason.get("error")) if reason else None
    return [
        Poisoned(queue=queue, identity=each, error=error, deliveries=tuple(deliveries))
        for each in assets_of(body) or (None,)
    ]
