"""The storm's source: files that change, and lies about them. It quotes what it was told, secrets included."""

import asyncio
import contextlib
import hashlib
import socket
import struct
from collections import Counter
from collections.abc import AsyncGenerator

from aiohttp import web

from tests.chaos.storm.plan import EVENTS, SECRETS, SIGNED_ACCOUNT, Doom, File, Kind, Lie, Plan
from tests.end_to_end.forwarding import listening

_HANG_SECONDS = 2.0
_PIECE_BYTES = 256 * 1024
_SINGLE_RANGE_STATUS = 206
#: Between the pieces of a body: so that copies are under way when somebody is killed.
_PAUSE_SECONDS = 0.02


class LyingSource:
    """Serves the files of a plan."""

    def __init__(self) -> None:
        self.port = 0
        self.plan = Plan(kinds={}, files={})
        #: Off: it tells the truth from now on.
        self.lies = True
        #: The versions that anybody was given, by blob and SHA-256 (hex).
        self.served: dict[str, dict[str, int]] = {}
        self.told: Counter[Lie] = Counter()
        #: How often somebody came without the secret that a dataset's source wants.
        self.strangers = 0
        self._openings: Counter[str] = Counter()
        self._lied: Counter[str] = Counter()
        self._files: dict[str, File] = {}

    def serve(self, plan: Plan) -> None:
        """Serve these files from now on."""
        self.plan = plan
        self._files = {each.path: each for each in plan.all()}
        self.served = {each.blob: {} for each in plan.all()}

    @contextlib.asynccontextmanager
    async def listen(self) -> AsyncGenerator["LyingSource"]:
        """Listen on a free port until the block ends."""
        async with listening(self._answer) as self.port:
            yield self

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.lstrip("/").removeprefix(f"{SIGNED_ACCOUNT}/")
        if path.startswith("manifests/"):
            name = path.removeprefix("manifests/").removesuffix(".csv")
            text = self.plan.manifest(name) if name in self.plan.files and name != EVENTS else ""
            return web.Response(text=text, headers={"ETag": f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'})
        file = self._files.get(path)
        if file is None or file.doom is Doom.MISSING:
            return web.Response(status=404, text=_quoted(request))
        if not _has_secret(request, self.plan.kinds[file.dataset]):
            self.strangers += 1
            return web.Response(status=403, text=_quoted(request))
        with contextlib.suppress(ConnectionError):
            return await self._give(request, file)
        return web.Response()

    async def _give(self, request: web.Request, file: File) -> web.StreamResponse:
        wanted = request.headers.get("If-Match")
        if wanted is None:
            self._openings[file.path] += 1
        version = min(max(1, self._openings[file.path]), file.versions)
        if wanted not in {None, f'"v{version}"'}:
            return web.Response(status=412, text=_quoted(request))
        lie = self._lie(file) if self.lies and wanted is None else None
        body = file.body(version)
        if lie is not None:
            self.told[lie] += 1
            return await _tell(request, lie, body=body, etag=f'"v{version}"')
        self.served[file.blob][hashlib.sha256(body).hexdigest()] = version
        return await _send(request, body, etag=f'"v{version}"')

    def _lie(self, file: File) -> Lie | None:
        told = self._lied[file.path]
        self._lied[file.path] += 1
        return file.lies[told] if told < len(file.lies) else None


async def _send(request: web.Request, body: bytes, *, etag: str) -> web.StreamResponse:
    part = request.http_range
    is_part = part != slice(None, None, 1)
    sent = body[part] if is_part else body
    headers = {"ETag": etag, "X-Echo": _quoted(request)}
    response = web.StreamResponse(status=_SINGLE_RANGE_STATUS if is_part else 200, headers=headers)
    if is_part:
        start, stop, _ = part.indices(len(body))
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(body)}"
    response.content_length = len(sent)
    await response.prepare(request)
    for at in range(0, len(sent), _PIECE_BYTES):
        await response.write(sent[at : at + _PIECE_BYTES])
        await asyncio.sleep(_PAUSE_SECONDS)
    await response.write_eof()
    return response


async def _tell(request: web.Request, lie: Lie, *, body: bytes, etag: str) -> web.StreamResponse:
    echo = _quoted(request)
    match lie:
        case Lie.THROTTLED:
            return web.Response(status=429, headers={"Retry-After": "1"}, text=echo)
        case Lie.UNAVAILABLE:
            return web.Response(status=503, text=echo)
        case Lie.PAGE:
            return web.Response(text=f"<!DOCTYPE html><html><body>{echo}</body></html>", content_type="text/html")
        case Lie.WRONG_LENGTH:
            return web.Response(body=body[: len(body) * 2 // 3], headers={"ETag": etag})
        case _:
            return await _break_off(request, lie, body=body, etag=etag)


async def _break_off(request: web.Request, lie: Lie, *, body: bytes, etag: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"ETag": etag})
    if lie is Lie.BROKEN_CHUNKS:
        response.enable_chunked_encoding()
    else:
        response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if lie is Lie.HANG:
        await asyncio.sleep(_HANG_SECONDS)
    if lie is Lie.RESET:
        reset(request)
    elif request.transport is not None:
        request.transport.close()
    return response


def reset(request: web.Request) -> None:
    """End a connection by RST."""
    transport = request.transport
    if isinstance(transport, asyncio.Transport):
        found = transport.get_extra_info("socket")
        if found is not None:
            with contextlib.suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


def _has_secret(request: web.Request, kind: Kind) -> bool:
    match kind:
        case Kind.OPEN:
            return True
        case Kind.HEADER:
            return request.headers.get("Authorization") in SECRETS.values()
        case Kind.SIGNED:
            return request.query_string in SECRETS.values()


def _quoted(request: web.Request) -> str:
    """What a server that is careless with secrets says."""
    return f"{request.headers.get('Authorization', '')} {request.raw_path}"
