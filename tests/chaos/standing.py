"""What stands in blob storage, read whole: after each commit, by a reader who looks all the while, and at the end."""

import asyncio
import contextlib
import dataclasses
import datetime as dt
import hashlib
from collections.abc import AsyncGenerator, Callable, Iterable
from urllib.parse import quote

import aiohttp
from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas
from yarl import URL

from demo.azurite import ACCOUNT, KEY, Azurite
from tests.chaos.flipping import versions_in

CONTAINER = "assets"
BLOCK_BYTES = 1024 * 1024
#: Also that of a deployment that is older.
BLOCK_SIZES = (BLOCK_BYTES, 2 * BLOCK_BYTES)

_OK, _NOT_MODIFIED, _ABSENT = 200, 304, 404
#: Between two looks: the reader takes no more of the machine than it has to.
_PAUSE_SECONDS = 0.01


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A blob as it stood there."""

    etag: str
    length: int
    sha256: str
    #: All digests of these bytes that a ledger row may name.
    digests: frozenset[str]
    #: The versions of the source that its bytes are of, in order.
    versions: tuple[int, ...]


class BlobReader:
    """Reads blobs past the doors."""

    def __init__(self, storage: Azurite, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._place = f"http://127.0.0.1:{storage.blob_port}/{ACCOUNT}/{CONTAINER}"
        self._signature = generate_account_sas(
            ACCOUNT,
            KEY,
            resource_types=ResourceTypes(object=True),
            permission=AccountSasPermissions(read=True),
            expiry=dt.datetime.now(dt.UTC) + dt.timedelta(days=1),
        )

    async def read(self, blob: str, *, unless: str | None = None) -> Standing | None:
        """A blob whole; None where there is none, or its ETag is the one named."""
        url = URL(f"{self._place}/{quote(blob)}?{self._signature}", encoded=True)
        async with self._session.get(url, headers={"If-None-Match": unless} if unless else {}) as answer:
            if answer.status in {_NOT_MODIFIED, _ABSENT}:
                return None
            assert answer.status == _OK, f"a read of {blob} was answered by {answer.status}"
            return standing(await answer.read(), etag=answer.headers["ETag"])

    async def read_all(self, blobs: Iterable[str]) -> dict[str, Standing]:
        """All blobs that are there, one after the other."""
        found = {each: await self.read(each) for each in blobs}
        return {blob: each for blob, each in found.items() if each is not None}


class Watch:
    """A reader who looks at every blob all the while that it is being written."""

    def __init__(self, reader: BlobReader, *, blobs: Callable[[], Iterable[str]]) -> None:
        self.looks = 0
        #: Every blob that was found there, once for each of its ETags.
        self.seen: list[tuple[str, Standing]] = []
        self._reader = reader
        self._blobs = blobs
        self._etags: dict[str, str] = {}

    @contextlib.asynccontextmanager
    async def keep(self) -> AsyncGenerator["Watch"]:
        """Look until the block ends; what went wrong with that is raised then."""
        ending = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look(ending))
            try:
                yield self
            finally:
                ending.set()

    async def _look(self, ending: asyncio.Event) -> None:
        while not ending.is_set():
            for blob in self._blobs():
                self.looks += 1
                found = await self._reader.read(blob, unless=self._etags.get(blob))
                if found is not None:
                    self._etags[blob] = found.etag
                    self.seen.append((blob, found))
                await asyncio.sleep(_PAUSE_SECONDS)
            await asyncio.sleep(_PAUSE_SECONDS)


def standing(body: bytes, *, etag: str) -> Standing:
    """A blob with these bytes."""
    sha256 = hashlib.sha256(body).hexdigest()
    digests = {
        f"sha256:{sha256}",
        f"md5:{hashlib.md5(body).hexdigest()}",
        *(f"blocks-sha256:{size}:{_digest_of_blocks(body, size=size)}" for size in BLOCK_SIZES),
    }
    return Standing(etag=etag, length=len(body), sha256=sha256, digests=frozenset(digests), versions=versions_in(body))


def _digest_of_blocks(body: bytes, *, size: int) -> str:
    blocks = [hashlib.sha256(body[at : at + size]).digest() for at in range(0, len(body), size)]
    return hashlib.sha256(b"".join(blocks)).hexdigest()
