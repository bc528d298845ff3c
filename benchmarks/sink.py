"""The discarding server: takes blobs as fast as a machine can (``python -m benchmarks.sink PORT``).

``/facts/<container>`` says as JSON what it remembers of them.
"""

import asyncio
import dataclasses
import json
import sys
from http import HTTPStatus
from typing import cast, override
from urllib.parse import unquote, urlsplit

from benchmarks.discarding import FIRST_BYTES, Reply, Request, Store, keeps_body
from benchmarks.workloads import MIB


class _Connection(asyncio.BufferedProtocol):
    """One connection of a client that waits for each answer before it asks again."""

    #: Shared by all connections: what came is done with before anything else is received.
    _buffer = memoryview(bytearray(MIB))

    def __init__(self, store: Store) -> None:
        self._store = store
        self._head = b""
        self._body = bytearray()
        self._request: Request | None = None
        self._missing = 0
        self._kept_bytes = 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    @override
    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    @override
    def buffer_updated(self, nbytes: int) -> None:
        start = 0
        while start < nbytes:
            start = self._take_body(start, nbytes) if self._request else self._take_head(start, nbytes)
            if self._request and not self._missing:
                self._answer(self._request)

    def _take_head(self, start: int, end: int) -> int:
        before = len(self._head)
        self._head += self._buffer[start:end].tobytes()
        length = self._head.find(b"\r\n\r\n")
        if length < 0:
            return end
        self._begin(_parsed(self._head[:length].decode("latin-1")))
        self._head = b""
        return start + length + 4 - before

    def _begin(self, request: Request) -> None:
        self._request = request
        self._missing = request.length
        self._kept_bytes = request.length if keeps_body(request.query) else FIRST_BYTES
        self._body.clear()
        if "transfer-encoding" in request.headers:
            self._transport.write(_written(Reply(status=HTTPStatus.LENGTH_REQUIRED)))
            self._transport.close()
        if request.headers.get("expect") == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _take_body(self, start: int, end: int) -> int:
        end = min(end, start + self._missing)
        if wanted := self._kept_bytes - len(self._body):
            self._body += self._buffer[start : min(end, start + wanted)]
        self._missing -= end - start
        return end

    def _answer(self, request: Request) -> None:
        self._request = None
        if request.container == "facts" and request.method == "GET":
            facts = json.dumps(self._store.facts(request.blob)).encode()
            reply = Reply(status=HTTPStatus.OK, body=facts)
        else:
            reply = self._store.answer(dataclasses.replace(request, body=bytes(self._body)))
        self._transport.write(_written(reply, is_head=request.method == "HEAD"))


def _parsed(head: str) -> Request:
    """A request without its body.

    Paths begin with the account, as Azurite's do: ``/devstoreaccount1/container/blob``.
    """
    lines = head.split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines[1:])}
    url = urlsplit(target)
    account, _, path = url.path.removeprefix("/").partition("/")
    container, _, blob = (f"facts/{path}" if account == "facts" else path).partition("/")
    return Request(
        method=method,
        container=unquote(container),
        blob=unquote(blob),
        # No form: a plus is a plus, and block ids in Base64 have some.
        query={name: unquote(value) for name, _, value in (each.partition("=") for each in url.query.split("&"))},
        headers=headers,
        length=int(headers.get("content-length", 0)),
        body=b"",
    )


def _written(reply: Reply, *, is_head: bool = False) -> bytes:
    headers = {"Content-Length": str(len(reply.body)), **reply.headers, "x-ms-version": "2025-01-05"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {reply.status.value} {reply.status.phrase}\r\n{lines}\r\n".encode()
    return head if is_head else head + reply.body


async def _serve(port: int) -> None:
    store = Store()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(store), "127.0.0.1", port, backlog=512)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
