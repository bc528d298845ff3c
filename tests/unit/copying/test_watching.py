"""Bodies that come too late or are too long."""

import dataclasses
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest

from shared.copying.job import DeadlineReachedError
from shared.copying.watching import watched
from shared.model.errors import AssetTooLargeError
from shared.sources.body import Body
from tests.unit.copying.world import DEADLINE, Clock, World
from tests.unit.model.builders import asset

_NO_TIME = timedelta()


@dataclasses.dataclass(frozen=True)
class _Chunk:
    """Comes after some time; who reads it takes some time before it asks for more."""

    length: int
    after: timedelta = _NO_TIME
    pause: timedelta = _NO_TIME


async def _read(
    chunks: Sequence[_Chunk], *, total: int | None = None, first: int = 0, world: World | None = None
) -> int:
    """Read it all; return how many chunks came, which an error has as its note."""
    world, came = world or World(), 0
    clock = world.clock
    body = Body(
        length=total, validator=None, media_type=None, encoding=None, stated={}, chunks=lambda: _sent(chunks, clock)
    )
    try:
        async for _ in watched(body, world.job(asset()), clock=clock, first=first, total=total):
            clock.turn(chunks[came].pause)
            came += 1
    except (AssetTooLargeError, DeadlineReachedError) as error:
        error.add_note(f"{came} came")
        raise
    return came


async def _sent(chunks: Sequence[_Chunk], clock: Clock) -> AsyncIterator[bytes]:
    for each in chunks:
        clock.turn(each.after)
        yield bytes(each.length)


@pytest.mark.parametrize("chunk", [_Chunk(1, after=DEADLINE / 2), _Chunk(1, pause=DEADLINE / 2)])
async def test_a_body_ends_at_the_deadline(chunk: _Chunk) -> None:
    """Whoever took the time: what came is handed on, and then it goes on in another invocation."""
    with pytest.raises(DeadlineReachedError) as raised:
        await _read([chunk] * 3, total=3)

    assert raised.value.__notes__ == ["2 came"]


@pytest.mark.parametrize(("first", "total"), [(0, 2), (5, 7)])
async def test_a_deadline_that_comes_with_the_last_byte_is_none(first: int, total: int) -> None:
    """The bytes of a rest are counted on from where it begins."""
    assert await _read([_Chunk(1, after=DEADLINE / 2)] * 2, first=first, total=total) == 2


@pytest.mark.parametrize(("first", "fits"), [(0, 4), (50, 2), (90, 0)])
async def test_a_body_that_outgrows_its_limit(first: int, fits: int) -> None:
    """The part that is known already counts."""
    world = World(select={"max_bytes": 100})

    with pytest.raises(AssetTooLargeError, match="more than the dataset's max_bytes, 100") as raised:
        await _read([_Chunk(25)] * 1000, first=first, world=world)

    assert raised.value.__notes__ == [f"{fits} came"]
