"""A reader of what is published: it looks again and again, and never may see an item that lacks an asset."""

import contextlib
import dataclasses
import json
import threading
from collections.abc import Generator
from typing import Any
from urllib.parse import unquote, urlsplit

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from benchmarks.withholding.plan import KEYS

#: Where items are published, beside no asset.
CONTAINER = "published"

_EVERY_SECONDS = 2.0
_END_SECONDS = 60.0


@dataclasses.dataclass(slots=True, kw_only=True)
class Sight:
    """What a reader has seen: each item once, as soon as it was there."""

    items: int = 0
    #: Items that lacked an asset.
    torn: list[str] = dataclasses.field(default_factory=list[str])
    #: Why the reader stopped, if it did.
    error: Exception | None = None


@contextlib.contextmanager
def reading(connection_string: str) -> Generator[Sight]:
    """Read until the block ends, and then once more."""
    sight, over = Sight(), threading.Event()
    thread = threading.Thread(target=_read, args=(connection_string, sight, over), daemon=True)
    thread.start()
    try:
        yield sight
    finally:
        over.set()
        thread.join(_END_SECONDS)
    if sight.error is not None:
        raise sight.error


def place_of(href: str) -> tuple[str, str]:
    """The container and the name of the blob to which an address in an account of Azurite's leads."""
    _, _, container, name = urlsplit(href).path.split("/", 3)
    return unquote(container), unquote(name)


def _read(connection_string: str, sight: Sight, over: threading.Event) -> None:
    seen = set[str]()
    try:
        with BlobServiceClient.from_connection_string(connection_string) as service:
            is_last = False
            while not is_last:
                is_last = over.wait(_EVERY_SECONDS)
                _look(service, sight, seen)
    except Exception as error:  # noqa: BLE001 - raised again where the block ends
        sight.error = error


def _look(service: BlobServiceClient, sight: Sight, seen: set[str]) -> None:
    try:
        names = [str(each) for each in service.get_container_client(CONTAINER).list_blob_names()]
    except ResourceNotFoundError:
        return
    for name in names:
        if name not in seen:
            seen.add(name)
            sight.items += 1
            if not _is_whole(service, name):
                sight.torn.append(name)


def _is_whole(service: BlobServiceClient, name: str) -> bool:
    # {"id": ..., "assets": {<key>: {"href": "http://127.0.0.1:1/account/container/name", ...}, ...}, ...}
    download: Any = service.get_blob_client(CONTAINER, name).download_blob()
    assets = json.loads(download.readall())["assets"].values()
    places = [place_of(each["href"]) for each in assets]
    return len(places) == len(KEYS) and all(service.get_blob_client(*each).exists() for each in places)
