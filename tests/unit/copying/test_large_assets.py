"""Assets of several blocks: staged, resumed, given up, and how much memory they take."""

import asyncio
import tracemalloc
from collections.abc import Callable, Sequence
from typing import override

import pytest

from shared.copying.blocks import BlockReader, version_of
from shared.copying.budget import MemoryBudget
from shared.copying.digests import Digests
from shared.copying.engine import Engine
from shared.copying.job import Copied, Kept
from shared.copying.staging import Staging
from shared.model.errors import (
    AssetTooLargeError,
    NoProgressError,
    SourceUnavailableError,
    StorageFailedError,
    TruncatedBodyError,
    UnfinishedError,
)
from shared.storage.blobs import Blob, BlobPath
from tests.fakes import MemoryBlobs
from tests.fakes.catalogs import as_before
from tests.fakes.sources import FakeSources, Version
from tests.unit.copying.staged import ids
from tests.unit.copying.wire import Action
from tests.unit.copying.world import BLOCK, BUDGET, CHUNK, DEADLINE, World, path, sha256, tiff, version
from tests.unit.model.builders import asset

_BODY = tiff(6 * BLOCK + 5)
_BLOCKS = 7
_STAGE = "blobs.stage"
_READ = "source.read"


async def _begin(world: World, served: Version, *, blocks: int) -> None:
    """An attempt that a storage failure ends once so many blocks are staged; then forget its calls."""
    world.serve(asset(), served)
    world.wire.fail(_STAGE, "before", StorageFailedError("500"), nth=blocks + 1)
    with pytest.raises(StorageFailedError):
        await world.engine.copy(world.job(asset()))
    world.wire.calls.clear()


async def test_blocks_are_called_by_version_index_and_digest(world: World) -> None:
    """So that another worker, or another attempt, stages the same bytes under the same id and no others."""
    world.serve(asset(), version(_BODY))
    staged: dict[str, bytes] = {}
    world.wire.on("blobs.commit", "before", _noting(world, staged))

    await world.engine.copy(world.job(asset()))

    assert list(staged) == ids(_BODY)
    assert b"".join(staged.values()) == _BODY


def _noting(world: World, staged: dict[str, bytes]) -> Action:
    async def note() -> None:
        staged.update(world.blobs.blocks[path(asset())])

    return note


@pytest.mark.parametrize("validator", ['etag:"1"', None], ids=["validator", "none"])
async def test_what_is_staged_is_not_sent_again(world: World, validator: str | None) -> None:
    """A retry reads from the first byte, and sends what is missing; so copies make progress though workers die."""
    await _begin(world, version(_BODY, validator=validator), blocks=4)
    staged = len(world.blobs.blocks[path(asset())])

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Copied(row=world.row(asset(), _BODY, validator=validator))
    assert world.wire.calls.count(_STAGE) == _BLOCKS - staged
    assert world.bodies() == {asset().name: _BODY}


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (version(_BODY), version(_BODY, validator='etag:"2"')),
        (version(_BODY), version(tiff(len(_BODY), seed=1))),
        (version(_BODY, validator=None), version(tiff(len(_BODY), seed=1), validator=None)),
        (version(_BODY), version(_BODY + b"and more")),
    ],
    ids=["validator", "a source that lies", "no validator", "length"],
)
async def test_versions_do_not_mix(world: World, before: Version, now: Version) -> None:
    """Whatever an earlier attempt staged, and whatever a source claims: the blob is one version, whole."""
    await _begin(world, before, blocks=4)
    world.serve(asset(), now)

    await world.engine.copy(world.job(asset()))

    assert world.bodies() == {asset().name: now.body}


async def test_a_torn_source_is_found_out_when_it_is_read_again(world: World) -> None:
    """Half of one version and half of another, under one ETag: its checksum tells, and the second try is whole."""
    each, other = asset(checksum=sha256(_BODY)), tiff(len(_BODY), seed=1)
    world.serve(each, version(_BODY, torn_at=40, torn_into=other), version(_BODY))

    await world.engine.copy(world.job(each))

    assert world.bodies() == {each.name: _BODY}


async def test_a_staged_block_of_another_length_is_sent_again(world: World) -> None:
    """An id alone isn't enough."""
    world.serve(asset(), version(_BODY))
    world.blobs.blocks[path(asset())][ids(_BODY)[0]] = b"cut"

    await world.engine.copy(world.job(asset()))

    assert world.wire.calls.count(_STAGE) == _BLOCKS
    assert world.bodies() == {asset().name: _BODY}


async def test_a_large_asset_looks_before_it_reads_on(world: World) -> None:
    """What stands there already is known before a byte is read."""
    world.serve(asset(), version(_BODY))
    await world.engine.copy(world.job(asset()))
    world.wire.calls.clear()

    outcome = await world.engine.copy(world.job(asset()))

    assert isinstance(outcome, Kept)
    assert world.wire.calls == [_READ, "blobs.look"]


async def test_an_asset_that_does_not_end_is_sent_again_with_its_progress(world: World) -> None:
    """At the deadline: what is on its way arrives, the number of staged blocks goes along, nothing is committed."""
    world.serve(asset(), version(_BODY))
    world.wire.on(_READ, "before", _turn(world), nth=1 + 4 * BLOCK // CHUNK)

    with pytest.raises(UnfinishedError) as unfinished:
        await world.engine.copy(world.job(asset()))

    assert unfinished.value.staged_blocks == len(world.blobs.blocks[path(asset())]) == 3
    assert (world.bodies(), world.budget.free) == ({}, BUDGET)


@pytest.mark.parametrize(("before", "error"), [(2, UnfinishedError), (3, NoProgressError), (4, NoProgressError)])
async def test_an_asset_that_makes_no_progress_is_the_runtimes(
    world: World, before: int, error: type[Exception]
) -> None:
    """More blocks than last time: again. Not more: it is counted, and ends as poison instead of never."""
    world.serve(asset(), version(_BODY))
    world.wire.on(_READ, "before", _turn(world), nth=1 + 4 * BLOCK // CHUNK)

    with pytest.raises(error):
        await world.engine.copy(world.job(asset(), staged_before=before))

    assert world.budget.free == BUDGET


async def test_blocks_are_hashed_in_order(world: World) -> None:
    """Though the next one is read meanwhile, and takes less time: a digest of the whole, and each id, depends on it."""
    source = version_of(None, None, href=asset().href, block_size=BLOCK, chained=True)
    staging = await Staging.begin(world.blobs, path(asset()), version=source, chained=True)
    chunks = FakeSources(chunk_bytes=BLOCK)
    chunks.serve(asset().href, version(_BODY))
    whole = _Slow(())

    async with chunks.open(asset().href, dataset=world.dataset) as body:
        reader = BlockReader(body.chunks(), size=BLOCK)
        await staging.run(reader, first=None, whole=whole, share=world.budget.share())

    assert whole.written[0] == sha256(_BODY)
    assert staging.ids == ids(_BODY, validator=None)


class _Slow(Digests):
    """Takes less time with each call."""

    calls = 0

    @override
    async def update(self, pieces: Sequence[bytes]) -> None:
        self.calls += 1
        for _ in range(10 * (_BLOCKS - self.calls)):
            await asyncio.sleep(0)
        await super().update(pieces)


async def test_blocks_are_on_their_way_at_once_but_not_all(world: World) -> None:
    """Four of them, so that the network is used; and the fifth waits until one has arrived."""
    world.budget = MemoryBudget(100 * BLOCK)
    world.serve(asset(), version(_BODY))
    gate, busy = asyncio.Event(), asyncio.Event()
    for nth in range(1, _BLOCKS + 1):
        world.wire.on(_STAGE, "before", _waiting(gate, busy=busy if nth == 4 else None), nth=nth)

    copy = asyncio.create_task(world.engine.copy(world.job(asset())))
    await asyncio.wait_for(busy.wait(), timeout=5)
    for _ in range(50):
        await asyncio.sleep(0)
    on_their_way = world.wire.calls.count(_STAGE)
    gate.set()
    await copy

    assert on_their_way == 4
    assert world.bodies() == {asset().name: _BODY}


def _waiting(gate: asyncio.Event, *, busy: asyncio.Event | None) -> Action:
    async def wait() -> None:
        if busy is not None:
            busy.set()
        await gate.wait()

    return wait


@pytest.mark.parametrize("blocks", [1, 2])
async def test_a_small_budget_is_enough(world: World, blocks: int) -> None:
    """Several copies that share a block or two take turns: none waits for ever."""
    world.budget = MemoryBudget(blocks * BLOCK)
    several = [asset(key=f"k{number}", name=f"s2/k{number}") for number in range(4)]
    for number, each in enumerate(several):
        world.serve(each, version(tiff(len(_BODY), seed=number)))

    await asyncio.wait_for(asyncio.gather(*(world.engine.copy(world.job(each)) for each in several)), timeout=10)

    assert world.bodies() == {each.name: tiff(len(_BODY), seed=number) for number, each in enumerate(several)}
    assert world.budget.free == blocks * BLOCK


@pytest.mark.parametrize("nth", range(1, _BLOCKS + 1))
async def test_a_block_that_can_not_be_staged_ends_the_copy(world: World, nth: int) -> None:
    """Its error comes out as it is; nothing is committed, and no part of the budget stays behind."""
    world.serve(asset(), version(_BODY))
    failure = StorageFailedError("500")
    world.wire.fail(_STAGE, "before", failure, nth=nth)

    with pytest.raises(StorageFailedError) as raised:
        await world.engine.copy(world.job(asset()))

    assert raised.value is failure
    assert (world.bodies(), world.budget.free) == ({}, BUDGET)


@pytest.mark.parametrize("nth", range(2, 2 + len(_BODY) // CHUNK))
@pytest.mark.parametrize("error", [TruncatedBodyError("half"), SourceUnavailableError("reset")], ids=["end", "reset"])
async def test_a_source_that_breaks_off_ends_the_copy(world: World, nth: int, error: Exception) -> None:
    """Wherever it does: its error comes out as it is, nothing is committed, no part of the budget stays behind."""
    world.serve(asset(), version(_BODY))
    world.wire.fail(_READ, "before", error, nth=nth)

    with pytest.raises(type(error)) as raised:
        await world.engine.copy(world.job(asset()))

    assert raised.value is error
    assert (world.bodies(), world.budget.free) == ({}, BUDGET)


@pytest.mark.parametrize("size", [BUDGET, 2 * BLOCK], ids=["ample", "tight"])
async def test_a_copy_that_is_cancelled_leaves_nothing_of_the_budget_behind(size: int) -> None:
    """After each of its calls, whatever it waits for then."""
    calls, cancelled = 0, True
    while cancelled:
        calls += 1
        world = World()
        world.budget = MemoryBudget(size)
        world.serve(asset(), version(_BODY))
        copy = asyncio.create_task(world.engine.copy(world.job(asset())))
        world.wire.after_each(_cancelling(world, copy, calls=calls))
        await asyncio.wait([copy], timeout=5)
        cancelled = copy.cancelled()
        assert world.budget.free == size

    assert calls > 2 * _BLOCKS


def _cancelling(world: World, copy: asyncio.Task[object], *, calls: int) -> Callable[[], None]:
    def cancel() -> None:
        if len(world.wire.calls) >= calls and not copy.cancelling():
            copy.cancel()

    return cancel


async def test_more_blocks_than_a_blob_can_have_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body of unknown length may outgrow a blob: it isn't cut, and nothing of the budget stays behind."""
    monkeypatch.setattr("shared.copying.staging.MAX_BLOCKS", _BLOCKS - 1)
    world.serve(asset(), version(_BODY, states_length=False))

    with pytest.raises(AssetTooLargeError, match="more than 6 blocks"):
        await world.engine.copy(world.job(asset()))

    assert (world.bodies(), world.budget.free) == ({}, BUDGET)


class _Sink(MemoryBlobs):
    """Keeps no bytes, and takes its time with them."""

    @override
    async def stage(self, path: BlobPath, body: Sequence[bytes], *, block_id: str) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    @override
    async def commit(self, *_: object, **__: object) -> Blob:
        raise StorageFailedError("500")


async def test_memory_is_a_budget(world: World) -> None:
    """Six copies share eight blocks: they hold eight, whatever their assets' size, and a chunk or two each."""
    block, served = (
        256 * 1024,
        {f"https://data.example.org/{key}.tif": version(tiff(16 * 256 * 1024)) for key in "abcdef"},
    )
    engine = Engine(
        blobs=_Sink(),
        sources=FakeSources(served, chunk_bytes=block // 8),
        budget=MemoryBudget(8 * block),
        block_size=block,
        clock=world.clock,
        describe=as_before,
    )
    jobs = [world.job(asset(key=key, name=f"s2/{key}")) for key in "abcdef"]

    tracemalloc.start()
    outcomes = await asyncio.gather(*(engine.copy(each) for each in jobs), return_exceptions=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert {type(each) for each in outcomes} == {StorageFailedError}
    assert 6 * block < peak < 12 * block


def _turn(world: World) -> Action:
    async def turn() -> None:
        world.clock.turn(DEADLINE)

    return turn
