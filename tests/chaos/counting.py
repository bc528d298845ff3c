"""A server that counts, by each address that it is asked at: requests under way, and those and bytes in any second."""

import asyncio
import contextlib
import dataclasses
import socket
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterable

_PIECE = bytes(16 * 1024)
_SEND_BUFFER_BYTES = 16 * 1024


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What each request of a host brings."""

    #: How long the head of the answer takes.
    seconds: float
    size: int


@dataclasses.dataclass(slots=True, kw_only=True)
class Counted:
    """What one host saw."""

    load: Load
    under_way: int = 0
    most_under_way: int = 0
    #: When requests came, and when how many bytes went.
    requests: list[tuple[float, int]] = dataclasses.field(default_factory=list[tuple[float, int]])
    sent: list[tuple[float, int]] = dataclasses.field(default_factory=list[tuple[float, int]])
    #: How long requests were under way, one with the other: when each ended, and its seconds in thousandths.
    busy: list[tuple[float, int]] = dataclasses.field(default_factory=list[tuple[float, int]])


class CountingServer:
    """Answers every request with its host's load."""

    def __init__(self, loads: dict[str, Load]) -> None:
        self.port = 0
        self.hosts = {host: Counted(load=load) for host, load in loads.items()}

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncGenerator["CountingServer"]:
        """Listen on all hosts (addresses of loopback), on one free port, until the block ends."""
        servers: list[asyncio.Server] = []
        try:
            for host in self.hosts:
                servers.append(await asyncio.start_server(self._serve, host, self.port))
                self.port = servers[0].sockets[0].getsockname()[1]
            yield self
        finally:
            for each in servers:
                each.close()
                each.close_clients()
                await each.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # What the server's own buffers hold isn't sent yet.
        writer.transport.set_write_buffer_limits(0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        counted = self.hosts[writer.get_extra_info("sockname")[0]]
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await _answer(reader, writer, counted)
        writer.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counted: Counted) -> None:
    began = time.monotonic()
    counted.requests.append((began, 1))
    counted.under_way += 1
    counted.most_under_way = max(counted.most_under_way, counted.under_way)
    try:
        await _wait(reader, counted.load.seconds)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % counted.load.size)
        left = counted.load.size
        while left:
            piece = _PIECE[:left]
            writer.write(piece)
            await writer.drain()
            left -= len(piece)
            counted.sent.append((time.monotonic(), len(piece)))
    finally:
        counted.under_way -= 1
        counted.busy.append((time.monotonic(), round(1000 * (time.monotonic() - began))))


async def _wait(reader: asyncio.StreamReader, seconds: float) -> None:
    """Wait, unless the connection breaks: whoever was killed isn't under way any more."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if reader.at_eof() or reader.exception():
            raise ConnectionError
        await asyncio.sleep(min(left, 0.01))


def most_in_any_second(events: Iterable[tuple[float, int]]) -> int:
    """The most units in any second, wherever it begins."""
    within, total, most = deque[tuple[float, int]](), 0, 0
    for at, units in sorted(events):
        within.append((at, units))
        total += units
        while within[0][0] <= at - 1:
            total -= within.popleft()[1]
        most = max(most, total)
    return most
