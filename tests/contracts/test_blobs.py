import contextlib
import dataclasses
import gzip
import hashlib
from collections.abc import AsyncGenerator

import aiohttp
import pytest
from aiohttp import web

from demo.azurite import Azurite
from shared.model.errors import BlobConflictError, StorageFailedError
from shared.model.settings import Settings
from shared.storage.accounts import Account, open_account
from shared.storage.blobs import AzureBlobs, Blob, BlobPath, Blobs, Content, StagedBlock
from tests.contracts.conftest import new_container
from tests.end_to_end.forwarding import forwarded, listening

_STALE = '"0x8D0000000000000"'


def content(body: bytes = b"", *, encoding: str | None = None, **metadata: str) -> Content:
    return Content(md5=md5(body), media_type="image/tiff", encoding=encoding, metadata=metadata)


def md5(body: bytes) -> bytes:
    return hashlib.md5(body, usedforsecurity=False).digest()


def block_id(index: int, body: bytes) -> str:
    return f"{index:024x}{hashlib.sha256(body).hexdigest()[:40]}"


async def staged(blobs: Blobs, path: BlobPath, *bodies: bytes) -> list[str]:
    """Stage blocks and return their ids."""
    ids = [block_id(index, body) for index, body in enumerate(bodies)]
    for each, body in zip(ids, bodies, strict=True):
        await blobs.stage(path, (body,), block_id=each)
    return ids


async def test_a_missing_blob_is_absent(blobs: Blobs, path: BlobPath) -> None:
    """No blob: nothing to see, nothing staged, nothing to read."""
    assert await blobs.look(path) is None
    assert await blobs.staged(path) == ()
    assert await blobs.read(path) is None


async def test_put_answers_what_a_look_shows(blobs: Blobs, path: BlobPath) -> None:
    """The blob that put returns is the one that stands there, with its metadata."""
    written = await blobs.put(path, (b"four",), content=content(b"four", cause="run-1", Length="4"))

    assert await blobs.look(path) == written
    assert written == Blob(
        etag=written.etag,
        length=4,
        md5=md5(b"four"),
        metadata={"cause": "run-1", "Length": "4"},
        modified=written.modified,
    )
    assert await blobs.read(path) == b"four"


async def test_put_gives_a_blob_its_md5(blobs: Blobs, path: BlobPath) -> None:
    """A blob that is put has an MD5, also where none was stated."""
    without = Content(md5=None, media_type="application/json", metadata={})

    written = await blobs.put(path, (b"{}",), content=without)

    assert written.md5 == md5(b"{}")
    assert await blobs.look(path) == written


async def test_commit_gives_a_blob_no_md5_of_its_own(blobs: Blobs, path: BlobPath) -> None:
    """A blob of blocks has an MD5 only if one is stated."""
    without = Content(md5=None, media_type="image/tiff", metadata={})

    written = await blobs.commit(path, await staged(blobs, path, b"one"), content=without)

    assert written.md5 is None


async def test_an_empty_blob_is_put(blobs: Blobs, path: BlobPath) -> None:
    """An asset without bytes is a blob without bytes."""
    await blobs.put(path, (b"",), content=content(b""))

    assert await blobs.read(path) == b""


async def test_large_bodies_are_sent_whole(blobs: Blobs, path: BlobPath) -> None:
    """Bodies of more than a MiB, which travel piece by piece, arrive as they are."""
    large = bytes(range(256)) * 10_000
    written = await blobs.put(path, (large,), content=content(large))
    ids = await staged(blobs, path, large, large[1:])

    replaced = await blobs.commit(path, ids, content=content(large + large[1:]), replaces=written.etag)

    assert (written.length, replaced.length) == (len(large), 2 * len(large) - 1)
    assert await blobs.read(path) == large + large[1:]


_PIECES = {
    "none": [],
    "small": [b"one", b"", b"two"],
    "large": [b"head", bytes(range(256)) * 10_000, b"", b"middle" * 50_000, b"end"],
}


@pytest.mark.parametrize("pieces", list(_PIECES.values()), ids=list(_PIECES))
async def test_pieces_become_one_blob_in_their_order(blobs: Blobs, path: BlobPath, pieces: list[bytes]) -> None:
    """However a body was received, it is stored as one."""
    whole = b"".join(pieces)
    given = list(pieces)

    written = await blobs.put(path, given, content=Content(md5=None, media_type="image/tiff", metadata={}))

    assert (written.length, written.md5, await blobs.read(path)) == (len(whole), md5(whole), whole)
    assert given == pieces


@pytest.mark.parametrize("pieces", [_PIECES["small"], _PIECES["large"]], ids=["small", "large"])
async def test_pieces_become_one_block_in_their_order(blobs: Blobs, path: BlobPath, pieces: list[bytes]) -> None:
    """The same for a block."""
    whole = b"".join(pieces)
    name = block_id(0, whole)

    await blobs.stage(path, pieces, block_id=name)

    assert await blobs.staged(path) == (StagedBlock(block_id=name, length=len(whole)),)
    await blobs.commit(path, [name], content=content(whole))
    assert await blobs.read(path) == whole


async def test_put_needs_an_empty_place(blobs: Blobs, path: BlobPath) -> None:
    """A first write loses against a blob that stands there (409 BlobAlreadyExists), and changes nothing."""
    await blobs.put(path, (b"first",), content=content(b"first"))

    with pytest.raises(BlobConflictError):
        await blobs.put(path, (b"second",), content=content(b"second"))

    assert await blobs.read(path) == b"first"


async def test_put_replaces_the_blob_that_was_seen(blobs: Blobs, path: BlobPath) -> None:
    """With the ETag of what stands there, a blob is replaced; each version has an ETag of its own."""
    first = await blobs.put(path, (b"first",), content=content(b"first"))

    second = await blobs.put(path, (b"second",), content=content(b"second"), replaces=first.etag)

    assert second.etag != first.etag
    assert await blobs.read(path) == b"second"


@pytest.mark.parametrize("stands", [True, False])
async def test_put_does_not_replace_another_blob(blobs: Blobs, path: BlobPath, *, stands: bool) -> None:
    """A stale ETag loses (412), whether another blob stands there or none."""
    if stands:
        await blobs.put(path, (b"first",), content=content(b"first"))

    with pytest.raises(BlobConflictError):
        await blobs.put(path, (b"second",), content=content(b"second"), replaces=_STALE)


async def test_put_refuses_bytes_with_another_md5(blobs: Blobs, path: BlobPath) -> None:
    """Bytes that changed on their way (400 Md5Mismatch) never become a blob."""
    with pytest.raises(StorageFailedError):
        await blobs.put(path, (b"right",), content=content(b"wrong"))

    assert await blobs.look(path) is None


async def test_staged_blocks_are_listed_and_invisible(blobs: Blobs, path: BlobPath) -> None:
    """Uncommitted blocks have their ids and lengths, and make no blob."""
    ids = await staged(blobs, path, b"one", b"three")

    listed = await blobs.staged(path)

    expected = {StagedBlock(block_id=ids[0], length=3), StagedBlock(block_id=ids[1], length=5)}
    assert (len(listed), set(listed)) == (2, expected)
    assert await blobs.look(path) is None
    assert await blobs.read(path) is None


async def test_commit_makes_a_blob_of_its_blocks_in_order(blobs: Blobs, path: BlobPath) -> None:
    """The order is the list's; what stands there then is answered, and nothing is left staged."""
    first, second = await staged(blobs, path, b"one", b"two")

    written = await blobs.commit(path, [second, first], content=content(b"twoone", cause="c"))

    assert written == await blobs.look(path)
    assert (written.length, written.md5, written.metadata) == (6, md5(b"twoone"), {"cause": "c"})
    assert await blobs.read(path) == b"twoone"
    assert await blobs.staged(path) == ()


async def test_commit_takes_only_the_blocks_it_names(blobs: Blobs, path: BlobPath) -> None:
    """A block of another attempt that isn't named does not get in."""
    mine, _ = await staged(blobs, path, b"mine", b"theirs")

    await blobs.commit(path, [mine], content=content(b"mine"))

    assert await blobs.read(path) == b"mine"


async def test_a_block_staged_again_stands_once(blobs: Blobs, path: BlobPath) -> None:
    """Equal ids mean equal bytes: staging a block again changes nothing."""
    (once,) = await staged(blobs, path, b"same")
    await staged(blobs, path, b"same")

    assert await blobs.staged(path) == (StagedBlock(block_id=once, length=4),)


async def test_block_ids_have_one_length(blobs: Blobs, path: BlobPath) -> None:
    """An id of another length is refused (400 InvalidBlobOrBlock): it would jam the blob's name for a week."""
    await staged(blobs, path, b"one")

    with pytest.raises(StorageFailedError):
        await blobs.stage(path, (b"two",), block_id="short")


async def test_block_ids_have_64_characters_at_most(blobs: Blobs, path: BlobPath) -> None:
    """An id of 65 characters is refused."""
    with pytest.raises(StorageFailedError):
        await blobs.stage(path, (b"one",), block_id="x" * 65)


async def test_the_second_commit_of_a_first_write_loses(blobs: Blobs, path: BlobPath) -> None:
    """A retried commit, the first answer of which was lost, loses against itself: read back to find out."""
    ids = await staged(blobs, path, b"one", b"two")
    written = await blobs.commit(path, ids, content=content(b"onetwo"))

    with pytest.raises(BlobConflictError):
        await blobs.commit(path, ids, content=content(b"onetwo"))

    assert await blobs.look(path) == written


async def test_blocks_are_gone_once_somebody_else_committed(blobs: Blobs, path: BlobPath) -> None:
    """Somebody else's commit discards our blocks (400 InvalidBlockList), even if our condition holds."""
    mine = await staged(blobs, path, b"mine")
    theirs = await blobs.commit(path, await staged(blobs, path, b"theirs"), content=content(b"theirs"))

    with pytest.raises(BlobConflictError):
        await blobs.commit(path, mine, content=content(b"mine"), replaces=theirs.etag)

    assert await blobs.read(path) == b"theirs"


async def test_blocks_of_the_blob_can_be_named_again(blobs: Blobs, path: BlobPath) -> None:
    """A block of the blob that stands there is no staged one, and can be committed again with a new one."""
    ids = await staged(blobs, path, b"one")
    written = await blobs.commit(path, ids, content=content(b"one"))
    new = block_id(1, b"two")
    await blobs.stage(path, (b"two",), block_id=new)

    assert await blobs.staged(path) == (StagedBlock(block_id=new, length=3),)
    await blobs.commit(path, [*ids, new], content=content(b"onetwo"), replaces=written.etag)

    assert await blobs.read(path) == b"onetwo"


async def test_put_leaves_no_blocks_to_name(blobs: Blobs, path: BlobPath) -> None:
    """A blob that was put has no blocks, and those of the blob that it replaced are gone."""
    ids = await staged(blobs, path, b"one")
    first = await blobs.commit(path, ids, content=content(b"one"))
    second = await blobs.put(path, (b"two",), content=content(b"two"), replaces=first.etag)

    with pytest.raises(BlobConflictError):
        await blobs.commit(path, ids, content=content(b"one"), replaces=second.etag)


async def test_commit_replaces_the_blob_that_was_seen(blobs: Blobs, path: BlobPath) -> None:
    """With the ETag of what stands there, blocks replace it; with a stale one (412) they don't."""
    first = await blobs.put(path, (b"first",), content=content(b"first"))
    ids = await staged(blobs, path, b"second")

    with pytest.raises(BlobConflictError):
        await blobs.commit(path, ids, content=content(b"second"), replaces=_STALE)
    await blobs.commit(path, ids, content=content(b"second"), replaces=first.etag)

    assert await blobs.read(path) == b"second"


async def test_a_snapshot_leaves_the_blob_as_it_is(blobs: Blobs, path: BlobPath) -> None:
    """Its ETag stays, so that it can be replaced under it; and what is staged stays staged."""
    first = await blobs.put(path, (b"first",), content=content(b"first", cause="c"))
    ids = await staged(blobs, path, b"second")

    await blobs.snapshot(path, of=first.etag)

    assert await blobs.look(path) == first
    await blobs.commit(path, ids, content=content(b"second"), replaces=first.etag)
    assert await blobs.read(path) == b"second"


@pytest.mark.parametrize("stands", [True, False])
async def test_a_snapshot_of_another_blob_is_not_made(blobs: Blobs, path: BlobPath, *, stands: bool) -> None:
    """A stale ETag loses (412), and so does one of a blob that is gone."""
    if stands:
        await blobs.put(path, (b"first",), content=content(b"first"))

    with pytest.raises(BlobConflictError):
        await blobs.snapshot(path, of=_STALE)


async def test_a_snapshot_keeps_bytes_and_metadata(account: Account) -> None:
    """What was replaced can still be read, with what it says of itself."""
    path = BlobPath(container=await new_container(account), name="a.tif")
    blobs = AzureBlobs(account.blobs, account.blob_calls)
    first = await blobs.put(path, (b"first",), content=content(b"first", cause="c"))

    await blobs.snapshot(path, of=first.etag)
    await blobs.put(path, (b"second",), content=content(b"second"), replaces=first.etag)

    container = account.blobs.get_container_client(path.container)
    (kept,) = [each async for each in container.list_blobs(include=["snapshots", "metadata"]) if each.snapshot]
    client = account.blobs.get_blob_client(path.container, path.name, snapshot=kept.snapshot)
    assert await (await client.download_blob()).readall() == b"first"
    assert kept.metadata == {"cause": "c"}


async def test_bytes_with_a_content_encoding_come_back_as_stored(account: Account) -> None:
    """A body that the source had compressed is stored and read as it is, with its header kept."""
    path = BlobPath(container=await new_container(account), name="a.json")
    body = gzip.compress(b"{}", mtime=0)

    await AzureBlobs(account.blobs, account.blob_calls).put(path, (body,), content=content(body, encoding="gzip"))

    properties = await account.blobs.get_blob_client(path.container, path.name).get_blob_properties()
    settings = properties.content_settings
    assert (settings.content_encoding, settings.content_type) == ("gzip", "image/tiff")
    assert await AzureBlobs(account.blobs, account.blob_calls).read(path) == body


async def test_a_missing_container_fails_a_write(account: Account) -> None:
    """A container that isn't there is no conflict."""
    path = BlobPath(container="nowhere", name="a")

    with pytest.raises(StorageFailedError, match="404 ContainerNotFound"):
        await AzureBlobs(account.blobs, account.blob_calls).put(path, (b"",), content=content(b""))


@pytest.mark.parametrize("pieces", [[b"one", b"", b"two"], [b"head", b"middle" * 100_000]], ids=["small", "large"])
async def test_staged_bytes_are_checked_in_transit(storage: Azurite, account: Account, pieces: list[bytes]) -> None:
    """A block of which one bit changes on its way is refused (400 Crc64Mismatch), and nothing is staged."""
    path, name = BlobPath(container=await new_container(account), name="a"), block_id(0, b"")

    async with _altering(storage) as bad_line:
        with pytest.raises(StorageFailedError, match="400 Crc64Mismatch"):
            await AzureBlobs(bad_line.blobs, bad_line.blob_calls).stage(path, pieces, block_id=name)

    assert await AzureBlobs(account.blobs, account.blob_calls).staged(path) == ()


@contextlib.asynccontextmanager
async def _altering(storage: Azurite) -> AsyncGenerator[Account]:
    """An account behind a line that changes a bit in the middle of every body."""

    async def answer(request: web.Request) -> web.Response:
        body = bytearray(await request.read())
        body[len(body) // 2] ^= 1
        return await forwarded(request, bytes(body), session=session, port=storage.blob_port)

    async with aiohttp.ClientSession(auto_decompress=False) as session, listening(answer) as port:
        behind = dataclasses.replace(storage, blob_port=port).connection_string
        async with open_account(Settings(storage_connection=behind)) as account:
            yield account
