"""Serves a workload's files as fast as a machine can, none of them stored (``python -m benchmarks.source PORT``).

``/<spec>/`` lists the files of a workload, ``/<spec>/manifest.csv`` too; ``/<spec>/<file>`` is one. The kernel copies
the bytes of all but small ones.
"""

import asyncio
import contextlib
import dataclasses
import re
import sys
import tempfile
from functools import cache
from typing import BinaryIO, Self, cast, override

from benchmarks.workloads import MIB, Pattern, Workload, size_of

#: Shorter bodies go out together with their heads.
_TOGETHER_BYTES = MIB
#: Files of a manifest that make one item, as the bands of a scene do.
ITEM_FILES = 25
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_MODIFIED = "Wed, 03 Jan 2024 10:00:00 GMT"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """A listing."""

    media_type: str
    content: bytes


class Files:
    """Answers requests by their target alone."""

    def __init__(self, *, origin: str) -> None:
        self.pattern = Pattern()
        self._origin = origin

    def document(self, path: str) -> _Document | None:
        """A listing, or None where the path is no listing's. Raises ValueError for a workload that can't be."""
        spec, _, name = path.partition("/")
        if name == "":
            return _Document(media_type="text/html", content=_index(spec))
        if name == "manifest.csv":
            return _Document(media_type="text/csv", content=_manifest(spec, origin=self._origin))
        return None


class _Connection(asyncio.Protocol):
    """One connection of a client that waits for each answer before it asks again."""

    def __init__(self, files: Files, stored: BinaryIO) -> None:
        self._files = files
        self._stored = stored
        self._received = b""
        self._sending: asyncio.Task[None] | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._received.endswith(b"\r\n\r\n"):
            head, self._received = self._received.decode("latin-1"), b""
            self._answer(head)

    def _answer(self, head: str) -> None:
        lines = head.split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines[1:])}
        name = target.removeprefix("/")
        try:
            document = self._files.document(name)
            size = size_of(name) if document is None else len(document.content)
        except ValueError:
            self._transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        span = _Span.of(headers.get("range", ""), size=size)
        head_sent = span.head(document.media_type if document else "application/octet-stream", etag=name)
        if method == "HEAD":
            self._transport.write(head_sent)
        elif document:
            self._transport.write(head_sent + document.content[span.start : span.end])
        elif span.length <= _TOGETHER_BYTES:
            self._transport.write(head_sent + self._files.pattern.piece(name, span.start, span.length))
        else:
            self._transport.write(head_sent)
            self._sending = asyncio.get_running_loop().create_task(self._send(name, span))

    async def _send(self, name: str, span: "_Span") -> None:
        loop = asyncio.get_running_loop()
        start = span.start
        # A client may have had enough before the end.
        with contextlib.suppress(ConnectionError, RuntimeError):
            while start < span.end:
                place, together = self._files.pattern.place(name, start)
                together = min(together, span.end - start)
                await loop.sendfile(self._transport, self._stored, place, together)
                start += together


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """The bytes that are asked for."""

    start: int
    end: int
    size: int
    is_part: bool

    @classmethod
    def of(cls, asked: str, *, size: int) -> Self:
        """What a Range header asks for; everything where it is none."""
        found = _RANGE.fullmatch(asked)
        if found is None:
            return cls(start=0, end=size, size=size, is_part=False)
        end = min(size, int(found[2]) + 1) if found[2] else size
        return cls(start=min(int(found[1]), end), end=end, size=size, is_part=True)

    @property
    def length(self) -> int:
        """How many they are."""
        return self.end - self.start

    def head(self, media_type: str, *, etag: str) -> bytes:
        """The head of the answer."""
        status = "206 Partial Content" if self.is_part else "200 OK"
        part = f"Content-Range: bytes {self.start}-{self.end - 1}/{self.size}\r\n" if self.is_part else ""
        return (
            f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {self.length}\r\n{part}"
            f'Accept-Ranges: bytes\r\nETag: "{etag}"\r\nLast-Modified: {_MODIFIED}\r\n\r\n'
        ).encode()


@cache
def _index(spec: str) -> bytes:
    names = [each.name.rpartition("/")[2] for each in Workload.parse(spec).files]
    links = "".join(f'<a href="{name}">{name}</a>\n' for name in names)
    return f"<html><body>\n{links}</body></html>\n".encode()


@cache
def _manifest(spec: str, *, origin: str) -> bytes:
    lines = [
        f"{origin}/{each.name},{each.size},item-{number // ITEM_FILES:06}\n"
        for number, each in enumerate(Workload.parse(spec).files)
    ]
    return ("url,size,item\n" + "".join(lines)).encode()


async def _serve(port: int) -> None:
    files = Files(origin=f"http://127.0.0.1:{port}")
    with tempfile.TemporaryFile() as stored:
        stored.write(files.pattern.bytes)
        stored.flush()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Connection(files, stored), "127.0.0.1", port, backlog=512)
        async with server:
            await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
