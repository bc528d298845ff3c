"""A run begins because somebody asked."""

import asyncio
from datetime import timedelta
from typing import Any, override

import pytest

from shared.model.errors import RunConflictError, StorageFailedError, UnknownDatasetError, WindowError
from shared.model.messages import PageRequest, Queue
from shared.model.rows import Run, RunState
from shared.model.windows import Window
from shared.storage.runs import RunEntry
from tests.fakes import MemoryRuns
from tests.fakes.catalogs import paged
from tests.fakes.faults import Faults, KilledError
from tests.unit.discovery.world import STALL, START, World, items

_MINUTE = timedelta(minutes=1)
_TICK = timedelta(microseconds=1)
_ALL = Window()
_MAY = Window(until=START)
_MANIFEST = {"kind": "manifest", "url": "https://data.example.org/list.csv"}


@pytest.fixture
def world() -> World:
    return World(paged(items(2), size=1))


async def _start(world: World, window: Window = _ALL, *, faults: Faults | None = None) -> Run:
    return await world.starting(faults).start("demo", window=window, trigger="request")


@pytest.mark.parametrize("window", [_ALL, _MAY], ids=["all", "a window"])
async def test_a_run_is_written_and_its_first_page_asked_for(world: World, window: Window) -> None:
    """The run stands in the store as it is returned, and its first page in the queue."""
    run = await _start(world, window)

    assert run == Run(dataset="demo", run="new-1", window=window, trigger="request", began_at=START, progress_at=START)
    assert world.run == run
    assert world.pages() == [PageRequest(dataset="demo", run="new-1")]
    assert world.delays() == [timedelta(0)]


@pytest.mark.parametrize(
    ("last", "whole"),
    [
        ({"state": RunState.COMPLETE}, 0),
        ({"state": RunState.COMPLETE, "window": _MAY}, -1),
        ({"state": RunState.INCOMPLETE}, -1),
        ({"state": RunState.FAILED, "whole_before": None}, None),
    ],
    ids=["complete", "a window", "incomplete", "never"],
)
async def test_a_run_knows_when_everything_was_read(world: World, last: dict[str, Any], whole: int | None) -> None:
    """As its dataset's last run of everything was complete, or as that one knew of those before."""
    before = Run(
        dataset="demo", run="old", trigger="request", began_at=START, progress_at=START, whole_before=START - _MINUTE
    )
    await world.runs.save(before.model_copy(update=last), replaces=None)
    world.clock.pass_by(_MINUTE)

    run = await _start(world)

    assert run.whole_before == (None if whole is None else START + whole * _MINUTE)


async def test_the_run_stands_before_its_first_page_is_asked_for(world: World) -> None:
    """A page that comes at once finds its run."""
    faults = Faults()

    await _start(world, faults=faults)

    assert [each.method for each in faults.calls] == ["of", "newest", "save", "send"]


async def test_an_unknown_dataset_has_no_runs(world: World) -> None:
    """A name that isn't defined is refused, and those that are stand in the error."""
    with pytest.raises(UnknownDatasetError, match="'nowhere'; these are defined: demo"):
        await world.starting().start("nowhere", window=_ALL, trigger="request")

    assert world.queues.sent == []


async def test_a_directory_index_has_no_windows() -> None:
    """It lists no times, so a window is refused before a run begins."""
    world = World({}, catalog={"kind": "http_index", "url": "https://stac.example.org/pub/"})

    with pytest.raises(WindowError, match="a catalog of kind http_index has no times"):
        await _start(world, Window(since=START))

    assert world.queues.sent == []


@pytest.mark.parametrize(
    ("window", "field"),
    [(Window(since=START), "since"), (Window(until=START), "until"), (Window(since=START, until=START), "since")],
)
async def test_a_manifest_has_no_windows(window: Window, field: str) -> None:
    """A run of a manifest is of all of it: a window is refused, the field named, and no run begins."""
    world = World({}, catalog=_MANIFEST)

    with pytest.raises(WindowError) as refused:
        await _start(world, window)

    assert refused.value.field == field
    assert (world.runs.newest_runs, world.queues.sent) == ({}, [])


async def test_a_manifest_can_be_read_whole() -> None:
    """Without a window a manifest's run begins like any other."""
    world = World({}, catalog=_MANIFEST)

    run = await _start(world)

    assert world.run == run


@pytest.mark.parametrize("window", [_ALL, _MAY], ids=["of all", "of another window"])
async def test_a_run_that_makes_progress_stands_in_the_way(world: World, window: Window) -> None:
    """Up to its stall limit a run is in the way of every other, and the error names it; nothing is written."""
    await world.begin(progress_at=START + _MINUTE)
    before = world.run
    world.clock.pass_by(_MINUTE + STALL - _TICK)

    with pytest.raises(RunConflictError, match="run run-1 makes progress, last at 2024-06-01T12:01") as conflict:
        await _start(world, window)

    assert conflict.value.run == "run-1"
    assert (world.run, world.queues.sent) == (before, [])


async def test_a_withheld_run_stands_in_the_way(world: World) -> None:
    """A look at a withheld page is progress: however long it waits, its run isn't superseded."""
    world.saturation = 0
    page = await world.begin()
    for _ in range(5):
        world.clock.pass_by(STALL - _MINUTE)
        await world.deliver(page)
    world.clock.pass_by(STALL - _MINUTE)

    with pytest.raises(RunConflictError):
        await _start(world)


async def test_a_stalled_run_is_superseded(world: World) -> None:
    """At its stall limit a run makes room for one of the same window, whose pages are the only ones from then on."""
    stalled = await world.begin(window=_MAY, progress_at=START + _MINUTE)
    world.clock.pass_by(_MINUTE + STALL)

    run = await _start(world, _MAY)
    await world.deliver(stalled)

    assert (run.run, world.run) == ("new-1", run)
    assert world.pages() == [PageRequest(dataset="demo", run="new-1")]
    assert world.catalog.asked == []


@pytest.mark.parametrize(("theirs", "ours"), [(_MAY, _ALL), (_ALL, _MAY)], ids=["by all", "by a window"])
async def test_a_stalled_run_is_superseded_by_its_own_window_only(world: World, theirs: Window, ours: Window) -> None:
    """A run of another window would leave a gap: it is refused, and the error says which one has to come first."""
    await world.begin(window=theirs, progress_at=START + _MINUTE)
    before = world.run
    world.clock.pass_by(_MINUTE + STALL)

    with pytest.raises(RunConflictError) as conflict:
        await _start(world, ours)

    which = theirs.interval or "all"
    assert str(conflict.value) == f"run run-1 stalled; begin a run of its window ({which}) first"
    assert conflict.value.run == "run-1"
    assert (world.run, world.queues.sent) == (before, [])


@pytest.mark.parametrize("state", [RunState.COMPLETE, RunState.FAILED])
async def test_a_run_that_has_ended_makes_room(world: World, state: RunState) -> None:
    """After a run that ended a new one begins at once, of whatever window; when the schedule began one is kept."""
    await world.begin(state=state, window=_MAY, scheduled_at=START - _MINUTE)

    run = await _start(world)

    assert (run.run, run.window, run.scheduled_at) == ("new-1", _ALL, START - _MINUTE)
    assert world.run == run


async def test_a_first_page_that_never_came_is_asked_for_again(world: World) -> None:
    """A run whose first page nobody took up within two minutes is begun again as itself."""
    await world.begin()
    before = world.run
    world.clock.pass_by(2 * _MINUTE)

    run = await _start(world)

    assert run == before == world.run
    assert world.pages() == [PageRequest(dataset="demo", run="run-1")]


async def test_a_first_page_has_two_minutes(world: World) -> None:
    """Before that the run counts as one that makes progress."""
    await world.begin()
    world.clock.pass_by(2 * _MINUTE - _TICK)

    with pytest.raises(RunConflictError, match="makes progress"):
        await _start(world)

    assert world.queues.sent == []


async def test_a_first_page_is_not_asked_for_for_ever(world: World) -> None:
    """A run that began by a clock that is ahead seems to await it whatever was worked: once it stalls, it is over."""
    await world.begin()
    world.clock.pass_by(STALL)

    run = await _start(world)

    assert (run.run, world.run) == ("new-1", run)
    assert world.pages() == [PageRequest(dataset="demo", run="new-1")]


async def test_a_first_page_is_asked_for_again_for_its_own_window_only(world: World) -> None:
    """Whoever asks for another window is told which one is in the way."""
    await world.begin(window=_MAY)
    world.clock.pass_by(2 * _MINUTE)

    with pytest.raises(RunConflictError, match="begin a run of its window"):
        await _start(world)

    assert world.queues.sent == []


async def test_a_page_that_was_looked_at_is_not_asked_for_again(world: World) -> None:
    """A first page that was taken up, if only to be withheld, came."""
    world.saturation = 0
    page = await world.begin()
    world.clock.pass_by(_MINUTE)
    await world.deliver(page)
    world.clock.pass_by(2 * _MINUTE)

    with pytest.raises(RunConflictError, match="makes progress"):
        await _start(world)


@pytest.mark.parametrize("has_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(3))
async def test_a_start_that_dies_can_be_repeated(world: World, at: int, *, has_effect: bool) -> None:
    """Killed at any call, a start repeated after two minutes leaves one run, and that one's first page in the queue."""
    with pytest.raises(KilledError):
        await _start(world, faults=Faults(at=at, has_effect=has_effect))
    world.clock.pass_by(2 * _MINUTE)

    run = await _start(world)
    await world.drain()

    assert {each.run for each in world.pages()} == {run.run}
    assert (world.run.run, world.run.state) == (run.run, RunState.COMPLETE)


async def test_one_of_two_starts_wins(world: World) -> None:
    """Of two that saw no run one begins a run; the other is told, and asks for no page."""

    class Slow(MemoryRuns):
        @override
        async def newest(self, dataset: str) -> RunEntry | None:
            seen = await super().newest(dataset)
            await asyncio.sleep(0)
            return seen

    world.runs = Slow()

    answers = await asyncio.gather(_start(world), _start(world), return_exceptions=True)

    won = [each for each in answers if isinstance(each, Run)]
    lost = [each for each in answers if isinstance(each, RunConflictError)]
    assert (len(won), len(lost)) == (1, 1)
    assert world.run == won[0]
    assert [each.run for each in world.pages()] == [won[0].run]


async def test_storage_in_trouble_is_told(world: World) -> None:
    """A run whose first page wasn't accepted isn't answered as begun."""
    world.queues.broken.add(Queue.DISCOVER)

    with pytest.raises(StorageFailedError):
        await _start(world)
