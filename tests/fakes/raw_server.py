"""An HTTP server on loopback that sends what it is told, byte for byte, and lies if it is told to."""

import asyncio
import contextlib
import dataclasses
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, Callable, Mapping
from enum import Enum, auto

#: Between the pieces of an answer.
_PAUSE_SECONDS = 0.05
#: Closing resets: linger, for no time.
_RESET = struct.pack("ii", 1, 0)


class Ending(Enum):
    """What follows the last byte of an answer."""

    #: The connection is closed.
    CLOSE = auto()
    #: The connection waits for another request.
    KEEP = auto()
    #: The connection is reset.
    RESET = auto()
    #: Nothing follows, until the client has had enough.
    HANG = auto()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The bytes of an answer, head and body."""

    sent: bytes
    ending: Ending = Ending.CLOSE
    #: What follows ``sent`` before the ending, slowly.
    pieces: tuple[bytes, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it came, with the names of its headers in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class RawServer:
    """Answers by path, one after the other, the last for ever; other paths are 404."""

    def __init__(self, *, port: int, scheme: str) -> None:
        self.port = port
        self.scheme = scheme
        self.answers: dict[str, tuple[Answer | Callable[[Asked], Answer], ...]] = {}
        self.asked: list[Asked] = []
        self.connections = 0

    def url(self, target: str, *, host: str = "127.0.0.1") -> str:
        """The address of a path."""
        return f"{self.scheme}://{host}:{self.port}{target}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._answered(reader, writer):
                pass
        writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        asked = await _read(reader)
        self.asked.append(asked)
        answer = self._next(asked)
        writer.write(answer.sent)
        await writer.drain()
        for piece in answer.pieces:
            await asyncio.sleep(_PAUSE_SECONDS)
            writer.write(piece)
            await writer.drain()
        match answer.ending:
            case Ending.HANG:
                await reader.read()
            case Ending.RESET:
                connection: socket.socket = writer.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()
            case _:
                pass
        return answer.ending is Ending.KEEP

    def _next(self, asked: Asked) -> Answer:
        path = asked.target.partition("?")[0]
        answers = self.answers.get(path, (Answer(sent=reply(status="404 Not Found")),))
        self.answers[path] = answers[1:] or answers
        answer = answers[0]
        return answer if isinstance(answer, Answer) else answer(asked)


@contextlib.asynccontextmanager
async def raw_server(*, tls: ssl.SSLContext | None = None) -> AsyncGenerator[RawServer]:
    """Run a server on a free port of 127.0.0.1 until the block ends."""
    raw = RawServer(port=0, scheme="https" if tls else "http")
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0, ssl=tls)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        server.close()
        server.close_clients()
        await server.wait_closed()


def reply(body: bytes = b"", *, status: str = "200 OK", headers: Mapping[str, str] | None = None) -> bytes:
    """An honest answer with its length, unless the headers say something else of it."""
    stated = {"Content-Length": str(len(body)), **(headers or {})}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in stated.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(*chunks: bytes, complete: bool = True, headers: Mapping[str, str] | None = None) -> bytes:
    """An answer in chunks, without the last one if it isn't to be complete."""
    lines = [f"{name}: {value}" for name, value in (headers or {}).items()]
    head = "\r\n".join(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", *lines, "", ""]).encode()
    body = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in chunks)
    return head + body + (b"0\r\n\r\n" if complete else b"")


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method=method, target=target, headers=headers, body=body)
