"""A blob as a stream from an offset on: manifests of any length."""

import dataclasses
from collections.abc import AsyncIterator

from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import BlobServiceClient

from shared.model.errors import AssetNotFoundError, SourceChangedError
from shared.storage.answers import status_of, translated
from shared.storage.blobs import BlobPath

_ABSENT = 404
_PAST_THE_END = 416


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A blob, open from an offset on."""

    chunks: AsyncIterator[bytes]
    etag: str


async def open_stream(service: BlobServiceClient, path: BlobPath, *, offset: int) -> Stream:
    """Open a blob of the data account; all of its bytes are of one version, which the SDK pins by its ETag.

    Raises AssetNotFoundError, SourceChangedError where the blob ends before the offset, StorageFailedError.
    """
    client = service.get_blob_client(path.container, path.name)
    with translated(f"blob {path.name}: open"):
        try:
            download = await client.download_blob(offset=offset or None, decompress=False)
        except HttpResponseError as error:
            if status_of(error) == _ABSENT:
                raise AssetNotFoundError(f"there is no blob {path.name!r} in {path.container!r}") from error
            if status_of(error) == _PAST_THE_END:
                raise SourceChangedError(f"the blob has no byte {offset} any more") from error
            raise
    return Stream(chunks=_chunks(download.chunks(), path), etag=str(download.properties.etag))


async def _chunks(chunks: AsyncIterator[bytes], path: BlobPath) -> AsyncIterator[bytes]:
    with translated(f"blob {path.name}: read"):
        async for chunk in chunks:
            yield chunk
