"""Blobs: written under a precondition, by one Put Blob or by blocks; never deleted."""

import base64
import contextlib
import dataclasses
from collections.abc import Generator, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, cast
from urllib.parse import quote

from azure.core import MatchConditions
from azure.core.exceptions import DecodeError, HttpResponseError
from azure.storage.blob import BlobBlock, BlobProperties, ContentSettings
from azure.storage.blob.aio import BlobClient, BlobServiceClient

from shared.model.errors import BlobConflictError, StorageFailedError
from shared.model.settings import BlockCheck
from shared.storage.answers import code_of, status_of, translated
from shared.storage.bodies import Pieces, body_of, md5_of
from shared.storage.calls import Calls

_ABSENT = 404
_CHANGED = 412
_LOST = frozenset({"BlobAlreadyExists", "InvalidBlockList"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BlobPath:
    """A blob's place in the data account."""

    container: str
    name: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A committed blob, as a HEAD shows it."""

    etag: str
    length: int
    md5: bytes | None
    metadata: Mapping[str, str]
    modified: datetime


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StagedBlock:
    """An uncommitted block."""

    block_id: str
    length: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a blob carries beside its bytes."""

    md5: bytes | None
    media_type: str
    #: The source's Content-Encoding, where the stored bytes have one.
    encoding: str | None = None
    #: ASCII only.
    metadata: Mapping[str, str]


class Blobs(Protocol):
    """The blobs of the data account. ``replaces`` is the ETag of the blob to replace; None: there must be none.

    Every write raises BlobConflictError if somebody else wrote first (409 BlobAlreadyExists, 412, InvalidBlockList),
    and StorageFailedError for whatever else storage answers.
    """

    async def look(self, path: BlobPath) -> Blob | None:
        """HEAD: the committed blob, or None. Only a 404 means that there is none."""
        ...

    async def put(
        self, path: BlobPath, body: Sequence[bytes], *, content: Content, replaces: str | None = None
    ) -> Blob:
        """Put Blob of the pieces; the service checks length and MD5 before the blob is there.

        It has an MD5 in any case.
        """
        ...

    async def staged(self, path: BlobPath) -> tuple[StagedBlock, ...]:
        """The uncommitted blocks of a blob, in no order; none for a blob that isn't there."""
        ...

    async def stage(self, path: BlobPath, body: Sequence[bytes], *, block_id: str) -> None:
        """Put Block of the pieces; the service checks its length, and its CRC64 or MD5."""
        ...

    async def commit(
        self, path: BlobPath, block_ids: Sequence[str], *, content: Content, replaces: str | None = None
    ) -> Blob:
        """Put Block List, then HEAD: what stands there now."""
        ...

    async def snapshot(self, path: BlobPath, *, of: str) -> None:
        """Keep the blob with this ETag as a snapshot beside what will replace it; what is staged stays staged."""
        ...

    async def read(self, path: BlobPath) -> bytes | None:
        """A small blob whole, or None if there is none: pages that were kept, manifests."""
        ...


class AzureBlobs:
    """Blobs in Azure Storage: the two calls that bytes travel in are our own, the rest the SDK's."""

    def __init__(self, service: BlobServiceClient, calls: Calls, *, block_check: BlockCheck = BlockCheck.CRC64) -> None:
        self._service = service
        self._calls = calls
        self._block_check = block_check

    async def look(self, path: BlobPath) -> Blob | None:
        """Get Blob Properties."""
        with translated(f"blob {path.name}: look"):
            try:
                return _blob(await self._client(path).get_blob_properties())
            except HttpResponseError as error:
                if status_of(error) == _ABSENT:
                    return None
                raise

    async def put(
        self, path: BlobPath, body: Sequence[bytes], *, content: Content, replaces: str | None = None
    ) -> Blob:
        """Put Blob; what stands there is known from its answer, without another request."""
        pieces = Pieces(body)
        # Azure gives a blob that is put an MD5 anyway: so it is stated, and known without a look.
        md5 = content.md5 or await md5_of(pieces)
        headers = _put_headers(content, md5=md5, replaces=replaces)
        with _conflicts(path), translated(f"blob {path.name}: put"):
            answer = await self._calls.send("PUT", _url_path(path), headers=headers, body=body_of(pieces))
            etag, modified = _written(answer.headers)
        return Blob(
            etag=etag,
            length=len(pieces),
            md5=md5,
            metadata=dict(content.metadata),
            modified=modified,
        )

    async def staged(self, path: BlobPath) -> tuple[StagedBlock, ...]:
        """Get Block List."""
        with translated(f"blob {path.name}: list blocks"):
            try:
                _, blocks = await self._client(path).get_block_list("uncommitted")
            except HttpResponseError as error:
                if status_of(error) == _ABSENT:
                    return ()
                raise
        return tuple(StagedBlock(block_id=each.id, length=each.size) for each in blocks)

    async def stage(self, path: BlobPath, body: Sequence[bytes], *, block_id: str) -> None:
        """Put Block."""
        pieces = Pieces(body)
        headers = {"Content-Type": "application/octet-stream", **await self._check(pieces)}
        # As the SDK does in its lists of blocks.
        encoded = base64.b64encode(block_id.encode()).decode()
        query = f"comp=block&blockid={quote(encoded, safe='')}"
        with translated(f"blob {path.name}: stage"):
            await self._calls.send("PUT", _url_path(path), headers=headers, query=query, body=body_of(pieces))

    async def commit(
        self, path: BlobPath, block_ids: Sequence[str], *, content: Content, replaces: str | None = None
    ) -> Blob:
        """Put Block List, then Get Blob Properties.

        The list says Latest: a block that isn't staged any more is taken from the blob that stands there, if that has
        one of this id. As an id holds the digest of its bytes, that is the same block. (azure-storage-blob 12.31 says
        Latest whatever a BlobBlock's state: _commit_block_list_options compares it with names in lower case.)
        """
        blocks = [BlobBlock(block_id=each) for each in block_ids]
        with _conflicts(path), translated(f"blob {path.name}: commit"):
            await self._client(path).commit_block_list(
                blocks, **_conditions(replaces), **_content(content, md5=content.md5)
            )
        there = await self.look(path)
        if there is None:
            raise StorageFailedError(f"blob {path.name}: it went away after its commit")
        return there

    async def snapshot(self, path: BlobPath, *, of: str) -> None:
        """Snapshot Blob, with metadata and ETag of the blob."""
        with _conflicts(path), translated(f"blob {path.name}: snapshot"):
            try:
                await self._client(path).create_snapshot(**_conditions(of))
            except HttpResponseError as error:
                if status_of(error) == _ABSENT:
                    raise BlobConflictError(f"blob {path.name}: it is gone") from error
                raise

    async def read(self, path: BlobPath) -> bytes | None:
        """Get Blob, as it is stored, with its length compared: a download that ended early is no blob."""
        with translated(f"blob {path.name}: read"):
            try:
                download = await self._client(path).download_blob(decompress=False)
                body = await download.readall()
            except HttpResponseError as error:
                if status_of(error) == _ABSENT:
                    return None
                raise
        if len(body) != download.size:
            raise StorageFailedError(f"blob {path.name}: {len(body)} bytes came of {download.size}")
        return body

    async def _check(self, pieces: Pieces) -> dict[str, str]:
        if self._block_check is BlockCheck.MD5:
            return {"Content-MD5": base64.b64encode(await md5_of(pieces)).decode()}
        return {"x-ms-content-crc64": base64.b64encode(pieces.crc64).decode()}

    def _client(self, path: BlobPath) -> BlobClient:
        return self._service.get_blob_client(path.container, path.name)


@contextlib.contextmanager
def _conflicts(path: BlobPath) -> Generator[None]:
    try:
        yield
    except StorageFailedError as failed:
        error = failed.__cause__
        if isinstance(error, HttpResponseError) and (status_of(error) == _CHANGED or code_of(error) in _LOST):
            raise BlobConflictError(f"blob {path.name}: {status_of(error)} {code_of(error)}") from error
        raise


def _conditions(replaces: str | None) -> dict[str, Any]:
    if replaces is None:
        return {"match_condition": MatchConditions.IfMissing}
    return {"match_condition": MatchConditions.IfNotModified, "etag": replaces}


def _content(content: Content, *, md5: bytes | None) -> dict[str, Any]:
    settings = ContentSettings(
        content_type=content.media_type,
        content_encoding=content.encoding,
        content_md5=bytearray(md5) if md5 is not None else None,
    )
    return {"content_settings": settings, "metadata": dict(content.metadata)}


def _url_path(path: BlobPath) -> str:
    return f"{quote(path.container)}/{quote(path.name, safe='~/')}"


def _put_headers(content: Content, *, md5: bytes, replaces: str | None) -> dict[str, str]:
    digest = base64.b64encode(md5).decode()
    encoding = {} if content.encoding is None else {"x-ms-blob-content-encoding": content.encoding}
    return {
        "x-ms-blob-type": "BlockBlob",
        "Content-Type": "application/octet-stream",
        "Content-MD5": digest,
        "x-ms-blob-content-md5": digest,
        "x-ms-blob-content-type": content.media_type,
        **encoding,
        **{f"x-ms-meta-{name}": value for name, value in content.metadata.items()},
        **({"If-None-Match": "*"} if replaces is None else {"If-Match": replaces}),
    }


def _written(headers: Mapping[str, str]) -> tuple[str, datetime]:
    """ETag and time of modification of a blob that was put."""
    etag, modified = headers.get("ETag"), headers.get("Last-Modified")
    if etag is None or modified is None:
        raise DecodeError("an answer to Put Blob without ETag or Last-Modified")
    try:
        return etag, parsedate_to_datetime(modified)
    except ValueError as error:
        raise DecodeError("an answer to Put Blob whose Last-Modified is no date", error=error) from error


def _blob(properties: BlobProperties) -> Blob:
    # The SDK says that they are never None; of an answer without their headers (a gateway's page, say) they are.
    etag, length = cast("tuple[str | None, int | None]", (properties.etag, properties.size))
    if etag is None or length is None:
        raise DecodeError("an answer to Get Blob Properties without ETag or Content-Length")
    md5 = properties.content_settings.content_md5
    return Blob(
        etag=etag,
        length=length,
        md5=bytes(md5) if md5 is not None else None,
        metadata=properties.metadata,
        modified=properties.last_modified,
    )
