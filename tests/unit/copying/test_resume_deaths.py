"""Workers that die faster than a copy takes, and go on where they stopped."""

import asyncio
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.errors import (
    NoProgressError,
    RetryableError,
    StorageFailedError,
    UnfinishedError,
)
from shared.storage.blobs import BlobPath
from tests.unit.copying.staged import READ, STAGE, begin, blocks_sha256
from tests.unit.copying.wire import Action, CrashError, When
from tests.unit.copying.world import (
    BLOCK,
    BUDGET,
    CHUNK,
    DEADLINE,
    World,
    path,
    request,
    tiff,
    version,
)
from tests.unit.model.builders import asset

_BODY = tiff(6 * BLOCK + 5)
_OTHER = tiff(len(_BODY), seed=1)
_BLOCKS = 7
_TRIES = 5


@pytest.fixture
def world() -> World:
    """A dataset that asks for no digest of the whole."""
    return World(policy={"digests": []})


def _reads(length: int) -> int:
    """How often a source pauses while so many bytes of it are read."""
    return -(-length // CHUNK)


@pytest.mark.parametrize("lives", [16, 24, 32])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_kills_may_come_faster_than_a_copy_takes(world: World, lives: int, when: When) -> None:
    """A worker that dies after so many calls, again and again: each gets further, and the copy ends."""
    body = tiff(30 * BLOCK + 5)
    world.serve(asset(), version(body))
    whole = await _calls_of_a_copy(body)
    deaths = 0
    while True:
        world.wire.die(when, nth=lives)
        try:
            await world.deliver(request(asset()))
            break
        except (CrashError, BaseExceptionGroup):
            deaths += 1
            assert world.wire.is_dead
            assert deaths < 50
            world.wire.revive()

    assert whole > 3 * lives
    assert deaths > 3
    assert world.bodies() == {asset().name: body}
    assert world.ledger.rows == [world.row(asset(), body, digests=(blocks_sha256(body),))]
    assert world.budget.free == BUDGET


async def _calls_of_a_copy(body: bytes) -> int:
    world = World(policy={"digests": []})
    world.serve(asset(), version(body))
    return len(await world.deliver(request(asset())))


async def test_deadlines_may_come_faster_than_a_copy_takes(world: World) -> None:
    """Sent again and again to go on, with its progress, until it is whole; each reads what is left and no more."""
    body = tiff(30 * BLOCK + 5)
    world.serve(asset(), version(body))
    asked, sends, seen = request(asset()), 0, 0
    while asked is not None:
        world.wire.on(READ, "before", _turn(world), nth=15)
        await world.deliver(asked)
        sent = world.sent_to_lanes()
        asked = sent[-1][1] if len(sent) > sends else None
        sends = len(sent)
        if asked is not None:
            before, seen = seen, asked.staged_blocks or 0
            assert seen > before

    assert sends > 4
    assert world.sources.rests == sorted(set(world.sources.rests))
    assert world.bodies() == {asset().name: body}
    assert world.budget.free == BUDGET


@pytest.mark.parametrize(("before", "error"), [(3, UnfinishedError), (5, NoProgressError)])
async def test_a_rest_that_makes_no_progress_is_the_runtimes(world: World, before: int, error: type[Exception]) -> None:
    """What stood staged already is no progress."""
    await begin(world, version(_BODY), blocks=3)
    world.wire.on(READ, "before", _turn(world), nth=2 + _reads(2 * BLOCK))

    with pytest.raises(error):
        await world.engine.copy(world.job(asset(), staged_before=before))

    assert (world.bodies(), world.budget.free) == ({}, BUDGET)


async def test_a_deadline_that_comes_with_the_last_byte_of_a_rest_is_none(world: World) -> None:
    """What is known already counts: the body is whole, and to commit it costs less than to begin again."""
    await begin(world, version(_BODY), blocks=3)
    world.wire.on(READ, "before", _turn(world), nth=2 + _reads(len(_BODY) - 3 * BLOCK))

    await world.engine.copy(world.job(asset()))

    assert world.bodies() == {asset().name: _BODY}


def _turn(world: World) -> Action:
    async def turn() -> None:
        world.clock.turn(DEADLINE)

    return turn


@given(
    seed=st.integers(0, 2**32),
    validators=st.sampled_from([('etag:"1"', 'etag:"2"'), ('etag:"1"', None), (None, None)]),
)
@settings(deadline=None, max_examples=60)
async def test_workers_that_die_beside_each_other(seed: int, validators: tuple[str | None, str | None]) -> None:
    """Two at once, a source that changes, storage that fails now and then: each blob is one whole version."""
    chance, world = random.Random(seed), World(policy={"digests": []})
    world.wire.stumble = lambda: chance.randint(0, 4)
    served = [version(body, validator=of) for body, of in zip((_BODY, _OTHER), validators, strict=True)]
    world.serve(asset(), *(served[number] for number in sorted(chance.choices([0, 1], k=8))), served[1])
    for _ in range(4):
        world.wire.fail(STAGE, chance.choice(["before", "after"]), StorageFailedError("500"), nth=chance.randint(1, 20))
    world.wire.after_each(lambda: _check_whole(world))

    await asyncio.gather(_redelivered(world), _redelivered(world))

    (row,) = world.ledger.rows
    blob = world.blobs.blobs[BlobPath(container=row.container, name=row.blob)]
    assert (row.etag, row.length, row.digests) == (blob.etag, blob.length, (blocks_sha256(world.bodies()[row.blob]),))
    assert world.budget.free == BUDGET


async def _redelivered(world: World) -> None:
    for _ in range(_TRIES):
        try:
            await world.deliver(request(asset()))
        except (RetryableError, StorageFailedError):
            continue
        return
    pytest.fail("it would be poison")


def _check_whole(world: World) -> None:
    assert world.blobs.bodies.get(path(asset())) in [None, _BODY, _OTHER]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_copy_that_goes_on_may_die_at_any_call(when: When) -> None:
    """Before or after the effect of each: the next life goes on again, and blob and row are what they would be."""
    nth, died = 0, True
    while died:
        nth += 1
        world = World(policy={"digests": []})
        await begin(world, version(_BODY), blocks=3)
        world.wire.die(when, nth=nth)
        died = await _died(world)
        if died:
            world.wire.revive()
            await world.deliver(request(asset()))
        assert world.bodies() == {asset().name: _BODY}
        assert world.ledger.rows == [world.row(asset(), _BODY, digests=(blocks_sha256(_BODY),))]
        assert world.budget.free == BUDGET

    assert nth > 15


async def _died(world: World) -> bool:
    try:
        await world.deliver(request(asset()))
    except (CrashError, BaseExceptionGroup):
        return world.wire.is_dead
    return False


async def test_a_copy_that_goes_on_may_be_cancelled() -> None:
    """After each of its calls: no part of the budget stays behind, and no connection."""
    calls, cancelled = 0, True
    while cancelled:
        calls += 1
        world = World(policy={"digests": []})
        await begin(world, version(_BODY), blocks=3)
        copy = asyncio.create_task(world.engine.copy(world.job(asset())))
        world.wire.after_each(_cancelling(world, copy, calls=calls))
        await asyncio.wait([copy], timeout=5)
        cancelled = copy.cancelled()
        assert (world.budget.free, world.sources.now_open) == (BUDGET, 0)

    assert calls > 15


def _cancelling(world: World, copy: asyncio.Task[object], *, calls: int) -> Callable[[], None]:
    def cancel() -> None:
        if len(world.wire.calls) >= calls and not copy.cancelling():
            copy.cancel()

    return cancel
