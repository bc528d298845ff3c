"""What a block's digest is of: all bytes up to its end where the whole is hashed anyway, else its own alone."""

import dataclasses
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.copying.existing import compares_blocks
from shared.copying.job import Copied, Kept
from shared.model.datasets import OnExisting
from shared.model.errors import StorageFailedError
from shared.model.labels import labels
from shared.storage.blobs import Blob
from tests.fakes.sources import Version
from tests.unit.copying.staged import STAGE, begin, blocks_sha256, ids
from tests.unit.copying.wire import Action
from tests.unit.copying.world import BLOCK, LARGE, World, path, sha256, tiff, version
from tests.unit.model.builders import NOON, asset, dataset

_BODY = tiff(6 * BLOCK + 5)
_OTHER = tiff(len(_BODY), seed=1)
_BLOCKS = 7
_COMMIT = "blobs.commit"
_VALIDATORS = pytest.mark.parametrize("validator", ['etag:"1"', None], ids=["validator", "none"])
_KEEPING = pytest.mark.parametrize("mode", [OnExisting.VERSION, OnExisting.IMMUTABLE])


async def _staged(served: Version, *, asked: Sequence[str]) -> list[str]:
    """The ids under which a copy stages its blocks."""
    world = World(policy={"digests": asked})
    await begin(world, served, blocks=_BLOCKS)
    return list(world.blobs.blocks[path(asset())])


@pytest.mark.parametrize(
    ("asked", "chained"),
    [(["sha256"], True), (["md5", "sha256"], True), (["md5"], False), ([], False)],
    ids=["sha256", "both", "md5", "none"],
)
@_VALIDATORS
async def test_ids_are_chained_where_the_sha256_is_computed_anyway(
    asked: list[str], validator: str | None, *, chained: bool
) -> None:
    """Of the whole, so no byte is hashed twice; else a block's digest is its own."""
    found = await _staged(version(_BODY, validator=validator), asked=asked)

    assert found == ids(_BODY, validator=validator, chained=chained)


async def test_ids_are_chained_where_a_sha256_is_expected() -> None:
    """The catalog states one, whatever the dataset asks for."""
    world, each = World(policy={"digests": []}), asset(checksum=sha256(_BODY))
    world.serve(each, version(_BODY))
    staged: list[str] = []
    world.wire.on(_COMMIT, "before", _noting(world, staged))

    await world.engine.copy(world.job(each))

    assert staged == ids(_BODY)


@given(position=st.integers(0, len(_BODY) - 1))
async def test_equal_chained_ids_mean_equal_bytes_from_the_first_on(position: int) -> None:
    """Two versions under one validator that differ in a single byte: that block and every later one is another."""
    lied = _BODY[:position] + bytes([_BODY[position] ^ 1]) + _BODY[position + 1 :]

    one, two = ids(_BODY), ids(lied)

    assert [here == there for here, there in zip(one, two, strict=True)] == [
        (index + 1) * BLOCK <= position for index in range(_BLOCKS)
    ]


async def test_a_source_that_lies_about_an_early_block_has_all_later_ones_sent() -> None:
    """Under the validator of what is staged: no block of the other version gets in, though its own bytes are equal."""
    world = World()
    lied = _BODY[: BLOCK + 3] + b"!" + _BODY[BLOCK + 4 :]
    await begin(world, version(_BODY), blocks=_BLOCKS)
    world.serve(asset(), version(lied))

    await world.engine.copy(world.job(asset()))

    assert world.bodies() == {asset().name: lied}
    assert world.wire.calls.count(STAGE) == _BLOCKS - 1


@_VALIDATORS
async def test_a_chained_copy_that_begins_again_sends_nothing_that_is_staged(validator: str | None) -> None:
    """It reads and hashes every byte, and finds each block under its id."""
    world = World()
    await begin(world, version(_BODY, validator=validator), blocks=_BLOCKS)

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Copied(row=world.row(asset(), _BODY, validator=validator))
    assert (world.wire.calls.count(STAGE), world.sources.rests) == (0, [])
    assert world.bodies() == {asset().name: _BODY}


@pytest.mark.parametrize(("before", "now"), [(["sha256"], []), ([], ["sha256"])], ids=["to single", "to chained"])
@_VALIDATORS
async def test_chained_and_single_blocks_do_not_mix(before: list[str], now: list[str], validator: str | None) -> None:
    """A dataset asks for other digests since: nothing is taken over, or a digest of blocks would be one of chains."""
    world = World(policy={"digests": before})
    await begin(world, version(_BODY, validator=validator), blocks=_BLOCKS)
    world.dataset = dataset(policy={"digests": now})

    outcome = await world.engine.copy(world.job(asset()))

    known = (sha256(_BODY),) if now else (blocks_sha256(_BODY),)
    assert outcome == Copied(row=world.row(asset(), _BODY, validator=validator, digests=known))
    assert (world.wire.calls.count(STAGE), world.sources.rests) == (_BLOCKS, [])
    assert world.bodies() == {asset().name: _BODY}


@pytest.mark.parametrize("asked", [["sha256"], []], ids=["chained", "single"])
@pytest.mark.parametrize("theirs", [["sha256"], []], ids=["theirs chained", "theirs single"])
@_VALIDATORS
async def test_workers_with_blocks_of_other_sizes_do_not_mix(
    asked: list[str], theirs: list[str], validator: str | None
) -> None:
    """While a deployment changes the size: as many blocks, which end elsewhere, but for the last ones' ends."""
    world = World(policy={"digests": asked})
    world.serve(asset(), version(LARGE, validator=validator))
    world.wire.on(_COMMIT, "before", _staging(world, asked=theirs, block_size=BLOCK + 1))
    world.wire.after_each(lambda: _check_whole(world))

    await world.engine.copy(world.job(asset()))

    assert world.bodies() == {asset().name: LARGE}
    assert world.wire.calls.count(_COMMIT) == 2


def _staging(world: World, *, asked: list[str], block_size: int) -> Action:
    """Another worker, which stages all of its blocks and dies."""

    async def stage() -> None:
        world.wire.fail(_COMMIT, "before", StorageFailedError("500"))
        other = dataclasses.replace(world.engine, block_size=block_size)
        with pytest.raises(StorageFailedError):
            await other.copy(world.job(asset(), dataset=dataset(policy={"digests": asked})))

    return stage


def _check_whole(world: World) -> None:
    assert world.blobs.bodies.get(path(asset())) in [None, LARGE]


@pytest.mark.parametrize(
    ("known", "md5", "expected"),
    [
        ((), None, False),
        ((), b"0" * 16, False),
        ((sha256(_BODY),), None, False),
        ((blocks_sha256(_BODY),), None, True),
        ((sha256(_BODY), blocks_sha256(_BODY)), None, True),
        ((blocks_sha256(_BODY),), b"0" * 16, True),
    ],
    ids=["nothing", "md5", "sha256", "blocks", "sha256 and blocks", "blocks and md5"],
)
@pytest.mark.parametrize("mode", list(OnExisting))
def test_blocks_are_compared_with_what_has_a_digest_of_blocks(
    mode: OnExisting, known: tuple[str, ...], md5: bytes | None, *, expected: bool
) -> None:
    """Where bytes say what becomes of a blob; wherever else, nobody needs a block's own digest."""
    world = World(policy={"on_existing": mode})
    says = labels(world.row(asset(), _BODY, digests=known))
    standing = Blob(etag='"1"', length=len(_BODY), md5=md5, metadata=says, modified=NOON)

    compared = compares_blocks(world.job(asset()), standing)

    assert compared == (expected and mode in {OnExisting.VERSION, OnExisting.IMMUTABLE})


@_KEEPING
def test_there_are_no_blocks_to_compare_with_nothing(mode: OnExisting) -> None:
    """Where no blob stands, ids are chained."""
    world = World(policy={"on_existing": mode})

    assert not compares_blocks(world.job(asset()), None)


@pytest.mark.parametrize(("first", "chained"), [([], False), (["sha256"], True)], ids=["blocks", "sha256"])
async def test_ids_are_single_where_a_digest_of_blocks_is_compared(first: list[str], *, chained: bool) -> None:
    """With a blob that has no other, though the whole is hashed; one that has a SHA-256 is compared by that."""
    world = World(policy={"on_existing": "version", "digests": first})
    world.serve(asset(), version(_BODY), version(_OTHER, validator='etag:"2"'))
    await world.engine.copy(world.job(asset(), cause="run-0"))
    world.dataset = dataset(policy={"on_existing": "version"})
    staged: list[str] = []
    world.wire.on(_COMMIT, "before", _noting(world, staged))

    outcome = await world.engine.copy(world.job(asset()))

    assert staged == ids(_OTHER, validator='etag:"2"', chained=chained)
    assert outcome.row.digests[0] == sha256(_OTHER)
    assert (world.bodies(), world.blobs.snapshots[path(asset())]) == ({asset().name: _OTHER}, [_BODY])


@_KEEPING
async def test_a_chained_copy_keeps_a_blob_by_its_sha256(mode: OnExisting) -> None:
    """A chain says nothing of the blocks, and needn't."""
    world = World(policy={"on_existing": mode})
    world.serve(asset(), version(_BODY), version(_BODY, validator='etag:"2"'))
    await world.engine.copy(world.job(asset(), cause="run-0"))

    outcome = await world.engine.copy(world.job(asset()))

    assert isinstance(outcome, Kept)
    assert outcome.row.digests[0] == sha256(_BODY)


def _noting(world: World, staged: list[str]) -> Action:
    async def note() -> None:
        staged.extend(world.blobs.blocks[path(asset())])

    return note
