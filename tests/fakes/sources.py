"""Sources in a dictionary, with the faults of real ones."""

import contextlib
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from types import MappingProxyType

from shared.model.datasets import Dataset, matches_host
from shared.model.errors import (
    AssetNotFoundError,
    SluiceError,
    SourceChangedError,
    TruncatedBodyError,
    UrlRefusedError,
)
from shared.model.hrefs import host_of
from shared.sources.body import Body, Rest
from shared.sources.signing import Signed


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A source at one time: what it says, and how it fails."""

    body: bytes = b""
    validator: str | None = None
    media_type: str | None = None
    encoding: str | None = None
    stated: Mapping[str, str] = MappingProxyType({})
    states_length: bool = True
    #: Raised instead of an answer.
    error: SluiceError | None = None
    #: The body ends after so many bytes, though it stated its length or an end.
    cut_at: int | None = None
    #: From this byte on the bytes are another version's: a file that is overwritten where it stands.
    torn_at: int | None = None
    torn_into: bytes = b""
    #: Whether a range is answered with a range.
    knows_ranges: bool = True

    @property
    def sent(self) -> bytes:
        """The bytes that arrive."""
        whole = self.body if self.torn_at is None else self.body[: self.torn_at] + self.torn_into[self.torn_at :]
        return whole[: self.cut_at]


async def _at_once() -> None:
    """Don't pause."""


class FakeSources:
    """Sources by href. Each opening takes the next of an href's versions; the last one stays."""

    def __init__(
        self,
        served: Mapping[str, Version] = MappingProxyType({}),
        *,
        chunk_bytes: int = 64 * 1024,
        pause: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        self.versions: dict[str, tuple[Version, ...]] = {href: (version,) for href, version in served.items()}
        self.opened: list[str] = []
        #: Where those begin that were opened for their rest.
        self.rests: list[int] = []
        #: How many are open, and were at once at most.
        self.most_open = 0
        self.now_open = 0
        self._chunk_bytes = chunk_bytes
        self._pause = pause

    def serve(self, href: str, *versions: Version) -> None:
        """Serve these versions, one an opening, instead of what was served."""
        self.versions[href] = versions

    @contextlib.asynccontextmanager
    async def open(self, href: str, *, dataset: Dataset, rest: Rest | None = None) -> AsyncGenerator[Body]:
        """Open the next version."""
        if not matches_host(host_of(href), dataset.allow.hosts):
            raise UrlRefusedError(f"the host {host_of(href)!r} isn't in allow.hosts")
        self.opened.append(href)
        self.rests += [rest.first] if rest else []
        await self._pause()
        version = self._next(href)
        if version.error is not None:
            raise version.error
        body = self._whole(version) if rest is None else self._rest(version, rest)
        self.now_open += 1
        self.most_open = max(self.most_open, self.now_open)
        try:
            yield body
        finally:
            self.now_open -= 1

    def _next(self, href: str) -> Version:
        versions = self.versions.get(href)
        if not versions:
            raise AssetNotFoundError(f"{host_of(href)} answered 404")
        self.versions[href] = versions[1:] or versions
        return versions[0]

    def _whole(self, version: Version) -> Body:
        return Body(
            length=len(version.body) if version.states_length else None,
            validator=version.validator,
            media_type=version.media_type,
            encoding=version.encoding,
            stated=version.stated,
            chunks=lambda: self._chunks(version),
        )

    def _rest(self, version: Version, rest: Rest) -> Body:
        pinned = rest.validator, rest.total, rest.encoding
        if not version.knows_ranges or pinned != (version.validator, len(version.body), version.encoding):
            raise SourceChangedError("not the rest of this version")
        return dataclasses.replace(
            self._whole(version),
            length=rest.total - rest.first,
            stated={},
            chunks=lambda: self._chunks(version, first=rest.first),
        )

    async def _chunks(self, version: Version, *, first: int = 0) -> AsyncIterator[bytes]:
        sent = version.sent
        for start in range(first, len(sent), self._chunk_bytes):
            await self._pause()
            yield sent[start : start + self._chunk_bytes]
        if version.cut_at is not None:
            raise TruncatedBodyError(f"{len(sent)} bytes of {len(version.body)} came")


class Unsigned:
    """Sources that anybody may read."""

    async def signed(self, href: str, *, dataset: Dataset) -> Signed:
        """The href as it is."""
        del dataset
        return Signed(url=href)
