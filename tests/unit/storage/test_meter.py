import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import override

import pytest

from shared.model.errors import StorageFailedError
from shared.model.rows import Activity
from shared.storage.meter import Meter
from tests.fakes import MemoryActivities

_EVENING = datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)
_TODAY = _EVENING.date()
_ONE = Activity(assets=1, bytes=10)


class _Activities(MemoryActivities):
    """A table that counts its writes, can fail, and lets things happen while it writes."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.failing: set[str] = set()
        self.gate = asyncio.Event()
        self.gate.set()

    @override
    async def write(self, dataset: str, day: date, process: str, *, activity: Activity) -> None:
        self.writes += 1
        if dataset in self.failing:
            raise StorageFailedError("503")
        await self.gate.wait()
        await super().write(dataset, day, process, activity=activity)


class _World:
    """A meter whose time stands still until a test lets it pass."""

    def __init__(self) -> None:
        self.now = _EVENING
        self.activities = _Activities()
        self.asked_to_sleep: list[float] = []
        self._over = asyncio.Event()
        self.meter = Meter(self.activities, process="p", clock=lambda: self.now, sleep=self._sleep)

    @property
    def rows(self) -> dict[tuple[str, date, str], Activity]:
        """What stands in the table."""
        return self.activities.rows

    async def pass_time(self) -> None:
        """Let all who sleep wake up and do their work."""
        await _turns()
        self._over.set()
        self._over = asyncio.Event()
        await _turns()

    async def _sleep(self, seconds: float) -> None:
        self.asked_to_sleep.append(seconds)
        await self._over.wait()


async def _turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
async def world() -> _World:
    return _World()


async def test_activity_is_written_down_once_in_a_while(world: _World) -> None:
    """However many assets are copied in two seconds: one write, with what they add up to."""
    for _ in range(100):
        world.meter.add("s2", _ONE)
    await _turns()
    before = dict(world.rows)

    await world.pass_time()

    assert before == {}
    assert world.rows == {("s2", _TODAY, "p"): Activity(assets=100, bytes=1000)}
    assert (world.activities.writes, world.asked_to_sleep) == (1, [2.0])


async def test_a_row_holds_the_whole_day(world: _World) -> None:
    """A later write is over the one before, so it has all that was copied since the process began."""
    world.meter.add("s2", _ONE)
    await world.pass_time()

    world.meter.add("s2", _ONE)
    await world.pass_time()

    assert world.rows == {("s2", _TODAY, "p"): Activity(assets=2, bytes=20)}


async def test_nothing_is_written_while_nothing_happens(world: _World) -> None:
    """An idle process costs no requests."""
    world.meter.add("s2", _ONE)
    await world.pass_time()

    await world.meter.flush()
    await world.pass_time()

    assert (world.activities.writes, world.asked_to_sleep) == (1, [2.0])


async def test_datasets_and_days_are_kept_apart(world: _World) -> None:
    """What is copied after midnight (UTC) belongs to the next day."""
    world.meter.add("s2", _ONE)
    world.meter.add("landsat", _ONE)
    world.now += timedelta(seconds=1)
    world.meter.add("s2", Activity(assets=2, bytes=30))

    await world.meter.flush()

    tomorrow = _TODAY + timedelta(days=1)
    assert world.rows == {
        ("s2", _TODAY, "p"): _ONE,
        ("landsat", _TODAY, "p"): _ONE,
        ("s2", tomorrow, "p"): Activity(assets=2, bytes=30),
    }


async def test_what_can_not_be_written_waits_for_the_next_time(world: _World, caplog: pytest.LogCaptureFixture) -> None:
    """Another dataset's work is enough to write it then; nobody's copy fails for it, and the log says so."""
    world.activities.failing.add("s2")
    world.meter.add("s2", _ONE)
    world.meter.add("landsat", _ONE)
    await world.pass_time()
    written = dict(world.rows)
    world.activities.failing.clear()

    world.meter.add("landsat", _ONE)
    await world.pass_time()

    assert written == {("landsat", _TODAY, "p"): _ONE}
    assert world.rows == {("landsat", _TODAY, "p"): Activity(assets=2, bytes=20), ("s2", _TODAY, "p"): _ONE}
    assert [vars(each)["action"] for each in caplog.records] == ["activity_not_written"]


async def test_what_comes_while_a_row_is_written_is_not_lost(world: _World) -> None:
    """It is written the next time."""
    world.activities.gate.clear()
    world.meter.add("s2", _ONE)
    await world.pass_time()

    world.meter.add("s2", _ONE)
    world.activities.gate.set()
    await world.pass_time()

    assert world.rows == {("s2", _TODAY, "p"): Activity(assets=2, bytes=20)}


async def test_a_meter_that_was_cancelled_goes_on(world: _World) -> None:
    """Whoever cancels its wait doesn't end its work for ever."""
    world.meter.add("s2", _ONE)
    await _turns()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await _turns()

    world.meter.add("s2", _ONE)
    await world.pass_time()

    assert world.rows == {("s2", _TODAY, "p"): Activity(assets=2, bytes=20)}
