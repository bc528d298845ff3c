"""Where a manifest's bytes come from: a server, a blob of ours, or a file in the package."""

import asyncio
import contextlib
import dataclasses
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, BinaryIO, Protocol

from pydantic import Field

from shared.egress import Http, Reply, check_status
from shared.model.datasets import Allowlist
from shared.model.errors import AssetNotFoundError, MalformedCatalogError, SourceChangedError

#: Addresses that can be opened; written without ``type``, which would be a definition of its own in the schema.
FileUrl = Annotated[str, Field(pattern=r"^(https?://|blob://[^/]+/.|file:.)")]

_CHUNK_BYTES = 256 * 1024


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A manifest, open from an offset on."""

    chunks: AsyncIterator[bytes]
    #: Changes when the bytes do (an ETag, say); None where nothing tells.
    version: str | None
    #: Bytes of the whole, where the storage tells.
    total: int | None = None


class OpenManifest(Protocol):
    """Opens a manifest from an offset on."""

    def __call__(self, url: str, offset: int, /) -> AbstractAsyncContextManager[Opened]:
        """Raises SourceChangedError where the manifest ends before the offset, and what its storage raises."""
        ...


def open_by_scheme(*, web: OpenManifest, blob: OpenManifest, file: OpenManifest) -> OpenManifest:
    """Choose by the address: https:// and http://, blob://, file:."""
    openers = {"https": web, "http": web, "blob": blob, "file": file}

    def opened(url: str, offset: int, /) -> AbstractAsyncContextManager[Opened]:
        return openers[url.partition(":")[0]](url, offset)

    return opened


def open_web(http: Http, *, allow: Allowlist) -> OpenManifest:
    """Read from a server, by Range where it knows ranges and past the bytes before the offset where it doesn't."""

    @contextlib.asynccontextmanager
    async def opened(url: str, offset: int, /) -> AsyncGenerator[Opened]:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        async with http.request("GET", url, allow=allow, headers=headers) as reply:
            if reply.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise SourceChangedError(f"the manifest has no byte {offset} any more")
            check_status(reply)
            version = reply.headers.get("ETag") or reply.headers.get("Last-Modified")
            begins = _begins_at(reply)
            if begins > offset:
                raise MalformedCatalogError(f"asked for bytes from {offset} on, the server sent those from {begins} on")
            yield Opened(chunks=_skip(reply.chunks(), offset - begins), version=version)

    return opened


def open_file(root: Path) -> OpenManifest:
    """Read ``file:<path>`` below a folder."""

    @contextlib.asynccontextmanager
    async def opened(url: str, offset: int, /) -> AsyncGenerator[Opened]:
        file = await asyncio.to_thread(_opened_below, root, url.removeprefix("file:"))
        with contextlib.closing(file):
            # Each instance unpacks the package with times of its own, so a file's time tells nothing.
            length = file.seek(0, os.SEEK_END)
            if offset > length:
                raise SourceChangedError(f"the manifest has no byte {offset} any more")
            file.seek(offset)
            yield Opened(chunks=_read(file), version=f"length:{length}", total=length)

    return opened


def _begins_at(reply: Reply) -> int:
    """The offset of a reply's first byte."""
    if reply.status != HTTPStatus.PARTIAL_CONTENT:
        return 0
    found = re.match(r"bytes ([0-9]{1,19})-", reply.headers.get("Content-Range", ""))
    if found is None:
        raise MalformedCatalogError("a part of the manifest came without a Content-Range")
    return int(found[1])


async def _skip(chunks: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        if count < len(chunk):
            yield chunk[count:] if count else chunk
        count = max(0, count - len(chunk))
    if count:
        raise SourceChangedError(f"the manifest ended {count} bytes before the place where its next page began")


def _opened_below(root: Path, path: str) -> BinaryIO:
    place = (root / path).resolve()
    if not place.is_relative_to(root.resolve()):
        raise AssetNotFoundError(f"the manifest {path!r} lies outside the app's folder")
    try:
        return place.open("rb")
    except OSError as error:
        raise AssetNotFoundError(f"the manifest {path!r} can't be opened: {error.strerror}") from error


async def _read(file: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
        yield chunk
