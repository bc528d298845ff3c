"""Parts of a file, all of one version: from a server that knows ranges, a blob of ours, or a file in the package."""

import dataclasses
from http import HTTPStatus
from typing import NamedTuple, Protocol

from shared.catalogs.kind import OpenBlob, Ways
from shared.catalogs.manifest_bytes import open_file
from shared.egress import Http, Reply, check_status
from shared.egress.validators import condition, is_of_version, range_of, strong_validator
from shared.model.datasets import Allowlist
from shared.model.errors import (
    AssetNotFoundError,
    AssetTooLargeError,
    MalformedCatalogError,
    SourceChangedError,
    TruncatedBodyError,
)
from shared.model.hrefs import host_of, unsigned
from shared.redaction import redacted

_BEGINNING_BYTES = 4


class Span(NamedTuple):
    """Bytes of a file that stand together."""

    first: int
    length: int

    @property
    def end(self) -> int:
        """The byte after them."""
        return self.first + self.length


class Part(NamedTuple):
    """What a span holds."""

    body: bytes
    #: Bytes of the whole file.
    total: int
    #: Changes when the bytes do.
    version: str


class ReadPart(Protocol):
    """Reads a span of a file; ``read_by_scheme`` gives one."""

    async def __call__(self, span: Span, /, *, version: str | None) -> Part:
        """Read a span of this version, of any if it is None; raises SourceChangedError for another, and what I/O does.

        Where the file ends in the span, it is cut there.
        """
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RangedFile:
    """One version of a file, read by spans."""

    #: Its address, for people.
    place: str
    beginning: bytes
    total: int
    version: str
    part: ReadPart

    @classmethod
    async def opened(cls, url: str, part: ReadPart, *, version: str | None) -> "RangedFile":
        """A file as it begins; a ``version`` has to be that of before."""
        place = redacted(unsigned(url))
        try:
            found = await part(Span(0, _BEGINNING_BYTES), version=version)
        except AssetNotFoundError as error:
            raise AssetNotFoundError(f"{place}: {error}") from error
        return cls(place=place, beginning=found.body, total=found.total, version=found.version, part=part)

    async def read(self, span: Span) -> bytes:
        """The bytes of a span that lies in the file."""
        found = await self.part(span, version=self.version)
        if len(found.body) != span.length:
            raise SourceChangedError(f"{self.place} ended at byte {found.total}, and had {self.total} before")
        return found.body


def read_by_scheme(url: str, ways: Ways, *, allow: Allowlist) -> ReadPart:
    """Choose by the address: https:// and http://, blob://, file:."""
    if url.startswith("blob:"):
        return _read_opened(url, ways.open_blob)
    if url.startswith("file:"):
        opened = open_file(ways.root)
        return _read_opened(url, lambda url, offset, _=None: opened(url, offset))
    return read_web(url, ways.http, allow=allow)


def read_web(url: str, http: Http, *, allow: Allowlist) -> ReadPart:
    """Read from a server by Range, pinned by If-Match, or by If-Unmodified-Since where it states no strong ETag."""

    async def read(span: Span, /, *, version: str | None) -> Part:
        headers = {"Range": f"bytes={span.first}-{span.end - 1}", **(condition(version) if version else {})}
        async with http.request("GET", url, allow=allow, headers=headers) as reply:
            total, found = _check(reply, span, version=version)
            count = min(span.end, total) - span.first
            try:
                body = await reply.read(count)
            except AssetTooLargeError as error:
                raise MalformedCatalogError(f"{host_of(url)} sent more bytes than it was asked for") from error
        if len(body) != count:
            raise TruncatedBodyError(f"{len(body)} bytes of {count} came")
        return Part(body=body, total=total, version=found)

    return read


def _check(reply: Reply, span: Span, *, version: str | None) -> tuple[int, str]:
    """The file's length and version; raises unless an answer is the span that was asked for."""
    said = f"{host_of(reply.url)} answered {reply.status} to a request for a range"
    if reply.status in {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE} and version:
        raise SourceChangedError(f"{said}: the file isn't the one that the run began with")
    if reply.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise MalformedCatalogError(f"{said}: the file is empty")
    check_status(reply)
    if version and not is_of_version(reply.headers, version):
        raise SourceChangedError(f"{said}, with another version")
    way_out = "put the file where it can be read by ranges, such as blob://container/name"
    found = range_of(reply.headers)
    if reply.status != HTTPStatus.PARTIAL_CONTENT or found is None:
        raise MalformedCatalogError(f"{said}: it knows no ranges; {way_out}")
    if reply.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise MalformedCatalogError(f"{said}, in a Content-Encoding; {way_out}")
    first, last, total = found
    if (first, last) != (span.first, min(span.end, total) - 1):
        raise MalformedCatalogError(f"{said}, with another range than the one asked for; {way_out}")
    validator = version or strong_validator(reply.headers)
    if validator is None:
        raise MalformedCatalogError(f"{said}: neither a strong ETag nor an older Last-Modified; {way_out}")
    return total, validator


def _read_opened(url: str, opened: OpenBlob) -> ReadPart:
    async def read(span: Span, /, *, version: str | None) -> Part:
        async with opened(url, span.first, span.length) as file:
            if file.total is None or file.version is None:
                raise MalformedCatalogError(f"{url}: its storage tells neither length nor version")
            if version not in {None, file.version}:
                raise SourceChangedError(f"{url} has changed since this run began to read it")
            body = bytearray()
            async for chunk in file.chunks:
                body += chunk
                if len(body) >= span.length:
                    break
        return Part(body=bytes(body[: span.length]), total=file.total, version=file.version)

    return read
