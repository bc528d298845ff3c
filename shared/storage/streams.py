"""A blob as a stream from an offset on: manifests of any length."""

import dataclasses
from collections.abc import AsyncIterator

from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import BlobServiceClient

from shared.model.errors import AssetNotFoundError, SourceChangedError, StorageFailedError
from shared.storage.answers import status_of, translated
from shared.storage.blobs import BlobPath

_ABSENT = 404
_PAST_THE_END = 416


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A blob, open from an offset on."""

    chunks: AsyncIterator[bytes]
    etag: str
    #: Bytes of the whole blob.
    total: int


async def open_stream(service: BlobServiceClient, path: BlobPath, *, offset: int, length: int | None = None) -> Stream:
    """Open a blob of the data account, or so many bytes of it; all are of one version, which the SDK pins by its ETag.

    The bytes are counted: a manifest that ended early would drop what it no longer names.
    Raises AssetNotFoundError, SourceChangedError where the blob ends before the offset, StorageFailedError.
    """
    client = service.get_blob_client(path.container, path.name)
    with translated(f"blob {path.name}: open"):
        try:
            first = offset if offset or length else None
            download = await client.download_blob(offset=first, length=length, decompress=False)
        except HttpResponseError as error:
            if status_of(error) == _ABSENT:
                raise AssetNotFoundError(f"there is no blob {path.name!r} in {path.container!r}") from error
            if status_of(error) == _PAST_THE_END:
                raise SourceChangedError(f"the blob has no byte {offset} any more") from error
            raise
    chunks = _counted(download.chunks(), path, size=download.size)
    # Its own size is that of the part.
    total = int(str(download.properties.content_range).rpartition("/")[2])
    return Stream(chunks=chunks, etag=str(download.properties.etag), total=total)


async def _counted(chunks: AsyncIterator[bytes], path: BlobPath, *, size: int) -> AsyncIterator[bytes]:
    received = 0
    with translated(f"blob {path.name}: read"):
        async for chunk in chunks:
            received += len(chunk)
            yield chunk
    if received != size:
        raise StorageFailedError(f"blob {path.name}: {received} bytes came of {size}")
