"""Copies that go on inside a file: where nobody asks for a digest of the whole, what is staged isn't read again."""

from collections.abc import Sequence
from typing import override

import pytest

from shared.copying.job import Copied, Kept, Outcome
from shared.model.errors import (
    BlobDiffersError,
    SourceUnavailableError,
    StorageFailedError,
    TruncatedBodyError,
)
from shared.model.labels import labels
from shared.storage.blobs import Blob, BlobPath, Content
from tests.fakes import MemoryBlobs
from tests.fakes.sources import Version
from tests.unit.copying.staged import READ, STAGE, begin, blocks_sha256
from tests.unit.copying.wire import Action
from tests.unit.copying.world import (
    BLOCK,
    BUDGET,
    CHUNK,
    World,
    md5,
    path,
    sha256,
    sha256_and_md5,
    tiff,
    version,
)
from tests.unit.model.builders import asset

_BODY = tiff(6 * BLOCK + 5)
_OTHER = tiff(len(_BODY), seed=1)
_BLOCKS = 7


@pytest.fixture
def world() -> World:
    """A dataset that asks for no digest of the whole."""
    return World(policy={"digests": []})


def _reads(length: int) -> int:
    """How often a source pauses while so many bytes of it are read."""
    return -(-length // CHUNK)


async def test_a_copy_computes_what_is_asked_for(world: World) -> None:
    """Without a digest of the whole, blob and row have the digest of the blocks' digests, and the blob has no MD5."""
    world.serve(asset(), version(_BODY))

    outcome = await world.engine.copy(world.job(asset()))

    row = world.row(asset(), _BODY, digests=(blocks_sha256(_BODY),))
    assert outcome == Copied(row=row)
    assert world.bodies() == {asset().name: _BODY}
    assert world.blobs.contents[path(asset())] == Content(md5=None, media_type="image/tiff", metadata=labels(row))
    assert world.sources.rests == []


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (["sha256"], (sha256(_BODY),)),
        (["md5"], (f"md5:{md5(_BODY).hex()}",)),
        (["md5", "sha256"], sha256_and_md5(_BODY)),
    ],
)
async def test_a_dataset_asks_for_digests(asked: list[str], expected: tuple[str, ...]) -> None:
    """For those that it asks for, and no others."""
    world = World(policy={"digests": asked})
    world.serve(asset(), version(_BODY))

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome.row.digests == expected
    assert world.blobs.blobs[path(asset())].md5 == (md5(_BODY) if "md5" in asked else None)


async def test_a_small_asset_has_its_digests_in_any_case(world: World) -> None:
    """They cost nothing there, and Azure gives it an MD5 anyway."""
    world.serve(asset(), version(tiff(10)))

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Copied(row=world.row(asset(), tiff(10)))


@pytest.mark.parametrize("validator", ['etag:"1"', "modified:Mon, 04 Mar 2024 12:00:00 GMT"])
@pytest.mark.parametrize("blocks", [1, 3, 6])
async def test_a_copy_goes_on_after_what_is_staged(world: World, blocks: int, validator: str) -> None:
    """It asks for the rest of the same version, and what it commits is what it would have been."""
    await begin(world, version(_BODY, validator=validator), blocks=blocks)

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Copied(row=world.row(asset(), _BODY, validator=validator, digests=(blocks_sha256(_BODY),)))
    assert world.bodies() == {asset().name: _BODY}
    assert world.sources.rests == [blocks * BLOCK]
    assert world.wire.calls.count(STAGE) == _BLOCKS - blocks
    # Each opening pauses once; nothing of the first body is read.
    assert world.wire.calls.count(READ) == 2 + _reads(len(_BODY) - blocks * BLOCK)
    assert world.budget.free == BUDGET


async def test_a_copy_has_one_connection(world: World) -> None:
    """With two, copies that wait for their second would hold all that a host allows."""
    await begin(world, version(_BODY), blocks=3)

    await world.engine.copy(world.job(asset()))

    assert (world.sources.rests, world.sources.most_open) == ([3 * BLOCK], 1)


@pytest.mark.parametrize("length", [6 * BLOCK + 1, 7 * BLOCK])
async def test_the_last_block_is_read_in_any_case(world: World, length: int) -> None:
    """Though all are staged: so the source is seen to have this version still. Nothing is sent."""
    body = tiff(length)
    await begin(world, version(body), blocks=_BLOCKS)

    await world.engine.copy(world.job(asset()))

    assert world.sources.rests == [6 * BLOCK]
    assert STAGE not in world.wire.calls
    assert world.bodies() == {asset().name: body}


async def test_a_gap_is_read_and_what_follows_is_not_sent(world: World) -> None:
    """Blocks are on their way at once, so any of them may be missing."""
    await begin(world, version(_BODY), blocks=5)
    del world.blobs.blocks[path(asset())][list(world.blobs.blocks[path(asset())])[2]]

    await world.engine.copy(world.job(asset()))

    assert world.sources.rests == [2 * BLOCK]
    assert world.wire.calls.count(STAGE) == _BLOCKS - 4
    assert world.bodies() == {asset().name: _BODY}


@pytest.mark.parametrize(
    ("asked", "checksum", "stated"),
    [
        (["sha256"], None, {}),
        (["sha256", "md5"], None, {}),
        (["md5"], None, {}),
        ([], sha256(_BODY), {}),
        ([], None, {"md5": f"md5:{md5(_BODY).hex()}"}),
    ],
    ids=["default", "both", "md5", "catalog", "source"],
)
async def test_a_copy_that_has_to_hash_the_whole_reads_it(
    asked: list[str], checksum: str | None, stated: dict[str, str]
) -> None:
    """A hash can't be saved half done: the staged blocks are read once more, and not sent."""
    world = World(policy={"digests": asked})
    each, served = asset(checksum=checksum), version(_BODY, stated=stated)
    world.serve(each, served)
    world.wire.fail(STAGE, "before", StorageFailedError("500"), nth=6)
    with pytest.raises(StorageFailedError):
        await world.engine.copy(world.job(each))
    staged = len(world.blobs.blocks[path(each)])
    world.wire.calls.clear()

    outcome = await world.engine.copy(world.job(each))

    assert isinstance(outcome, Copied)
    assert not outcome.row.digests[0].startswith("blocks-")
    assert world.sources.rests == []
    assert world.wire.calls.count(STAGE) == _BLOCKS - staged < _BLOCKS
    assert world.bodies() == {each.name: _BODY}


@pytest.mark.parametrize(
    "served", [version(_BODY, validator=None), version(_BODY, states_length=False)], ids=["validator", "length"]
)
async def test_a_source_that_can_not_be_pinned_is_read_whole(world: World, served: Version) -> None:
    """Without a strong validator, or a length, nothing says that what follows belongs to what is staged."""
    await begin(world, served, blocks=3)

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome.row.digests == (blocks_sha256(_BODY),)
    assert world.sources.rests == []
    assert world.wire.calls.count(STAGE) == _BLOCKS - 3
    assert world.bodies() == {asset().name: _BODY}


@pytest.mark.parametrize(
    "now",
    [version(_OTHER, validator='etag:"2"'), version(_BODY + b"more"), version(_OTHER, validator=None)],
    ids=["validator", "length", "none"],
)
async def test_versions_do_not_mix(world: World, now: Version) -> None:
    """What is staged of an older version is no beginning of this one."""
    await begin(world, version(_BODY), blocks=3)
    world.serve(asset(), now)

    await world.engine.copy(world.job(asset()))

    assert world.sources.rests == []
    assert world.bodies() == {asset().name: now.body}


async def test_another_file_with_the_same_etag_is_none_of_this(world: World) -> None:
    """Servers make ETags of length and time: a file that its catalog gives another address may have both."""
    await begin(world, version(_BODY), blocks=3)
    moved = asset(href="https://data.example.org/moved.tif")
    world.serve(moved, version(_OTHER))

    await world.engine.copy(world.job(moved))

    assert world.sources.rests == []
    assert world.bodies() == {moved.name: _OTHER}


async def test_blocks_of_another_size_are_none_of_these(world: World) -> None:
    """After a deployment with other blocks an index means other bytes, also where a last block has the right length."""
    world.block_size = BLOCK + 1
    await begin(world, version(_BODY), blocks=6)
    *_, last = world.blobs.blocks.pop(path(asset())).items()
    world.block_size = BLOCK
    await begin(world, version(_BODY), blocks=5)
    world.blobs.blocks[path(asset())] |= dict([last])

    outcome = await world.engine.copy(world.job(asset()))

    assert len(last[1]) == BLOCK
    assert outcome.row.digests == (blocks_sha256(_BODY),)
    assert world.sources.rests == [5 * BLOCK]
    assert world.bodies() == {asset().name: _BODY}


async def test_what_was_staged_twice_is_not_trusted(world: World) -> None:
    """Two blocks of one index and version: the source has lied, and one of them isn't what it has now."""
    await begin(world, version(_BODY), blocks=3)
    before = dict(world.blobs.blocks[path(asset())])
    world.blobs.blocks.clear()
    await begin(world, version(_OTHER), blocks=1)
    world.blobs.blocks[path(asset())] |= before

    await world.engine.copy(world.job(asset()))

    assert world.sources.rests == []
    assert world.bodies() == {asset().name: _OTHER}


async def test_a_block_that_is_too_short_is_not_trusted(world: World) -> None:
    """Its id says which bytes it should have; its length says that it hasn't."""
    await begin(world, version(_BODY), blocks=3)
    ids = list(world.blobs.blocks[path(asset())])
    world.blobs.blocks[path(asset())][ids[1]] = b"cut"

    await world.engine.copy(world.job(asset()))

    assert world.sources.rests == [BLOCK]
    assert world.bodies() == {asset().name: _BODY}


async def test_blocks_of_others_are_no_obstacle(world: World) -> None:
    """Whatever another tool called them."""
    await begin(world, version(_BODY), blocks=3)
    world.blobs.blocks[path(asset())]["x" * 64] = b"something"

    await world.engine.copy(world.job(asset()))

    assert world.sources.rests == [3 * BLOCK]
    assert world.bodies() == {asset().name: _BODY}


async def test_a_source_that_changes_before_its_rest_is_read(world: World) -> None:
    """In the same attempt it is read as what it is now."""
    await begin(world, version(_BODY), blocks=3)
    now = version(_OTHER, validator='etag:"2"')
    world.serve(asset(), version(_BODY), now)

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome.row.validator == now.validator
    assert len(world.sources.opened) == 3
    assert world.bodies() == {asset().name: _OTHER}
    assert world.budget.free == BUDGET


async def test_a_server_that_knows_no_ranges_is_read_from_the_first_byte(world: World) -> None:
    """One stream, of which nothing is sent that is staged."""
    await begin(world, version(_BODY, knows_ranges=False), blocks=3)

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Copied(row=world.row(asset(), _BODY, digests=(blocks_sha256(_BODY),)))
    assert (len(world.sources.opened), world.sources.rests) == (3, [3 * BLOCK])
    assert world.wire.calls.count(STAGE) == _BLOCKS - 3
    assert world.bodies() == {asset().name: _BODY}


@pytest.mark.parametrize("error", [TruncatedBodyError("half"), SourceUnavailableError("reset")], ids=["end", "reset"])
@pytest.mark.parametrize("nth", range(2, 3 + _reads(3 * BLOCK + 5)))
async def test_a_rest_that_breaks_off_ends_the_copy(world: World, nth: int, error: Exception) -> None:
    """Wherever it does: its error comes out as it is, nothing is committed, no part of the budget stays behind."""
    await begin(world, version(_BODY), blocks=3)
    world.wire.fail(READ, "before", error, nth=nth)

    with pytest.raises(type(error)) as raised:
        await world.engine.copy(world.job(asset()))

    assert raised.value is error
    assert (world.bodies(), world.budget.free) == ({}, BUDGET)


async def test_a_rest_is_counted(world: World) -> None:
    """Bytes that are missing at its end are missed."""
    await begin(world, version(_BODY), blocks=3)
    world.serve(asset(), version(_BODY, cut_at=5 * BLOCK))

    with pytest.raises(TruncatedBodyError):
        await world.engine.copy(world.job(asset()))

    assert (world.bodies(), world.budget.free) == ({}, BUDGET)


@pytest.mark.parametrize("on_existing", ["version", "immutable"])
@pytest.mark.parametrize("same", [True, False], ids=["same", "others"])
async def test_bytes_that_are_to_be_compared_are_hashed(on_existing: str, *, same: bool) -> None:
    """Where it depends on them whether they replace a blob, which was perhaps written with other digests."""
    world = World(policy={"digests": [], "on_existing": on_existing})
    theirs = Content(md5=md5(_BODY), media_type="image/tiff", metadata={})
    await MemoryBlobs.put(world.blobs, path(asset()), (_BODY,), content=theirs)
    world.serve(asset(), version(_BODY if same else _OTHER))

    outcome = await _outcome(world)

    if same:
        assert isinstance(outcome, Kept)
        assert outcome.row.digests == sha256_and_md5(_BODY)
    elif on_existing == "immutable":
        assert isinstance(outcome, BlobDiffersError)
    else:
        assert isinstance(outcome, Copied)
        assert outcome.row.digests == sha256_and_md5(_OTHER)


async def _outcome(world: World) -> Outcome | Exception:
    try:
        return await world.engine.copy(world.job(asset()))
    except BlobDiffersError as error:
        return error


@pytest.mark.parametrize("theirs", [tiff(7), _OTHER], ids=["length", "bytes"])
async def test_what_stands_there_after_a_commit_is_compared(theirs: bytes) -> None:
    """Without an MD5, too: by the digest that the blob says it has."""
    blobs = _SlowLook()
    world = World(blobs=blobs, policy={"digests": []})
    world.serve(asset(), version(_BODY))
    blobs.meanwhile = world.other_writer(asset(), theirs, cause="run-0", validator=None)

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Copied(row=world.row(asset(), _BODY, digests=(blocks_sha256(_BODY),)))
    assert world.bodies() == {asset().name: _BODY}


class _SlowLook(MemoryBlobs):
    """Between a commit and the look at what it made, something happens."""

    meanwhile: Action | None = None

    @override
    async def commit(
        self, path: BlobPath, block_ids: Sequence[str], *, content: Content, replaces: str | None = None
    ) -> Blob:
        await super().commit(path, block_ids, content=content, replaces=replaces)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return self.blobs[path]
