"""A source's answer: what its headers say, and its bytes."""

import dataclasses
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from shared.model.datasets import Dataset


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One version of a source, open for reading once."""

    #: Bytes, where the server states them.
    length: int | None
    #: The strong validator: ``etag:"…"`` for a strong ETag, ``modified:<HTTP date>`` for a Last-Modified at least 60 s
    #: older than the response's Date (RFC 9110, 8.8.2.2); None where there is neither.
    validator: str | None
    media_type: str | None
    #: The Content-Encoding of the bytes, where there is one though identity was asked for.
    encoding: str | None
    #: Digests that the server states (``md5:…`` from Content-MD5, say).
    stated: Mapping[str, str]
    #: The bytes in chunks of any size. Raises TruncatedBodyError, SourceUnavailableError.
    chunks: Callable[[], AsyncIterator[bytes]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What of a version is still to be read: its bytes from ``first`` on, pinned to what its first answer said."""

    #: Bytes that are known already; less than ``total``.
    first: int
    #: Length, strong validator and Content-Encoding of the version.
    total: int
    validator: str
    encoding: str | None = None


class Sources(Protocol):
    """Opens hrefs."""

    def open(self, href: str, *, dataset: Dataset, rest: Rest | None = None) -> AbstractAsyncContextManager[Body]:
        """One GET of the whole file, or of the rest of one version; the block reads as much of it as it wants.

        The body of a rest has its length, and digests are stated of a whole only. A rest raises SourceChangedError for
        everything but exactly these bytes of exactly this version, also where a server knows no ranges: the whole can
        still be read. Raises AssetNotFoundError (404, 410), SourceRefusedError (401, 403), SourceThrottledError (429,
        or a Retry-After), SourceUnavailableError (5xx, time-out, no connection), UnexpectedStatusError,
        UrlRefusedError.
        """
        ...
