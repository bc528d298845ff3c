"""A wire to the queue service that notes what passes (``python -m benchmarks.withholding.wire PORT SERVICE_PORT LOG``).

Bytes are handed on as they come, in both directions, so nothing that it understands or doesn't changes a call.
"""

import asyncio
import collections
import contextlib
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from benchmarks.withholding.http_stream import HttpMessage, HttpStream

_PIECE_BYTES = 64 * 1024
_ID = re.compile(rb"<MessageId>([^<]*)</MessageId>")
_TEXT = re.compile(rb"<MessageText>([^<]*)</MessageText>")


class Connection:
    """What passes on one connection: requests, and the answer to each in their order."""

    def __init__(self, log: TextIO) -> None:
        self._log = log
        self._requests, self._answers = HttpStream(), HttpStream()
        self._open = collections.deque[tuple[HttpMessage, float]]()

    def asked(self, data: bytes) -> None:
        """Take in bytes on their way to the service."""
        for each in self._requests.feed(data):
            self._open.append((each, time.time()))

    def answered(self, data: bytes) -> None:
        """Take in bytes on their way back; a call is noted once its answer is whole."""
        for each in self._answers.feed(data):
            self._note(*self._open.popleft(), answer=each)

    def _note(self, request: HttpMessage, asked_at: float, *, answer: HttpMessage) -> None:
        now = time.time()
        method, target, _ = request.first_line.split(" ", 2)
        text = _TEXT.search(request.body)
        line = {
            "at": round(now, 4),
            "took": round(now - asked_at, 5),
            "method": method,
            "target": target,
            "status": int(answer.first_line.split(" ")[1]),
            "ids": [each.decode() for each in _ID.findall(answer.body)],
            "text": text[1].decode() if text and method == "POST" else None,
        }
        self._log.write(json.dumps(line) + "\n")


async def serve(port: int, *, service_port: int, log: TextIO) -> None:
    """Be the service's port to whoever asks here, for ever."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        service_reader, service_writer = await asyncio.open_connection("127.0.0.1", service_port)
        connection = Connection(log)
        async with asyncio.TaskGroup() as group:
            group.create_task(_hand_on(reader, service_writer, note=connection.asked))
            group.create_task(_hand_on(service_reader, writer, note=connection.answered))

    server = await asyncio.start_server(handle, "127.0.0.1", port, backlog=512)
    async with server:
        await server.serve_forever()


async def _hand_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, note: Callable[[bytes], None]
) -> None:
    # Whoever ends the connection ends it for both.
    with contextlib.suppress(ConnectionError), contextlib.closing(writer):
        while data := await reader.read(_PIECE_BYTES):
            note(data)
            writer.write(data)
            await writer.drain()


if __name__ == "__main__":
    with Path(sys.argv[3]).open("a", encoding="utf-8", buffering=1) as _log, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1]), service_port=int(sys.argv[2]), log=_log))
