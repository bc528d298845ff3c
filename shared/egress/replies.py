"""Replies: their bytes counted, their statuses and the client's errors as ours."""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import override

import aiohttp
from aiohttp.connector import Connection
from multidict import CIMultiDict

from shared.egress.addresses import AddressRefusedError
from shared.egress.pace import Pace
from shared.egress.statuses import Meaning, meaning_of
from shared.egress.turns import Turn
from shared.model.errors import (
    AssetNotFoundError,
    AssetTooLargeError,
    SluiceError,
    SourceRefusedError,
    SourceThrottledError,
    SourceUnavailableError,
    TruncatedBodyError,
    UnexpectedStatusError,
    UrlRefusedError,
)
from shared.model.hrefs import host_of

_LONGEST_PATIENCE = timedelta(days=1)
#: What a request is called in the log of S3, Azure, Google, and of many others.
_REQUEST_IDS = ("x-amz-request-id", "x-ms-request-id", "x-guploader-uploadid", "x-request-id")


class Reply:
    """An answer whose body can be read once, while ``Egress.request`` is entered."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        *,
        url: str,
        pace: Pace,
        clock: Callable[[], float] = time.monotonic,
        turn: Turn | None = None,
    ) -> None:
        self._response = response
        self._turn = turn
        self._pace = pace
        self._clock = clock
        self.status = response.status
        #: Names in any case; what comes in several lines, as one (RFC 9110, 5.3).
        self.headers: Mapping[str, str] = _joined(response)
        #: After redirects; it may be signed.
        self.url = url
        ends_with_connection = self.length is None and "Transfer-Encoding" not in self.headers
        self._connection_lost = _connection_lost(response) if ends_with_connection else None

    @property
    def length(self) -> int | None:
        """Bytes of body that the server promised, where it did."""
        if self._response.method == "HEAD" or "Transfer-Encoding" in self.headers:
            return None
        return self._response.content_length

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body's bytes as they were sent; raises TruncatedBodyError, SourceUnavailableError (too slow, too)."""
        received = 0
        while chunk := await self._chunk():
            received += len(chunk)
            yield chunk
        if self.length not in {None, received}:
            raise TruncatedBodyError(f"{received} bytes of {self.length} came")
        if self._connection_lost is not None and _failed(self._connection_lost):
            raise TruncatedBodyError(f"{self._response.host}: the connection broke")

    async def read(self, limit: int) -> bytes:
        """The whole body; raises AssetTooLargeError once it has more than ``limit`` bytes, and what ``chunks`` does."""
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            if len(body) > limit:
                raise AssetTooLargeError(f"{host_of(self.url)} sent more than {limit} bytes")
        return bytes(body)

    async def _chunk(self) -> bytes:
        """What has come, at least a byte; nothing at the end."""
        if self._turn:
            # Before the clock: what is waited for here isn't the source's slowness.
            await self._turn.reads()
        asked = self._clock()
        with translated(self._response.host):
            chunk = await self._response.content.readany()
        if chunk:
            self._pace.count(len(chunk), waited=self._clock() - asked)
        if self._turn:
            self._turn.came(len(chunk))
        return chunk


def check_framing(response: aiohttp.ClientResponse) -> None:
    """Raise SourceUnavailableError for a body in a transfer coding: aiohttp would hand on the coded bytes."""
    codings = response.headers.getall("Transfer-Encoding", None)
    if codings is not None and ", ".join(codings).lower() != "chunked":
        raise SourceUnavailableError(f"{response.host}: a transfer coding that isn't chunked")


def narrow(response: aiohttp.ClientResponse, size: int) -> None:
    """Let the kernel buffer about so many bytes of a connection and no more, from now on; 0: as it likes."""
    transport = response.connection.transport if response.connection else None
    if size and transport is not None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)


def check_status(reply: Reply) -> None:
    """Raise what a status means for what was asked for, unless it is a success."""
    try:
        _check(reply)
    except SluiceError as error:
        error.request_id = next((reply.headers[name] for name in _REQUEST_IDS if name in reply.headers), None)
        raise


def _check(reply: Reply) -> None:
    meaning = meaning_of(reply.status)
    if meaning is Meaning.HERE:
        return
    said, is_patient = f"{host_of(reply.url)} answered {reply.status}", "Retry-After" in reply.headers
    match meaning:
        case Meaning.ABSENT:
            raise AssetNotFoundError(said)
        case _ if is_patient or meaning is Meaning.THROTTLED:
            raise SourceThrottledError(said, retry_after=retry_after(reply.headers))
        case Meaning.COMING:
            return
        case Meaning.REFUSED:
            raise SourceRefusedError(said)
        case Meaning.OVERLOADED | Meaning.FAILED:
            raise SourceUnavailableError(said)
        case _:
            raise UnexpectedStatusError(said)


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """How long a host asks to be left alone: a day at most, counted from its own Date where it names a time."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return min(timedelta(seconds=int(text)), _LONGEST_PATIENCE)
    until, date = http_date(text), http_date(headers.get("Date", ""))
    if until is None or date is None:
        return None
    return min(max(until - date, timedelta()), _LONGEST_PATIENCE)


def http_date(text: str) -> datetime | None:
    """Read a date of HTTP (RFC 9110, 5.6.7), or None if it is none."""
    try:
        parsed = parsedate_to_datetime(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def beginning_within(seconds: float) -> type[aiohttp.ClientResponse]:
    """Responses whose head has to be there in so many seconds: aiohttp's idle time begins anew with every byte."""

    class Response(aiohttp.ClientResponse):
        @override
        async def start(self, connection: Connection) -> aiohttp.ClientResponse:
            async with asyncio.timeout(seconds):
                return await super().start(connection)

    return Response


class translated:  # noqa: N801 - a context manager, read as a word; a generator would cost more than what it guards
    """Errors of aiohttp as ours.

    Theirs quote the URL, or what the server sent, which may quote it too: only the system's error is kept as the cause.
    """

    __slots__ = ("_host",)

    def __init__(self, host: str | None) -> None:
        self._host = host

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if not isinstance(error, aiohttp.ClientError | OSError):
            return
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else None
        if isinstance(error, aiohttp.ClientPayloadError):
            raise TruncatedBodyError(f"{self._host}: the body ended early") from cause
        if isinstance(cause, AddressRefusedError):
            raise UrlRefusedError(f"{self._host}: {cause}") from cause
        raise SourceUnavailableError(f"{self._host}: {type(error).__name__}") from cause


def _joined(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    headers = response.headers
    names = {name.lower() for name in headers}
    if len(names) == len(headers):
        return headers
    return CIMultiDict({name: ", ".join(headers.getall(name)) for name in names})


def _connection_lost(response: aiohttp.ClientResponse) -> asyncio.Future[None] | None:
    """What will tell how the connection ended, for aiohttp takes a reset for an end; None where it has ended."""
    protocol = response.connection.protocol if response.connection else None
    lost = protocol.closed if protocol is not None else None
    if lost is not None:
        # Else asyncio logs an error that nobody asked for.
        lost.add_done_callback(_failed)
    return lost


def _failed(future: asyncio.Future[None]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is not None
