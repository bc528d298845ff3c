"""Replies: their bytes counted, their statuses and the client's errors as ours."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Generator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp
from multidict import CIMultiDict

from shared.egress.addresses import AddressRefusedError
from shared.model.errors import (
    AssetNotFoundError,
    AssetTooLargeError,
    SourceRefusedError,
    SourceThrottledError,
    SourceUnavailableError,
    TruncatedBodyError,
    UnexpectedStatusError,
    UrlRefusedError,
)
from shared.model.hrefs import host_of

_LONGEST_PATIENCE = timedelta(days=1)


class Reply:
    """An answer whose body can be read once, while ``Egress.request`` is entered."""

    def __init__(self, response: aiohttp.ClientResponse, *, url: str) -> None:
        self._response = response
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
        """The body's bytes as they were sent; raises TruncatedBodyError, SourceUnavailableError."""
        received = 0
        while True:
            with translated(self._response.host):
                chunk = await self._response.content.readany()
            if not chunk:
                break
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


def check_framing(response: aiohttp.ClientResponse) -> None:
    """Raise SourceUnavailableError for a body in a transfer coding: aiohttp would hand on the coded bytes."""
    codings = ", ".join(response.headers.getall("Transfer-Encoding", ["chunked"]))
    if codings.lower() != "chunked":
        raise SourceUnavailableError(f"{response.host}: a transfer coding that isn't chunked")


def check_status(reply: Reply) -> None:
    """Raise what a status means, unless it is a success."""
    status = reply.status
    said = f"{host_of(reply.url)} answered {status}"
    succeeded = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    # 202 with a Retry-After: an archive that fetches the file from tape.
    patient = "Retry-After" in reply.headers and (not succeeded or status == HTTPStatus.ACCEPTED)
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        raise AssetNotFoundError(said)
    if patient or status == HTTPStatus.TOO_MANY_REQUESTS:
        raise SourceThrottledError(said, retry_after=retry_after(reply.headers))
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise SourceRefusedError(said)
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise SourceUnavailableError(said)
    if not succeeded:
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


@contextlib.contextmanager
def translated(host: str | None) -> Generator[None]:
    """Errors of aiohttp as ours.

    Theirs quote the URL, or what the server sent, which may quote it too: only the system's error is kept as the cause.
    """
    try:
        yield
    except (aiohttp.ClientError, OSError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else None
        if isinstance(error, aiohttp.ClientPayloadError):
            raise TruncatedBodyError(f"{host}: the body ended early") from cause
        if isinstance(cause, AddressRefusedError):
            raise UrlRefusedError(f"{host}: {cause}") from cause
        raise SourceUnavailableError(f"{host}: {type(error).__name__}") from cause


def _joined(response: aiohttp.ClientResponse) -> CIMultiDict[str]:
    names = dict.fromkeys(name.lower() for name in response.headers)
    return CIMultiDict({name: ", ".join(response.headers.getall(name)) for name in names})


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
