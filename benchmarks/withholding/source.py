"""A source that takes its time and fails as planned (``python -m benchmarks.withholding.source STREAMS LOG PORT...``).

``GET /<stream>/<item>/<key>.bin`` is a file. ``POST /outage/<seconds>`` begins an outage: 503 for every file of a
stream that has faults. It listens on several ports, which are hosts to a client that bounds its connections to each.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from benchmarks.withholding.plan import FILE_BYTES, Fault, Stream, Streams, decode_streams

_MODIFIED = "Wed, 03 Jan 2024 10:00:00 GMT"
_EMPTY = b"HTTP/1.1 %d %s\r\nContent-Length: 0\r\n\r\n"


class Source:
    """Answers requests by their target, how often it was asked, and the time."""

    def __init__(self, streams: Streams, *, log: TextIO, clock: Callable[[], float] = time.time) -> None:
        self._streams = streams
        self._log = log
        self._clock = clock
        self._failed = set[str]()
        self._outage_until = 0.0

    async def answer(self, method: str, target: str) -> bytes:
        """The answer, once it is time; one that is cut short is to be the connection's last."""
        if method == "POST":
            self._outage_until = self._clock() + float(target.rpartition("/")[2])
            return _EMPTY % (202, b"Accepted")
        began = self._clock()
        stream_name, item, file = target.strip("/").split("/")
        stream, key = self._streams[stream_name], file.removesuffix(".bin")
        fault = self._fault(stream, target, item=item, key=key)
        if fault in {None, Fault.CUT}:
            await asyncio.sleep(stream.seconds_of(item, key))
        self._log.write(json.dumps({"began": began, "ended": self._clock(), "target": target, "fault": fault}) + "\n")
        match fault:
            case Fault.MISSING:
                return _EMPTY % (404, b"Not Found")
            case Fault.REFUSED:
                return _EMPTY % (503, b"Service Unavailable")
            case _:
                return _file(target)[: -FILE_BYTES // 2 if fault else None]

    def _fault(self, stream: Stream, target: str, *, item: str, key: str) -> Fault | None:
        has_faults = bool(stream.missing or stream.refused or stream.cut)
        if has_faults and self._clock() < self._outage_until:
            return Fault.REFUSED
        fault = stream.fault_of(item, key)
        if fault in {None, Fault.MISSING}:
            return fault
        if target in self._failed:
            return None
        self._failed.add(target)
        return fault


async def serve(source: Source, ports: list[int]) -> None:
    """Listen, for ever."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError), contextlib.closing(writer):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, target, _ = head.decode("latin-1").split(" ", 2)
                answer = await source.answer(method, target)
                writer.write(answer)
                await writer.drain()
                if _is_cut(answer):
                    return

    async with contextlib.AsyncExitStack() as stack:
        for port in ports:
            server = await asyncio.start_server(handle, "127.0.0.1", port, backlog=512)
            await stack.enter_async_context(server)
        await asyncio.Event().wait()


def _file(target: str) -> bytes:
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {FILE_BYTES}\r\n"
        f'ETag: "{target}"\r\nLast-Modified: {_MODIFIED}\r\n\r\n'
    )
    return head.encode() + target.encode().ljust(FILE_BYTES, b".")[:FILE_BYTES]


def _is_cut(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    return len(body) < int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])


if __name__ == "__main__":
    with Path(sys.argv[2]).open("a", encoding="utf-8", buffering=1) as _log, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(Source(decode_streams(sys.argv[1]), log=_log), [int(each) for each in sys.argv[3:]]))
