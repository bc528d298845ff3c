"""How things stand comes into the log, in lines that alarms can count on."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.gauges import Gauges
from shared.model.datasets import Datasets
from shared.model.errors import StorageFailedError
from shared.model.messages import Queue, Reason
from shared.model.rows import Activity, Hold, LaneCounts, Run, RunState
from shared.status import Status
from shared.storage.mailbox import encoded
from tests.fakes import (
    MemoryActivities,
    MemoryHolds,
    MemoryLanes,
    MemoryMailbox,
    MemoryQueues,
    MemoryRuns,
    MemoryWatermarks,
)
from tests.unit.model.builders import copy_request, dataset

_NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_HOUR = 60 * _MINUTE
_STALL = 75 * _MINUTE
_RUN = Run(dataset="a", run="run-1", trigger="request", began_at=_NOON - 3 * _HOUR, progress_at=_NOON)
#: Of a dataset that never ran.
_NOTHING: dict[str, Any] = {
    "action": "gauge_dataset",
    "dataset": "a",
    "run": None,
    "state": None,
    "silent_seconds": None,
    "is_stalled": False,
    "withheld_seconds": None,
    "is_paused": False,
    "host": None,
    "deferred_seconds": None,
    "lag_seconds": None,
    "freshness_seconds": None,
    "is_stale": False,
    "assets_today": 0,
    "bytes_today": 0,
}


class _Stores:
    """What gauges tell of."""

    def __init__(self) -> None:
        self.now = _NOON
        self.runs = MemoryRuns()
        self.holds = MemoryHolds()
        self.queues = MemoryQueues()
        self.mailbox = MemoryMailbox(clock=lambda: self.now)
        self.activities = MemoryActivities()
        self.lanes = MemoryLanes()

    async def write(self, **parts: Any) -> None:
        """Write the gauges of the dataset ``a``."""
        status = Status(
            datasets=Datasets(datasets={"a": dataset(**parts)}),
            runs=self.runs,
            plans=MemoryRuns(),
            watermarks=MemoryWatermarks(),
            holds=self.holds,
            queues=self.queues,
            mailbox=self.mailbox,
            activities=self.activities,
            lanes=self.lanes,
            saturation=1.5,
            capacity=24,
            clock=lambda: self.now,
        )
        await Gauges(status=status, mailbox=self.mailbox, lanes=self.lanes, stall=_STALL).write()


@pytest.fixture
def stores() -> _Stores:
    return _Stores()


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def _told(told: pytest.LogCaptureFixture, action: str) -> list[dict[str, Any]]:
    """The fields of each event."""
    plain = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
    events = [{name: value for name, value in vars(each).items() if name not in plain} for each in told.records]
    return [each for each in events if each["action"] == action]


async def test_each_queue_is_told(stores: _Stores, told: pytest.LogCaptureFixture) -> None:
    """How much stands in it and in its poison queue, and how old the oldest message is that nobody takes."""
    stores.queues.counts.update({"copy": 7, "copy-poison": 2})
    stores.mailbox.put("copy", "old")
    stores.now += 90 * _MINUTE
    stores.mailbox.put("copy", "new")
    stores.mailbox.put("discover", "new")

    await stores.write()

    nothing = {"action": "gauge_queue", "outstanding": 0, "poison": 0, "oldest_seconds": None}
    changed: dict[str, dict[str, object]] = {
        "copy": {"outstanding": 7, "poison": 2, "oldest_seconds": 90 * _MINUTE},
        "discover": {"oldest_seconds": timedelta()},
    }
    expected = [{**nothing, "queue": each.value, **changed.get(each.value, {})} for each in Queue]
    assert _told(told, "gauge_queue") == expected


async def test_poison_is_told_by_its_class(stores: _Stores, told: pytest.LogCaptureFixture) -> None:
    """Of the first messages of each poison queue, how many are of each class, and of how many that is."""
    reason = Reason(error="AssetNotFoundError", message="404", at=_NOON)
    for text in (*[encoded(copy_request(reason=reason).encode())] * 2, encoded("junk")):
        stores.queues.counts["copy-poison"] += 1
        stores.mailbox.put("copy-poison", text)

    await stores.write()

    every = {"action": "gauge_poison", "queue": "copy", "of": 3}
    assert _told(told, "gauge_poison") == [
        {**every, "error": "AssetNotFoundError", "messages": 2},
        {**every, "error": "no message of ours", "messages": 1},
    ]


async def test_a_dataset_that_never_ran(stores: _Stores, told: pytest.LogCaptureFixture) -> None:
    """Nothing is known of it, and nothing is wrong."""
    await stores.write(freshness=1)

    assert _told(told, "gauge_dataset") == [{**_NOTHING, "freshness_seconds": timedelta(seconds=1)}]


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ({}, {"silent_seconds": timedelta()}),
        ({"progress_at": _NOON - _STALL + _MINUTE}, {"silent_seconds": _STALL - _MINUTE}),
        ({"progress_at": _NOON - _STALL}, {"silent_seconds": _STALL, "is_stalled": True}),
        ({"withheld_since": _NOON - _HOUR}, {"silent_seconds": timedelta(), "withheld_seconds": _HOUR}),
        ({"progress_at": _NOON - 2 * _STALL, "state": RunState.INCOMPLETE}, {"state": "incomplete"}),
        ({"withheld_since": _NOON - _HOUR, "state": RunState.CANCELLED}, {"state": "cancelled"}),
        ({"whole_before": _NOON - _HOUR}, {"silent_seconds": timedelta(), "lag_seconds": _HOUR}),
    ],
    ids=["running", "slow", "stalled", "withheld", "incomplete", "cancelled while it waited", "lag"],
)
async def test_a_run_is_told(
    stores: _Stores, told: pytest.LogCaptureFixture, run: dict[str, Any], expected: dict[str, Any]
) -> None:
    """How long it has been silent or waits, while it runs; and how long ago everything was read."""
    await stores.runs.save(_RUN.model_copy(update=run), replaces=None)

    await stores.write()

    assert _told(told, "gauge_dataset") == [{**_NOTHING, "run": "run-1", "state": "running", **expected}]


async def test_a_dataset_beyond_its_goal_is_stale(stores: _Stores, told: pytest.LogCaptureFixture) -> None:
    """With its lag and the goal beside."""
    await stores.runs.save(_RUN.model_copy(update={"state": RunState.COMPLETE}), replaces=None)

    await stores.write(freshness="PT2H")

    (event,) = _told(told, "gauge_dataset")
    assert (event["is_stale"], event["lag_seconds"], event["freshness_seconds"]) == (True, 3 * _HOUR, 2 * _HOUR)


@pytest.mark.parametrize(
    ("hold", "expected"),
    [
        ({"paused_since": _NOON}, {"is_paused": True}),
        (
            {"deferred_until": _NOON + _MINUTE, "deferred_since": _NOON - _HOUR, "deferred_host": "a.org"},
            {"host": "a.org", "deferred_seconds": _HOUR},
        ),
        ({"deferred_until": _NOON + _MINUTE}, {}),
        ({"deferred_until": _NOON, "deferred_since": _NOON - _HOUR, "deferred_host": "a.org"}, {}),
        (
            {
                "paused_since": _NOON,
                "deferred_until": _NOON,
                "deferred_since": _NOON - _HOUR,
                "deferred_host": "a.org",
            },
            {"is_paused": True},
        ),
    ],
    ids=["paused", "deferred", "deferred for our own limits", "over", "paused, and over"],
)
async def test_a_hold_is_told(
    stores: _Stores, told: pytest.LogCaptureFixture, hold: dict[str, Any], expected: dict[str, Any]
) -> None:
    """A pause; and which host is given time, and since when, as long as it is."""
    stores.holds.hold(Hold(dataset="a", **hold))

    await stores.write()

    assert _told(told, "gauge_dataset") == [{**_NOTHING, **expected}]


async def test_what_was_copied_today_is_told(stores: _Stores, told: pytest.LogCaptureFixture) -> None:
    """Assets and bytes since midnight UTC."""
    await stores.activities.write("a", _NOON.date(), "p", activity=Activity(assets=2, bytes=10))

    await stores.write()

    assert _told(told, "gauge_dataset") == [{**_NOTHING, "assets_today": 2, "bytes_today": 10}]


async def test_the_end_is_told(stores: _Stores, told: pytest.LogCaptureFixture) -> None:
    """One line that says that all was looked at, and a row with what stands in each queue."""
    stores.queues.counts["copy"] = 7

    await stores.write()

    assert _told(told, "gauges_written") == [{"action": "gauges_written", "queues": 5, "datasets": 1}]
    outstanding = {each.value: 7 if each is Queue.COPY else 0 for each in Queue}
    assert await stores.lanes.since(_NOON) == [LaneCounts(at=_NOON, outstanding=outstanding)]


async def test_storage_in_trouble_is_told_by_silence(stores: _Stores, told: pytest.LogCaptureFixture) -> None:
    """Where a queue can't be counted, the function fails and no line says that all is well."""
    stores.queues.broken.add(Queue.COPY)

    with pytest.raises(StorageFailedError):
        await stores.write()

    assert _told(told, "gauges_written") == []
