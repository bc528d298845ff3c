"""Runs begin by their datasets' schedules."""

import logging
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, override

import pytest

from shared.model.datasets import Datasets
from shared.model.errors import StorageFailedError
from shared.model.messages import PageRequest, Queue
from shared.model.rows import Run, RunState
from shared.model.windows import Window
from shared.storage.runs import RunEntry
from tests.fakes import MemoryRuns
from tests.fakes.catalogs import paged
from tests.unit.discovery.world import STALL, START, World, items
from tests.unit.model.builders import dataset

_MINUTE = timedelta(minutes=1)
_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_DAILY = "15 3 * * *"
#: A night's tick.
_NIGHT = datetime(2024, 6, 2, 3, 15, tzinfo=UTC)
_MAY = Window(until=START)
_MANIFEST = {"kind": "manifest", "url": "https://data.example.org/list.csv"}


def _world(**schedules: str | None) -> World:
    """Datasets with these schedules."""
    world = World(paged(items(2), size=1))
    named = {name: dataset(schedule=each) for name, each in schedules.items()}
    world.datasets = Datasets(datasets=named or {"demo": dataset(schedule=_DAILY)})
    return world


async def _ran(world: World, name: str = "demo", **values: Any) -> None:
    """Let a run of a dataset stand there that ended well."""
    given = {"run": "run-1", "trigger": "schedule", "began_at": START, "progress_at": START, "state": "complete"}
    run = Run.model_validate({"dataset": name, "scheduled_at": START, **given, **values})
    assert await world.runs.save(run, replaces=None)


async def test_a_dataset_that_never_ran_is_due() -> None:
    """The first run of a schedule begins at once, of all its time, and remembers that the schedule began it."""
    world = _world()

    begun = await world.starting().start_due()

    expected = Run(
        dataset="demo",
        run="new-1",
        trigger="schedule",
        began_at=START,
        progress_at=START,
        scheduled_at=START,
        full_at=START,
    )
    assert begun == [expected]
    assert world.run == expected
    assert world.pages() == [PageRequest(dataset="demo", run="new-1")]


@pytest.mark.parametrize("state", ["complete", "failed"])
async def test_a_run_begins_when_it_is_due(state: str) -> None:
    """After a run that ended, however it did, the next one begins at the schedule's next time and not before."""
    world = _world()
    await _ran(world, state=state)
    world.clock.now = _NIGHT - _TICK
    before = await world.starting().start_due()
    world.clock.now = _NIGHT

    begun = await world.starting().start_due()

    assert before == []
    assert [(each.run, each.scheduled_at) for each in begun] == [("new-1", _NIGHT)]


async def test_a_time_is_due_once() -> None:
    """A run that began at its time isn't due again before the next one."""
    world = _world()
    await _ran(world, began_at=_NIGHT, progress_at=_NIGHT, scheduled_at=_NIGHT)
    world.clock.now = _NIGHT + _DAY - _TICK

    assert await world.starting().start_due() == []


async def test_missed_times_are_one_run() -> None:
    """After a week in which no timer fired one run begins, and the next one at the next time."""
    world = _world()
    await _ran(world)
    world.clock.pass_by(7 * _DAY)
    first = await world.starting().start_due()
    await _end(world)

    again = await world.starting().start_due()

    assert [each.run for each in first] == ["new-1"]
    assert again == []


async def test_schedules_are_utc() -> None:
    """Whatever zone a time comes in, 03:15 is 03:15 UTC."""
    tokyo = timezone(timedelta(hours=9))
    world = _world()
    await _ran(world, scheduled_at=(_NIGHT - _TICK).astimezone(tokyo))
    world.clock.now = (_NIGHT - _TICK).astimezone(tokyo)
    before = await world.starting().start_due()
    world.clock.now = _NIGHT.astimezone(tokyo)

    begun = await world.starting().start_due()

    assert before == []
    assert [each.run for each in begun] == ["new-1"]


async def test_every_dataset_that_is_due_begins() -> None:
    """After a long pause all datasets begin, those without a schedule aside."""
    world = _world(a=_DAILY, b="0 * * * *", c=None)
    for name in "abc":
        await _ran(world, name)
    world.clock.pass_by(30 * _DAY)

    begun = await world.starting().start_due()

    assert [(each.dataset, each.run) for each in begun] == [("a", "new-1"), ("b", "new-2")]
    assert [(each.dataset, each.run) for each in world.pages()] == [("a", "new-1"), ("b", "new-2")]


async def test_a_run_on_request_moves_no_schedule() -> None:
    """A run that somebody asked for neither counts as the schedule's nor hides that one is due."""
    world = _world()
    await _ran(world)
    world.clock.now = _NIGHT - _MINUTE
    await world.starting().start("demo", window=_MAY, trigger="request")
    await _end(world)
    world.clock.now = _NIGHT

    begun = await world.starting().start_due()

    assert [(each.run, each.window) for each in begun] == [("new-2", Window())]


async def test_a_run_that_makes_progress_is_left_alone() -> None:
    """However often the timer fires, a run that makes progress isn't superseded, and no page is asked for."""
    world = _world()
    await _ran(world, state="running", progress_at=_NIGHT)
    before = world.run
    world.clock.now = _NIGHT + STALL - _TICK

    begun = [await world.starting().start_due() for _ in range(3)]

    assert begun == [[], [], []]
    assert (world.run, world.queues.sent) == (before, [])


@pytest.mark.parametrize("window", [Window(), _MAY], ids=["of all", "of a window"])
async def test_a_stalled_run_begins_once_more(window: Window) -> None:
    """The timer supersedes a run that stalled, whoever began it, by one of its own window."""
    world = _world()
    await _ran(world, state="running", trigger="request", window=window, progress_at=_NIGHT)
    world.clock.now = _NIGHT + STALL

    begun = await world.starting().start_due()

    assert [(each.run, each.window, each.trigger) for each in begun] == [("new-1", window, "schedule")]
    assert world.run == begun[0]


async def test_a_window_begun_once_more_is_not_the_schedules() -> None:
    """A stalled run of a window is worked off first; then the schedule's own run, due meanwhile, begins."""
    world = _world()
    await _ran(world, state="running", trigger="request", window=_MAY, progress_at=_NIGHT - _MINUTE)
    world.clock.now = _NIGHT - _MINUTE + STALL
    await world.starting().start_due()
    await _end(world)

    begun = await world.starting().start_due()

    assert [(each.run, each.window) for each in begun] == [("new-2", Window())]


async def test_a_first_page_that_never_came_is_asked_for_again() -> None:
    """The timer mends a run whose first message was never sent."""
    world = _world()
    await _ran(world, state="running", window=_MAY, began_at=_NIGHT, progress_at=_NIGHT)
    before = world.run
    world.clock.now = _NIGHT + 2 * _MINUTE

    begun = await world.starting().start_due()

    assert begun == [before]
    assert world.pages() == [PageRequest(dataset="demo", run="run-1")]


async def test_a_run_that_began_elsewhere_is_as_good(caplog: pytest.LogCaptureFixture) -> None:
    """Of two timers that fire at once one begins the run; the other is quiet about it."""
    caplog.set_level(logging.INFO)

    class Overtaken(MemoryRuns):
        @override
        async def newest(self, dataset: str) -> RunEntry | None:
            seen = await super().newest(dataset)
            if seen is None:
                await _ran(world, state="running", run="run-2")
            return seen

    world = _world()
    world.runs = Overtaken()

    begun = await world.starting().start_due()

    assert (begun, world.run.run, world.queues.sent) == ([], "run-2", [])
    assert [(each.levelno, each.__dict__["action"]) for each in caplog.records] == [
        (logging.INFO, "run_began_elsewhere")
    ]


async def test_one_datasets_trouble_is_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """A dataset whose runs can't be read is logged; those before and after it begin, and it does the next time."""

    class Broken(MemoryRuns):
        broken = True

        @override
        async def newest(self, dataset: str) -> RunEntry | None:
            if dataset == "b" and self.broken:
                raise StorageFailedError("table runs: read: 500")
            return await super().newest(dataset)

    world = _world(a=_DAILY, b=_DAILY, c=_DAILY)
    world.runs = runs = Broken()

    first = await world.starting().start_due()
    runs.broken = False
    second = await world.starting().start_due()

    assert [[each.dataset for each in begun] for begun in (first, second)] == [["a", "c"], ["b"]]
    troubles = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert [(each.__dict__["action"], each.__dict__["dataset"]) for each in troubles] == [("run_not_begun", "b")]


async def test_a_stalled_window_of_what_is_a_manifest_now() -> None:
    """A run that can't be begun once more, as its dataset has no times any more, is in no other dataset's way."""
    world = _world(a=_DAILY, b=_DAILY)
    world.datasets = Datasets(datasets={**world.datasets.datasets, "a": dataset(catalog=_MANIFEST, schedule=_DAILY)})
    await _ran(world, "a", state="running", window=_MAY)
    world.clock.pass_by(STALL)

    begun = await world.starting().start_due()

    assert [each.dataset for each in begun] == ["b"]


async def test_a_queue_in_trouble_is_mended_later(caplog: pytest.LogCaptureFixture) -> None:
    """A run whose first page wasn't accepted is logged, and its page asked for again after two minutes."""
    world = _world()
    world.queues.broken.add(Queue.DISCOVER)
    first = await world.starting().start_due()
    world.queues.broken.clear()
    world.clock.pass_by(2 * _MINUTE)

    second = await world.starting().start_due()

    assert (first, [each.run for each in second]) == ([], ["new-1"])
    assert [each.__dict__["action"] for each in caplog.records] == ["run_not_begun"]
    assert world.pages() == [PageRequest(dataset="demo", run="new-1")]


async def test_a_schedule_that_never_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    """A schedule without another time is no trouble: it isn't due, and holds up no other dataset."""
    world = _world(never="0 0 */29 2 1#2", daily=_DAILY)
    for name in ("never", "daily"):
        await _ran(world, name)
    world.clock.pass_by(365 * _DAY)

    begun = await world.starting().start_due()

    assert [each.dataset for each in begun] == ["daily"]
    assert caplog.records == []


async def _end(world: World) -> None:
    """Let the newest run end."""
    entry = world.runs.newest_runs["demo"]
    ended = entry.run.model_copy(update={"state": RunState.COMPLETE})
    assert await world.runs.save(ended, replaces=entry.etag)
