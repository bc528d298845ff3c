"""A storage service that reads requests, forgets them and answers what the asker wants to hear; also a source."""

import asyncio
import contextlib
import multiprocessing
import re
import ssl
from collections.abc import Generator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast, override

#: Operations of a transaction.
OPERATIONS = 16
#: What it serves below ``/files/``.
FILE = b"II*\x00" + bytes(range(256)) * 64

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_HEADERS = b'ETag: "0x8D1"\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\nx-ms-request-id: 1\r\nx-ms-version: 1\r\n'
_QUEUED = (
    b'<?xml version="1.0" encoding="utf-8"?><QueueMessagesList><QueueMessage><MessageId>1</MessageId>'
    b"<InsertionTime>Mon, 01 Jan 2024 00:00:00 GMT</InsertionTime>"
    b"<ExpirationTime>Fri, 31 Dec 9999 23:59:59 GMT</ExpirationTime><PopReceipt>1</PopReceipt>"
    b"<TimeNextVisible>Mon, 01 Jan 2024 00:00:00 GMT</TimeNextVisible></QueueMessage></QueueMessagesList>"
)
_PART = (
    b"--changesetresponse_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    b"HTTP/1.1 204 No Content\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\n"
    b"DataServiceVersion: 1.0;\r\nETag: W/\"datetime'2024-01-01T00%3A00%3A00.0000000Z'\"\r\n\r\n\r\n"
)
_DONE = (
    b"--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n"
    + _PART * OPERATIONS
    + b"--changesetresponse_1--\r\n--batchresponse_1--\r\n"
)
_NO_ROW = b'{"odata.error":{"code":"ResourceNotFound","message":{"lang":"en-US","value":"No."}}}'


@contextlib.contextmanager
def hot_server(certificate: Path | None) -> Generator[int]:
    """Run the server in a process of its own, over TLS with a certificate; yields its port."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_run, args=(theirs, certificate), daemon=True)
    server.start()
    try:
        yield ours.recv()
    finally:
        server.terminate()
        server.join(timeout=10)


def _run(ready: Connection, certificate: Path | None) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(ready, certificate))


async def _serve(ready: Connection, certificate: Path | None) -> None:
    tls = None
    if certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
    server = await asyncio.get_running_loop().create_server(_Asker, "127.0.0.1", 0, ssl=tls)
    ready.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


class _Asker(asyncio.Protocol):
    """One connection."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._head = b""
        self._missing = 0

    @override
    def data_received(self, data: bytes) -> None:
        if self._missing == 0:
            self._head += data
            head, end, rest = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._head = head
            length = _LENGTH.search(head)
            self._missing = (int(length[1]) if length else 0) - len(rest)
        else:
            self._missing -= len(data)
        if self._missing == 0:
            self._transport.write(_answer(self._head))
            self._head = b""


def _answer(head: bytes) -> bytes:
    line = head.partition(b"\r\n")[0]
    return next(answer for asked, answer in _ANSWERS.items() if re.match(asked, line))


def _response(status: bytes, kind: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n"
    return head % (status, kind, len(body), _HEADERS) + body


#: By the beginning of a request.
_ANSWERS = {
    rb"GET /files/": _response(b"200 OK", b"image/tiff", FILE),
    rb"GET .*filter=": _response(b"200 OK", b"application/json", b'{"value":[]}'),
    rb"GET ": _response(b"404 Not Found", b"application/json", _NO_ROW),
    rb"POST .*\$batch": _response(b"202 Accepted", b"multipart/mixed; boundary=batchresponse_1", _DONE),
    rb"POST .*/messages": _response(b"201 Created", b"application/xml", _QUEUED),
    rb"PUT /account/activity\(": _response(b"204 No Content", b"text/plain", b""),
    rb"": _response(b"201 Created", b"text/plain", b""),
}
