"""A source whose files change while they are read: other bytes, another ETag, another Last-Modified."""

import asyncio
import contextlib
import dataclasses
import datetime as dt
import enum
import hashlib
import random
import re
from collections.abc import AsyncGenerator
from email.utils import format_datetime, parsedate_to_datetime

from aiohttp import web

#: A prime: no two blocks of a file are equal.
_PERIOD = 1021
#: Whoever has read so much of a file and its name has read the version's number in it.
SHORTEST = 2 * _PERIOD
#: The first reader is held up until there is a second one, but not for ever.
_HOLD_SECONDS = 4.0
#: The first part of a body: a block of 1 MiB, and some.
_HEAD_BYTES = 1024 * 1024 + 64 * 1024
_PIECE_BYTES = 512 * 1024
_LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


class Mark(enum.StrEnum):
    """By what a version is told from another."""

    ETAG = "etag"
    #: A date that was settled long ago.
    MODIFIED = "modified"
    #: A weak ETag, and a date of this very second.
    NOTHING = "nothing"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """How a file is served."""

    #: Of its first version; none is shorter than ``SHORTEST``.
    size: int
    #: Each version is some bytes longer than the one before.
    grows: bool
    mark: Mark
    #: So many times whoever opens the file finds a new version, and nobody a new one after that.
    flips: int
    #: Between the pieces of the rest, once there are two readers.
    pause_seconds: float


@dataclasses.dataclass(slots=True, kw_only=True)
class _File:
    offer: Offer
    version: int = 0
    openings: int = 0
    two_readers: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

    def open(self) -> None:
        self.openings += 1
        self.version = min(self.openings, self.offer.flips)
        if self.openings > 1:
            self.two_readers.set()


class FlippingSource:
    """Serves files by the names of the blobs that they are to become."""

    def __init__(self) -> None:
        self.port = 0
        #: The versions that anybody was served, by file and SHA-256 (hex).
        self.served: dict[str, dict[str, int]] = {}
        self._files: dict[str, _File] = {}

    def offer(self, name: str, offer: Offer) -> str:
        """Serve a file from now on; returns its address."""
        self._files[name] = _File(offer=offer)
        self.served[name] = {}
        return f"http://127.0.0.1:{self.port}/{name}"

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncGenerator["FlippingSource"]:
        """Listen on a free port until the block ends."""
        application = web.Application()
        application.router.add_route("GET", "/{name:.+}", self._answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.port = runner.addresses[0][1]
            yield self
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        file = self._files.get(name)
        if file is None:
            raise web.HTTPNotFound
        if not {"If-Match", "If-Unmodified-Since"} & set(request.headers):
            file.open()
        elif _is_another(request, file):
            raise web.HTTPPreconditionFailed
        body = content(name, version=file.version, size=_size(file))
        self.served[name][hashlib.sha256(body).hexdigest()] = file.version
        with contextlib.suppress(ConnectionError):
            return await _send(request, file, body)
        return web.Response()


def content(name: str, *, version: int, size: int) -> bytes:
    """The bytes of a version of a file: its number stands in them again and again."""
    stamp = f"<version {version}>".encode()
    noise = hashlib.shake_128(f"{name} {version}".encode()).digest(_PERIOD - len(stamp))
    return ((stamp + noise) * (size // _PERIOD + 1))[:size]


def versions_in(body: bytes) -> tuple[int, ...]:
    """The versions that bytes are of; more than one where they are mixed."""
    return tuple(dict.fromkeys(int(each[1]) for each in re.finditer(rb"<version (\d+)>", body)))


async def _send(request: web.Request, file: _File, body: bytes) -> web.StreamResponse:
    """The first part at once, the rest when somebody else reads the file, too."""
    part = request.http_range
    sent = body[part]
    response = web.StreamResponse(status=200 if part == slice(None, None, 1) else 206, headers=_headers(file))
    if response.status == 206:
        start, stop, _ = part.indices(len(body))
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(body)}"
    response.content_length = len(sent)
    await response.prepare(request)
    head = min(_HEAD_BYTES, len(sent) // 2)
    await response.write(sent[:head])
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_HOLD_SECONDS):
            await file.two_readers.wait()
    for at in range(head, len(sent), _PIECE_BYTES):
        # Now the one is first, now the other.
        await asyncio.sleep(file.offer.pause_seconds * random.uniform(0.2, 1.8))
        await response.write(sent[at : at + _PIECE_BYTES])
    await response.write_eof()
    return response


def _size(file: _File) -> int:
    return file.offer.size + (file.version * 100 if file.offer.grows else 0)


def _headers(file: _File) -> dict[str, str]:
    match file.offer.mark:
        case Mark.ETAG:
            return {"ETag": f'"version-{file.version}"', "Last-Modified": format_datetime(_modified(file), usegmt=True)}
        case Mark.MODIFIED:
            return {"Last-Modified": format_datetime(_modified(file), usegmt=True)}
        case Mark.NOTHING:
            return {"ETag": 'W/"version"', "Last-Modified": format_datetime(dt.datetime.now(dt.UTC), usegmt=True)}


def _modified(file: _File) -> dt.datetime:
    return _LONG_AGO + dt.timedelta(hours=file.version)


def _is_another(request: web.Request, file: _File) -> bool:
    """Whether a condition of the request names a version that is gone."""
    wanted, since = request.headers.get("If-Match"), request.headers.get("If-Unmodified-Since")
    if wanted is not None:
        return wanted != _headers(file).get("ETag")
    return since is not None and _modified(file) > parsedate_to_datetime(since)
