"""Blob storage's own log: every write of every worker, and what stood there after each that was granted.

A worker comes in by a door of its own, so a write is known to be that worker's. Commits of one blob go through one
after the other, and what a commit has made is read back before anybody is told of it: no blob ever stands unread.
"""

import asyncio
import contextlib
import dataclasses
import enum
import functools
import time
from collections import defaultdict
from collections.abc import AsyncGenerator
from urllib.parse import unquote

import aiohttp
from aiohttp import web

from demo.azurite import ACCOUNT, Azurite
from tests.chaos.flipping import versions_in
from tests.chaos.standing import CONTAINER, BlobReader, Standing
from tests.end_to_end.forwarding import forwarded, listening

_CREATED = 201
#: The parameter ``comp`` of Put Block, Put Block List and Put Blob.
_WRITES = frozenset({"block", "blocklist", None})


class Kind(enum.StrEnum):
    """What a write does."""

    STAGE = "stage"
    #: Put Blob or Put Block List.
    COMMIT = "commit"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A request that was to write, and what came of it."""

    worker: int
    kind: Kind
    blob: str
    #: The version of the source whose bytes were sent; None for a block list.
    version: int | None
    status: int
    #: The ETag that stood there before, and the one that the request named (If-Match).
    replaced: str | None = None
    named: str | None = None
    #: What stood there after a commit that was granted.
    made: Standing | None = None


class BlobLog:
    """What went through the doors."""

    def __init__(self, storage: Azurite, *, session: aiohttp.ClientSession, reader: BlobReader) -> None:
        self.writes: list[Write] = []
        self._storage = storage
        self._session = session
        self._reader = reader
        self._doors: list[int] = []
        self._touched: dict[str, float] = {}
        self._standing: dict[str, str] = {}
        self._one_by_one: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def connection_string(self, worker: int) -> str:
        """The account as a worker has to know it."""
        return dataclasses.replace(self._storage, blob_port=self._doors[worker]).connection_string

    def written_lately(self, *, seconds: float) -> list[str]:
        """The blobs that anybody wrote to within so many seconds."""
        since = time.monotonic() - seconds
        return [blob for blob, at in self._touched.items() if at > since]

    @contextlib.asynccontextmanager
    async def serve(self, *, workers: int) -> AsyncGenerator["BlobLog"]:
        """Open a door for each worker until the block ends."""
        async with contextlib.AsyncExitStack() as stack:
            for worker in range(workers):
                self._doors.append(
                    await stack.enter_async_context(listening(functools.partial(self.answer, worker=worker)))
                )
            yield self

    async def answer(self, request: web.Request, *, worker: int) -> web.Response:
        """Forward a request, and record it if it writes a blob."""
        body = await request.read()
        blob, operation = _blob(request), request.query.get("comp")
        if request.method != "PUT" or blob is None or operation not in _WRITES:
            return await self._forward(request, body)
        self._touched[blob] = time.monotonic()
        if operation == "block":
            response = await self._forward(request, body)
            self._record(Kind.STAGE, blob, response, body, worker=worker)
            return response
        async with self._one_by_one[blob]:
            return await self._commit(request, body, blob=blob, worker=worker)

    async def _commit(self, request: web.Request, body: bytes, *, blob: str, worker: int) -> web.Response:
        response = await self._forward(request, body)
        self._touched[blob] = time.monotonic()
        made = await self._reader.read(blob) if response.status == _CREATED else None
        seen = {"replaced": self._standing.get(blob), "named": request.headers.get("If-Match"), "made": made}
        self._record(Kind.COMMIT, blob, response, body, worker=worker, **seen)
        if made is not None:
            self._standing[blob] = made.etag
        return response

    def _record(
        self, kind: Kind, blob: str, response: web.Response, body: bytes, *, worker: int, **seen: object
    ) -> None:
        (version, *_) = versions_in(body[: 1 << 16]) or (None,)
        write = Write(worker=worker, kind=kind, blob=blob, version=version, status=response.status)
        self.writes.append(dataclasses.replace(write, **seen))

    async def _forward(self, request: web.Request, body: bytes) -> web.Response:
        return await forwarded(request, body, session=self._session, port=self._storage.blob_port)


def _blob(request: web.Request) -> str | None:
    """The blob of the assets' container that a request is for."""
    path = unquote(request.raw_path.partition("?")[0])
    place = f"/{ACCOUNT}/{CONTAINER}/"
    return path.removeprefix(place) if path.startswith(place) else None
