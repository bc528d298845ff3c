"""What the judge looks at: Azurite's own content and access log, and the host's log. Nothing is asked of Sluice."""

import base64
import binascii
import concurrent.futures
import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import EntityProperty, TableClient
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient, QueueServiceClient

from demo.access_log import commits, read_requests, row_rewrites
from demo.published import COLLECTIONS, ITEMS, PublishedFact, read_published
from functions_host.events import Event, EventKind

LEDGER = "ledger"
COPY_POISON = "copy-poison"
COPY_QUEUES = frozenset({"copy", "copy-live", "copy-later"})

#: How many messages one peek shows at most.
_PEEK = 32
_DOWNLOADS_AT_ONCE = 4
_CHUNK_BYTES = 8 * 1024 * 1024


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BlobFact:
    """A blob as it was downloaded."""

    length: int
    #: Hex.
    sha256: str
    etag: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RowFact:
    """A row of the ledger."""

    item: str
    key: str
    container: str
    blob: str
    #: Of the blob that it stands for.
    etag: str
    length: int
    digests: tuple[str, ...]
    #: Of the row itself: another one after every write.
    version: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PoisonFact:
    """A message in ``copy-poison``: the assets that it names, and its reason's error."""

    assets: tuple[tuple[str, str], ...]
    error: str | None
    expires: dt.datetime


#: By PartitionKey and RowKey.
type Rows = Mapping[tuple[str, str], RowFact]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that was found."""

    #: All but what is published.
    blobs: Mapping[str, BlobFact]
    #: By their blobs' names.
    published: Mapping[str, PublishedFact]
    rows: Rows
    #: The rows that stood when the worker had been killed.
    rows_at_kill: Rows
    poison: Sequence[PoisonFact]
    #: Messages in every queue but copy-poison.
    outstanding: Mapping[str, int]
    #: How often each blob was written.
    commits: Mapping[str, int]
    #: How many single rows of the ledger were replaced or deleted.
    row_rewrites: int
    #: How many deliveries of copy messages were not their first.
    repeated_deliveries: int


def gather(
    connection_string: str, *, container: str, access_log: Path, events: Iterable[Event], rows_at_kill: Rows
) -> Evidence:
    """Read everything there is; blobs are downloaded and hashed."""
    requests = read_requests(access_log)
    return Evidence(
        blobs=_blobs(connection_string, container=container),
        published=read_published(connection_string, container=container),
        rows=read_rows(connection_string),
        rows_at_kill=rows_at_kill,
        poison=_poison(connection_string),
        outstanding=_outstanding(connection_string),
        commits=commits(requests, container=container),
        row_rewrites=row_rewrites(requests, table=LEDGER),
        repeated_deliveries=sum(map(_is_repeated, events)),
    )


def read_rows(connection_string: str) -> Rows:
    """The ledger's rows; none where there is no ledger."""
    with TableClient.from_connection_string(connection_string, LEDGER) as table:
        try:
            return {(each["PartitionKey"], each["RowKey"]): _row(each) for each in table.list_entities()}
        except ResourceNotFoundError:
            return {}


def read_poison(message: str) -> tuple[tuple[tuple[str, str], ...], str | None]:
    """The assets that a message's text names, and its reason's error; nothing where it is none of Sluice's."""
    # {"v": 1, "kind": "copy", "assets": [{"item": ..., "key": ..., ...}], "reason": {"error": ..., ...}, ...}
    try:
        body: Any = json.loads(base64.b64decode(message, validate=True))
        assets = tuple((str(each["item"]), str(each["key"])) for each in body["assets"])
        return assets, body.get("reason", {}).get("error")
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError):
        return (), None


def _blobs(connection_string: str, *, container: str) -> Mapping[str, BlobFact]:
    sizes: Mapping[str, Any] = {"max_single_get_size": _CHUNK_BYTES, "max_chunk_get_size": _CHUNK_BYTES}
    with (
        ContainerClient.from_connection_string(connection_string, container, **sizes) as client,
        concurrent.futures.ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool,
    ):
        names = [str(each) for each in client.list_blob_names() if not str(each).startswith((ITEMS, COLLECTIONS))]
        return dict(zip(names, pool.map(partial(_download, client), names), strict=True))


def _download(client: ContainerClient, name: str) -> BlobFact:
    blob: Any = client.download_blob(name)
    digest = hashlib.sha256()
    length = 0
    for chunk in blob.chunks():
        digest.update(chunk)
        length += len(chunk)
    return BlobFact(length=length, sha256=digest.hexdigest(), etag=blob.properties.etag)


def _row(entity: Any) -> RowFact:
    # A 64-bit number comes as an EntityProperty, the ETag in the entity's metadata.
    found = {name: each.value if isinstance(each, EntityProperty) else each for name, each in entity.items()}
    return RowFact(
        item=str(found.get("item")),
        key=str(found.get("key")),
        container=str(found.get("container")),
        blob=str(found.get("blob")),
        etag=str(found.get("etag")),
        length=int(found.get("length", -1)),
        digests=tuple(str(found.get("digests", "")).split()),
        version=str(entity.metadata["etag"]),
    )


def _poison(connection_string: str) -> Sequence[PoisonFact]:
    """What a peek shows; more than it shows is counted by nobody, since two are expected."""
    with QueueClient.from_connection_string(connection_string, COPY_POISON) as queue:
        try:
            return [_poison_fact(each) for each in queue.peek_messages(_PEEK)]
        except ResourceNotFoundError:
            return []


def _poison_fact(message: Any) -> PoisonFact:
    assets, error = read_poison(str(message.content))
    return PoisonFact(assets=assets, error=error, expires=message.expires_on)


def _outstanding(connection_string: str) -> Mapping[str, int]:
    with QueueServiceClient.from_connection_string(connection_string) as service:
        names = [each.name for each in service.list_queues() if each.name != COPY_POISON]
        found = {name: service.get_queue_client(name).get_queue_properties() for name in names}
    return {name: each.approximate_message_count or 0 for name, each in found.items()}


def _is_repeated(event: Event) -> bool:
    return event.kind is EventKind.EXECUTING and event.queue in COPY_QUEUES and (event.dequeue_count or 0) > 1
