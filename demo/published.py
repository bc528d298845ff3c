"""Published items as any reader finds them: by their names, their JSON, and the hrefs in it."""

import concurrent.futures
import contextlib
import dataclasses
import datetime as dt
import functools
import hashlib
import http
import http.client
import json
import threading
from collections.abc import Generator, Mapping
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContainerClient, ContainerSasPermissions, generate_container_sas

from demo.azurite import ACCOUNT, KEY

#: What the sample's dataset calls items and collections.
ITEMS, COLLECTIONS = "items/", "collections/"

_READS_AT_ONCE = 4
_SECONDS = 30
_LOOK_EVERY_SECONDS = 0.2
_CHUNK_BYTES = 1024 * 1024


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HrefFact:
    """What an href answers."""

    status: int
    #: Bytes.
    length: int
    #: Hex.
    sha256: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFact:
    """A published item: its JSON, and what its assets' hrefs and its own links answer, by href."""

    document: Mapping[str, Any]
    hrefs: Mapping[str, HrefFact]


class Reader:
    """Polls published items while they are published, and asks for each of their assets at once."""

    def __init__(self, connection_string: str, *, container: str) -> None:
        self._connection_string = connection_string
        self._container = container
        self._ends = threading.Event()
        #: Items that were looked at, and what was missing of them.
        self.seen = 0
        self.objections: list[str] = []

    @contextlib.contextmanager
    def reading(self) -> Generator[None]:
        """Read until the block ends."""
        thread = threading.Thread(target=self._read, name="reader")
        thread.start()
        try:
            yield
        finally:
            self._ends.set()
            thread.join()

    def _read(self) -> None:
        signature = sign(self._container)
        known: dict[str, str] = {}
        with ContainerClient.from_connection_string(self._connection_string, self._container) as client:
            while not self._ends.wait(_LOOK_EVERY_SECONDS):
                # Before the first run there is no container.
                with contextlib.suppress(ResourceNotFoundError):
                    for name, etag in _names(client).items():
                        if known.get(name) != etag:
                            known[name] = etag
                            self._look(client, name, signature=signature)

    def _look(self, client: ContainerClient, name: str, *, signature: str) -> None:
        document = _document(client, name)
        self.seen += 1
        for key, asset in document["assets"].items():
            found = ask("HEAD", asset["href"], signature=signature)
            if (found.status, found.length) != (http.HTTPStatus.OK, asset["file:size"]):
                self.objections.append(f"{name} was published when its {key} answered {found.status}")


def read_published(connection_string: str, *, container: str) -> Mapping[str, PublishedFact]:
    """Every published item by its blob's name, with all that its hrefs lead to."""
    signature = sign(container)
    with (
        ContainerClient.from_connection_string(connection_string, container) as client,
        concurrent.futures.ThreadPoolExecutor(_READS_AT_ONCE) as pool,
    ):
        documents = {name: _document(client, name) for name in _names(client)}
        hrefs = sorted({href for each in documents.values() for href in hrefs_of(each)})
        answers = dict(zip(hrefs, pool.map(functools.partial(ask, "GET", signature=signature), hrefs), strict=True))
    return {
        name: PublishedFact(document=each, hrefs={href: answers[href] for href in hrefs_of(each)})
        for name, each in documents.items()
    }


def hrefs_of(document: Mapping[str, Any]) -> list[str]:
    """What a reader follows: an item's assets, itself, and its collection."""
    links = [each["href"] for each in document["links"] if each["rel"] in {"self", "collection", "root", "parent"}]
    return [*(each["href"] for each in document["assets"].values()), *links]


def sign(container: str) -> str:
    """A signature with which a container's blobs can be read for an hour."""
    return generate_container_sas(
        ACCOUNT,
        container,
        account_key=KEY,
        permission=ContainerSasPermissions(read=True),
        expiry=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1),
    )


def ask(method: str, href: str, *, signature: str) -> HrefFact:
    """Ask for an href with nothing but a signature."""
    parts = urlsplit(href)
    connection = http.client.HTTPConnection(parts.netloc, timeout=_SECONDS)
    with contextlib.closing(connection):
        connection.request(method, f"{parts.path}?{signature}")
        answer = connection.getresponse()
        digest, length = hashlib.sha256(), 0
        while chunk := answer.read(_CHUNK_BYTES):
            digest.update(chunk)
            length += len(chunk)
        stated = int(answer.headers["Content-Length"] or 0) if method == "HEAD" else length
        return HrefFact(status=answer.status, length=stated, sha256=digest.hexdigest())


def _names(client: ContainerClient) -> dict[str, str]:
    return {each.name: each.etag for each in client.list_blobs(name_starts_with=ITEMS)}


def _document(client: ContainerClient, name: str) -> dict[str, Any]:
    blob: Any = client.download_blob(name)
    return json.loads(blob.readall())
