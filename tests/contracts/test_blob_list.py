import hashlib

import pytest

from shared.model.errors import StorageFailedError
from shared.storage.accounts import Account
from shared.storage.blob_list import AzureListedBlobs, ListedBlob, ListedBlobs
from shared.storage.blobs import BlobPath, Blobs, Content
from tests.contracts.conftest import new_container
from tests.fakes import MemoryBlobs
from tests.fakes.blob_list import MemoryListedBlobs

_NOWHERE = "nowhere"


@pytest.fixture
async def container(real: Account | None) -> str:
    return await new_container(real)


@pytest.fixture
def listed(real: Account | None, blobs: Blobs) -> ListedBlobs:
    if real is not None:
        return AzureListedBlobs(real.blobs, page_size=2)
    assert isinstance(blobs, MemoryBlobs)
    return MemoryListedBlobs(blobs, missing={_NOWHERE})


async def _put(blobs: Blobs, container: str, name: str, body: bytes = b"", **metadata: str) -> ListedBlob:
    """Write a blob; returns it as a list ought to show it."""
    path = BlobPath(container=container, name=name)
    content = Content(md5=None, media_type="image/tiff", metadata=metadata)
    written = await blobs.put(path, (body,), content=content)
    return ListedBlob(
        name=name,
        etag=written.etag,
        length=len(body),
        md5=hashlib.md5(body, usedforsecurity=False).digest(),
        metadata=metadata,
        modified=written.modified,
    )


async def _below(listed: ListedBlobs, container: str, prefix: str) -> list[ListedBlob]:
    return sorted([each async for each in listed.below(container, prefix)], key=lambda each: each.name)


async def test_a_list_shows_what_a_look_shows(listed: ListedBlobs, blobs: Blobs, container: str) -> None:
    """Name, ETag, length, MD5, metadata and time, whatever characters the name has."""
    written = await _put(blobs, container, "a/b~1/c%20d é&<.tif", b"four", Sluice_cause="run-1")

    assert await _below(listed, container, "a/") == [written]


async def test_a_prefix_isnt_a_folder(listed: ListedBlobs, blobs: Blobs, container: str) -> None:
    """Names that begin with it are listed, whatever follows, and no others."""
    for name in ("a", "a/b", "ab", "A/b", "b/a"):
        await _put(blobs, container, name)

    assert [each.name for each in await _below(listed, container, "a")] == ["a", "a/b", "ab"]
    assert [each.name for each in await _below(listed, container, "")] == ["A/b", "a", "a/b", "ab", "b/a"]


async def test_all_pages_are_listed(listed: ListedBlobs, blobs: Blobs, container: str) -> None:
    """A list is followed to its end, and each blob stands in it once."""
    written = [await _put(blobs, container, f"many/{number}") for number in range(5)]

    assert await _below(listed, container, "many/") == written


async def test_an_empty_list(listed: ListedBlobs, container: str) -> None:
    """A container without such blobs is no error."""
    assert await _below(listed, container, "a") == []


async def test_a_blob_of_blocks_without_md5(listed: ListedBlobs, blobs: Blobs, container: str) -> None:
    """It has none in a list either, and its metadata are those of its commit."""
    path = BlobPath(container=container, name="large.tif")
    await blobs.stage(path, (b"one",), block_id="block-1")
    content = Content(md5=None, media_type="image/tiff", metadata={"sluice_item": "i"})
    written = await blobs.commit(path, ["block-1"], content=content)

    (found,) = await _below(listed, container, "")

    assert (found.md5, found.length, found.etag, found.metadata) == (None, 3, written.etag, {"sluice_item": "i"})


async def test_what_is_staged_only_isnt_listed(listed: ListedBlobs, blobs: Blobs, container: str) -> None:
    """A copy that is under way has no blob yet."""
    await blobs.stage(BlobPath(container=container, name="staged"), (b"one",), block_id="block-1")

    assert await _below(listed, container, "") == []


async def test_snapshots_arent_listed(listed: ListedBlobs, blobs: Blobs, container: str) -> None:
    """What stood there before is beside the blob, not another one."""
    written = await _put(blobs, container, "a", b"one")
    await blobs.snapshot(BlobPath(container=container, name="a"), of=written.etag)

    assert await _below(listed, container, "") == [written]


async def test_a_missing_container_is_named(listed: ListedBlobs) -> None:
    """It isn't taken for one without blobs: everything would seem to be missing."""
    with pytest.raises(StorageFailedError, match=f"there is no container '{_NOWHERE}'"):
        await _below(listed, _NOWHERE, "")


async def test_folders_arent_blobs(real: Account | None, listed: ListedBlobs, blobs: Blobs, container: str) -> None:
    """An account with hierarchical namespace lists its folders, marked as such."""
    if real is None:
        pytest.skip("a dictionary has no folders")
    await _put(blobs, container, "a", hdi_isfolder="true")

    assert await _below(listed, container, "") == []


async def test_a_failure_is_storages(real: Account | None, listed: ListedBlobs) -> None:
    """Whatever else the service answers is no empty list."""
    if real is None:
        pytest.skip("a dictionary doesn't fail")

    with pytest.raises(StorageFailedError, match="list: 400"):
        await _below(listed, "no--container", "")
