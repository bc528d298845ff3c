"""Runs of the schedule that ask for what is new."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.model.datasets import Datasets
from shared.model.errors import RunConflictError
from shared.model.items import Page
from shared.model.rows import Run, RunKind, RunState, Watermark
from shared.model.windows import TimeProperty, Window
from tests.fakes.catalogs import paged
from tests.unit.discovery.world import STALL, START, World, items
from tests.unit.model.builders import dataset

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
#: START is a Saturday noon.
_SUNDAY = datetime(2024, 6, 2, 2, 23, tzinfo=UTC)


def _world(**incremental: Any) -> World:
    world = World(paged(items(2), size=1))
    defined = dataset(schedule="0 * * * *", incremental=incremental)
    world.datasets = Datasets(datasets={"demo": defined})
    return world


async def _ran(world: World, **values: Any) -> None:
    """Let a run stand there that ended, begun by the schedule as the last full one."""
    given = {"trigger": "schedule", "state": "complete", "scheduled_at": START, "full_at": START}
    await world.begin(**{**given, **values})


async def _mark(world: World, at: datetime, by: TimeProperty = TimeProperty.UPDATED) -> None:
    watermark = Watermark(dataset="demo", by=by, at=at, run="run-1")
    assert await world.watermarks.save(watermark, replaces=None)


async def _begun(world: World) -> list[tuple[RunKind, Window, TimeProperty]]:
    return [(each.kind, each.window, each.by) for each in await world.starting().start_due()]


_ALL = (RunKind.FULL, Window(), TimeProperty.DATETIME)


async def test_the_first_run_is_of_all() -> None:
    """Without a watermark a run asks for everything."""
    world = _world()

    assert await _begun(world) == [_ALL]
    assert world.run.full_at == START


@pytest.mark.parametrize("by", list(TimeProperty))
async def test_a_run_asks_for_what_is_new(by: TimeProperty) -> None:
    """From the watermark, less the overlap, to now; by the property that the dataset says."""
    world = _world(property=by.value)
    await _ran(world)
    await _mark(world, START, by=by)
    world.clock.pass_by(_HOUR)

    begun = await _begun(world)

    assert begun == [(RunKind.INCREMENTAL, Window(since=START - _HOUR, until=START + _HOUR), by)]
    assert (world.run.scheduled_at, world.run.full_at) == (START + _HOUR, START)


@pytest.mark.parametrize("overlap", ["P2D", 172_800, "2 days, 00:00:00"])
async def test_the_overlap_is_written_in_several_ways(overlap: str | int) -> None:
    """As a duration of ISO 8601, in seconds, or as Python writes it."""
    world = _world(overlap=overlap)
    await _ran(world)
    await _mark(world, START)
    world.clock.pass_by(_HOUR)

    ((_, window, _),) = await _begun(world)

    assert window.since == START - timedelta(days=2)


async def test_a_watermark_of_another_property_is_none() -> None:
    """Where the dataset goes by another time than before, its next run is of all."""
    world = _world(property="published")
    await _ran(world)
    await _mark(world, START, by=TimeProperty.UPDATED)
    world.clock.pass_by(_HOUR)

    assert await _begun(world) == [_ALL]


async def test_a_watermark_in_the_future() -> None:
    """Clocks differ: a window ends no earlier than it begins."""
    world = _world(overlap=0)
    await _ran(world)
    await _mark(world, START + 2 * _HOUR)
    world.clock.pass_by(_HOUR)

    now = START + _HOUR
    assert await _begun(world) == [(RunKind.INCREMENTAL, Window(since=now, until=now), TimeProperty.UPDATED)]


async def test_a_full_run_by_its_own_schedule() -> None:
    """On Sunday night everything is asked for again, for what came late or was missed; and after that what is new."""
    world = _world()
    await _ran(world, scheduled_at=_SUNDAY - _MINUTE)
    await _mark(world, START)
    world.clock.now = _SUNDAY - timedelta(microseconds=1)
    before = await _begun(world)
    world.clock.now = _SUNDAY
    begun = await _begun(world)
    await _end(world)
    at_once = await _begun(world)
    world.clock.now = _SUNDAY + _HOUR

    after = await _begun(world)

    assert (before, begun, at_once) == ([], [_ALL], [])
    assert [kind for kind, _, _ in after] == [RunKind.INCREMENTAL]
    assert world.run.full_at == _SUNDAY


async def test_a_run_of_a_deployment_before() -> None:
    """A row that knows no full runs is followed by one."""
    world = _world()
    await _ran(world, full_at=None)
    await _mark(world, START)

    assert await _begun(world) == [_ALL]


@pytest.mark.parametrize("state", [RunState.INCOMPLETE, RunState.FAILED])
async def test_a_window_that_was_not_complete_is_asked_for_again(state: RunState) -> None:
    """The watermark stands, so the next run's window begins where that one's did."""
    world = _world()
    window = Window(since=START - 3 * _HOUR, until=START)
    await _ran(world, state=state, kind="incremental", by="updated", window=window)
    await _mark(world, START - 2 * _HOUR)
    world.clock.pass_by(_HOUR)

    begun = await _begun(world)

    assert begun == [(RunKind.INCREMENTAL, Window(since=START - 3 * _HOUR, until=START + _HOUR), TimeProperty.UPDATED)]


async def test_an_incremental_run_that_stalled_begins_again() -> None:
    """With its own window and property, whatever the watermark says by now."""
    world = _world()
    stalled = {"kind": "incremental", "by": "updated", "window": Window(since=START - _HOUR, until=START)}
    await _ran(world, state="running", progress_at=START + _MINUTE, **stalled)
    await _mark(world, START)
    world.clock.pass_by(_MINUTE + STALL)

    begun = await _begun(world)

    assert begun == [(RunKind.INCREMENTAL, stalled["window"], TimeProperty.UPDATED)]
    assert world.run.scheduled_at == START


async def test_a_stalled_incremental_run_is_no_window_of_the_items_time() -> None:
    """A request for the same hours is for another time of the items: the run in the way is named by its own."""
    world = _world()
    window = Window(since=START - _HOUR, until=START)
    await _ran(world, state="running", progress_at=START + _MINUTE, kind="incremental", by="updated", window=window)
    world.clock.pass_by(_MINUTE + STALL)

    with pytest.raises(RunConflictError, match=r"begin a run of its window \(2024-.*, by updated\) first"):
        await world.starting().start("demo", window=window, trigger="request")


async def test_an_incremental_run_asks_its_catalog_by_its_property() -> None:
    """Every page, and the second look at the last one."""
    world = _world()
    await _ran(world)
    await _mark(world, START)
    world.clock.pass_by(_HOUR)
    await world.starting().start_due()

    await world.drain()

    window = Window(since=START - _HOUR, until=START + _HOUR)
    assert world.catalog.asked == [(None, window), ("page-1", window), ("page-1", window)]
    assert world.catalog.asked_by == [TimeProperty.UPDATED] * 3


async def test_runs_follow_each_other() -> None:
    """A run of all, then hour by hour what is new since the one before, the overlap included."""
    world = _world()
    windows: list[Window] = []
    for _ in range(4):
        (run,) = await world.starting().start_due()
        windows.append(run.window)
        await world.drain()
        world.clock.pass_by(_HOUR)

    assert windows == [
        Window(),
        *(Window(since=START + (number - 2) * _HOUR, until=START + number * _HOUR) for number in (1, 2, 3)),
    ]


async def test_a_window_that_does_not_add_up_is_repeated() -> None:
    """An hour that the catalog didn't list whole stands in the next run's window, and what was missing is found."""
    world = _world(overlap=0)
    await _ran(world)
    await _mark(world, START)
    world.clock.pass_by(_HOUR)
    world.catalog.pages[None] = Page(items=tuple(items(2)), next_token=None, matched=3)
    await world.starting().start_due()
    await world.drain()
    incomplete = world.run
    world.clock.pass_by(_HOUR)
    world.catalog.pages[None] = Page(items=tuple(items(3)), next_token=None, matched=3)

    await world.starting().start_due()
    await world.drain()

    watermark = await world.watermarks.of("demo")
    assert incomplete.state is RunState.INCOMPLETE
    assert (world.run.state, world.run.window) == (RunState.COMPLETE, Window(since=START, until=START + 2 * _HOUR))
    assert watermark is not None
    assert watermark.watermark.at == START + 2 * _HOUR
    assert {asset.item for each in world.requests() for asset in each.assets} == {"s2/000", "s2/001", "s2/002"}


async def _end(world: World) -> Run:
    entry = world.runs.newest_runs["demo"]
    ended = entry.run.model_copy(update={"state": RunState.COMPLETE})
    assert await world.runs.save(ended, replaces=entry.etag)
    return ended
