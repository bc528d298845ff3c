"""Blobs as streams, on Azurite: there is no twin of them, a test of a manifest streams from memory."""

import gzip

import pytest
from azure.storage.blob.aio import BlobServiceClient

from demo.azurite import Azurite
from shared.model.errors import AssetNotFoundError, SourceChangedError, StorageFailedError
from shared.storage.accounts import Account
from shared.storage.blobs import AzureBlobs, Blob, BlobPath, Content
from shared.storage.streams import Stream, open_stream
from tests.contracts.conftest import new_container

_BODY = bytes(range(256)) * 20
_CHUNK = 1024


@pytest.fixture
async def path(account: Account) -> BlobPath:
    return BlobPath(container=await new_container(account), name="lists/2024 é.csv")


async def _put(account: Account, path: BlobPath, body: bytes, *, replaces: Blob | None = None) -> Blob:
    content = Content(md5=None, media_type="text/csv", metadata={})
    return await AzureBlobs(account.blobs, account.blob_calls).put(
        path, (body,), content=content, replaces=replaces.etag if replaces else None
    )


async def _read(stream: Stream) -> bytes:
    return b"".join([each async for each in stream.chunks])


@pytest.mark.parametrize("offset", [0, 1, 1024, len(_BODY) - 1])
async def test_a_stream_begins_at_its_offset(account: Account, path: BlobPath, offset: int) -> None:
    """From there on it has all bytes, and it says which version they are of."""
    written = await _put(account, path, _BODY)

    stream = await open_stream(account.blobs, path, offset=offset)

    assert await _read(stream) == _BODY[offset:]
    assert stream.etag == written.etag


@pytest.mark.parametrize(("offset", "length"), [(0, 4), (1000, 2000), (len(_BODY) - 3, 10)])
async def test_a_part_of_a_blob(account: Account, path: BlobPath, offset: int, length: int) -> None:
    """Only so many bytes come, or those that there are, and how many the whole has is said beside them."""
    written = await _put(account, path, _BODY)

    stream = await open_stream(account.blobs, path, offset=offset, length=length)

    assert await _read(stream) == _BODY[offset : offset + length]
    assert (stream.etag, stream.total) == (written.etag, len(_BODY))


async def test_an_empty_blob_is_an_empty_stream(account: Account, path: BlobPath) -> None:
    """An empty list names nothing; it isn't missing."""
    written = await _put(account, path, b"")

    stream = await open_stream(account.blobs, path, offset=0)

    assert (await _read(stream), stream.etag, stream.total) == (b"", written.etag, 0)


async def test_a_missing_blob_is_not_found(account: Account, path: BlobPath) -> None:
    """Neither a blob nor a container that isn't there is a failure of storage."""
    for missing in (path, BlobPath(container="nowhere", name="a")):
        with pytest.raises(AssetNotFoundError, match=missing.container):
            await open_stream(account.blobs, missing, offset=0)


async def test_a_blob_that_became_shorter_has_changed(account: Account, path: BlobPath) -> None:
    """Whoever goes on after its end has read another version."""
    await _put(account, path, _BODY)

    with pytest.raises(SourceChangedError):
        await open_stream(account.blobs, path, offset=len(_BODY) + 1)


async def test_compressed_bytes_come_as_they_are_stored(account: Account, path: BlobPath) -> None:
    """Who reads a list unpacks it: offsets count stored bytes."""
    packed = gzip.compress(_BODY, mtime=0)
    content = Content(md5=None, media_type="text/csv", encoding="gzip", metadata={})
    await AzureBlobs(account.blobs, account.blob_calls).put(path, (packed,), content=content)

    stream = await open_stream(account.blobs, path, offset=0)

    assert await _read(stream) == packed


async def test_a_stream_is_of_one_version(account: Account, storage: Azurite, path: BlobPath) -> None:
    """A blob that is replaced while it is read ends the stream; bytes of the new version never follow the old ones."""
    first = await _put(account, path, _BODY)
    async with BlobServiceClient.from_connection_string(
        storage.connection_string, max_single_get_size=_CHUNK, max_chunk_get_size=_CHUNK
    ) as service:
        stream = await open_stream(service, path, offset=0)
        begun = await anext(stream.chunks)
        await _put(account, path, bytes(len(_BODY)), replaces=first)

        with pytest.raises(StorageFailedError, match="412"):
            await _read(stream)

    assert begun == _BODY[:_CHUNK]
