import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.model.counts import Counts
from shared.model.datasets import Datasets
from shared.model.errors import StorageFailedError
from shared.model.messages import Queue, Reason
from shared.model.rows import Activity, Hold, Run, RunState, Watermark
from shared.model.windows import TimeProperty, Window
from shared.status import DatasetStatus, QueueStatus, Status, StatusReport, WithholdingStatus
from shared.storage.mailbox import encoded
from sluice.output import Exit
from sluice.status import Rates, looks, problems_of, show_all, status
from sluice.status_view import Rate, lasting, view
from tests.fakes import MemoryActivities, MemoryHolds, MemoryLanes, MemoryQueues, MemoryRuns, MemoryWatermarks
from tests.fakes.mailbox import MemoryMailbox
from tests.unit.model.builders import NOON, copy_request, dataset
from tests.unit.sluice.operators import documents, operator, shown

_RUN = Run(dataset="s2", run="run-1", trigger="request", began_at=NOON, progress_at=NOON)
_LATER = NOON + timedelta(minutes=30)
_HOUR = timedelta(hours=1)


def _report(at: datetime = _LATER, *, queues: dict[str, QueueStatus] | None = None, **values: Any) -> StatusReport:
    given: dict[str, Any] = {"run": None, "counts": None, "copied_today": Activity(), **values}
    idle = {each.value: QueueStatus(outstanding=0, poison=0) for each in Queue}
    withholding = WithholdingStatus(saturation=1.5, capacity=24, limit=36, outstanding=0, waiting={})
    return StatusReport(
        at=at, datasets={"s2": DatasetStatus(**given)}, queues={**idle, **(queues or {})}, withholding=withholding
    )


class _World:
    """The datasets ``a`` and ``b`` half an hour after noon."""

    def __init__(self) -> None:
        self.runs = MemoryRuns()
        self.plans = MemoryRuns()
        self.watermarks = MemoryWatermarks()
        self.holds = MemoryHolds()
        self.queues = MemoryQueues()
        self.mailbox = MemoryMailbox(clock=lambda: _LATER)
        self.activities = MemoryActivities()

    @property
    def status(self) -> Status:
        """The use case."""
        return Status(
            datasets=Datasets(datasets={name: dataset() for name in ("a", "b")}),
            runs=self.runs,
            plans=self.plans,
            watermarks=self.watermarks,
            holds=self.holds,
            queues=self.queues,
            mailbox=self.mailbox,
            activities=self.activities,
            lanes=MemoryLanes(),
            saturation=1.5,
            capacity=24,
            clock=lambda: _LATER,
        )


async def test_nothing_is_wrong_in_an_idle_app() -> None:
    """Three tables, no complaint, exit code 0."""
    on = operator(status=_World().status)

    code = await status(on)

    assert code is Exit.GOOD
    assert shown(on) == [
        "2024-06-01 12:30:00 UTC",
        "",
        "dataset run      items asked for refused copied today fresh",
        "a       none yet                           0, 0 bytes     ?",
        "b       none yet                           0, 0 bytes     ?",
        "",
        "queue      outstanding poison why, of the first 32",
        "discover             0      0",
        "copy                 0      0",
        "copy-live            0      0",
        "copy-later           0      0",
        "publish              0      0",
        "discovery waits at 36 in copy (1.5 x 24)",
    ]


async def test_everything_is_told_within_80_columns() -> None:
    """Runs with window and waiting, holds, watermark, plan, counts, poison with its reasons."""
    world = _World()
    waits = {"withheld_since": NOON, "withheld_because": "36 copy requests are outstanding; pages run below 36"}
    run = _RUN.model_copy(update={"dataset": "a", "window": Window(since=NOON), **waits})
    await world.runs.save(run, replaces=None)
    await world.plans.save(_RUN.model_copy(update={"dataset": "a", "run": "plan-1"}), replaces=None)
    world.holds.hold(Hold(dataset="a", deferred_until=_LATER + _HOUR, deferred_because="429 of data.example.org"))
    await world.watermarks.save(
        Watermark(dataset="a", by=TimeProperty.UPDATED, at=NOON - 2 * _HOUR, run="run-0"), replaces=None
    )
    await world.activities.write("a", NOON.date(), "p1", activity=Activity(assets=1234, bytes=5_600_000_000))
    reason = Reason(error="AssetNotFoundError", message="404", at=NOON)
    world.mailbox.put("copy-poison", encoded(copy_request(reason=reason).encode()))
    world.queues.counts.update({"copy": 40, "copy-poison": 1})
    on = operator(status=world.status)

    code = await status(on, "a")

    assert code is Exit.PROBLEMS
    assert shown(on) == [
        "2024-06-01 12:30:00 UTC",
        "",
        "dataset run            items asked for refused  copied today fresh",
        "a       running 30 min     0         0       0 1,234, 5.6 GB   2 h",
        "  a: its run is of 2024-06-01T12:00:00Z/.., by datetime",
        "  a: withheld for 30 min: 36 copy requests are outstanding; pages run below 36",
        "  a: its host is given 1 h more: 429 of data.example.org",
        "  a: read whole up to 2024-06-01 10:00:00 UTC, by updated",
        "  a: its newest plan is running: sluice plan a",
        "",
        "queue      outstanding poison why, of the first 32",
        "discover             0      0",
        "copy                40      1 AssetNotFoundError x1",
        "copy-live            0      0",
        "copy-later           0      0",
        "publish              0      0",
        "discovery waits at 36 in copy (1.5 x 24)",
        "",
        "! copy-poison holds 1: sluice poison list copy",
        "! a: its host is given time: 429 of data.example.org",
    ]


async def test_programs_get_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json it is the StatusReport, reasons included."""
    world = _World()
    on = operator(is_json=True, status=world.status)

    await status(on)

    assert documents(capsys) == [json.loads((await world.status.report(with_reasons=True)).model_dump_json())]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, []),
        ({"run": {"state": RunState.COMPLETE, "ended_at": NOON}}, []),
        ({"run": {"state": RunState.CAPPED, "ended_at": NOON}}, []),
        ({"run": {"state": RunState.CANCELLED, "ended_at": NOON}}, []),
        ({"run": {"state": RunState.FAILED, "reason": "404"}}, ["s2: its run is failed: 404"]),
        ({"run": {"state": RunState.INCOMPLETE, "reason": "1 of 2"}}, ["s2: its run is incomplete: 1 of 2"]),
        ({"run": {"progress_at": _LATER - timedelta(minutes=74)}}, []),
        (
            {"run": {"progress_at": _LATER - timedelta(minutes=75)}},
            ["s2: no progress for 1 h; does the app run? sluice discover s2"],
        ),
        ({"paused_since": NOON, "paused_by": "ann"}, ["s2: paused for 30 min by ann: sluice resume s2"]),
        (
            {"deferred_until": _LATER + _HOUR, "deferred_because": "429"},
            ["s2: its host is given time: 429"],
        ),
    ],
    ids=["idle", "complete", "capped", "cancelled", "failed", "incomplete", "slow", "stalled", "paused", "deferred"],
)
def test_problems(values: dict[str, Any], told: list[str]) -> None:
    """What makes the exit code 1 is told in a sentence with what to do."""
    run = _RUN.model_copy(update=values.pop("run", {}))
    hold = Hold(dataset="s2", **values) if values else None

    assert list(problems_of(_report(run=run, hold=hold))) == told


@pytest.mark.parametrize(
    ("whole_before", "goal", "told"),
    [
        (NOON - 3 * _HOUR, 2, ["s2: stale: read whole 3 h ago, and may be 2 h: sluice discover s2"]),
        (NOON - 3 * _HOUR, 4, []),
        (None, 0.25, ["s2: stale: not yet read whole, and may be 15 min: sluice discover s2"]),
    ],
    ids=["stale", "fresh", "never whole"],
)
def test_a_stale_dataset_is_a_problem(whole_before: datetime | None, goal: float, told: list[str]) -> None:
    """Where it was read whole longer ago than its definition says that it may be."""
    run = _RUN.model_copy(update={"whole_before": whole_before})

    assert list(problems_of(_report(run=run, freshness=goal * _HOUR))) == told


@pytest.mark.parametrize("queue", list(Queue))
def test_poison_is_a_problem_in_any_queue(queue: Queue) -> None:
    """With the command that lists it."""
    report = _report(queues={queue.value: QueueStatus(outstanding=0, poison=1200)})

    assert list(problems_of(report)) == [f"{queue}-poison holds 1,200: sluice poison list {queue}"]


def test_a_rate_is_that_of_two_looks() -> None:
    """Of the last half minute; none at the first look, and none where a new day or a lost process takes copies back."""
    rates = Rates()
    counted = [(0, 10), (10, 20), (40, 140), (41, 5), (42, 6), (42, 6)]

    found = [
        rates.after(_report(NOON + timedelta(seconds=at), copied_today=Activity(assets=count, bytes=count * 100)))
        for at, count in counted
    ]

    assert found == [
        None,
        Rate(assets=1, bytes=100),
        Rate(assets=4, bytes=400),
        None,
        Rate(assets=1, bytes=100),
        Rate(assets=1, bytes=100),
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (86400 * 3 + 5, "3 d")],
)
def test_a_time_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    """Rounded down; what lies ahead by a clock that is wrong is nothing."""
    assert lasting(timedelta(seconds=seconds)) == text


async def test_looks_go_on_until_somebody_ends_them() -> None:
    """One report after each wait."""
    waits: list[float] = []

    async def look() -> StatusReport:
        return _report(NOON + timedelta(seconds=len(waits)))

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    seen = looks(look, every=2, sleep=sleep)
    found = [(await anext(seen)).at.second for _ in range(3)]
    await seen.aclose()

    assert (found, waits) == ([0, 1, 2], [2, 2])


async def _two() -> AsyncGenerator[StatusReport]:
    poisoned = {"copy": QueueStatus(outstanding=0, poison=1)}
    yield _report(NOON, copied_today=Activity(assets=1, bytes=1), queues=poisoned)
    yield _report(NOON + timedelta(seconds=2), copied_today=Activity(assets=3, bytes=5))


@pytest.mark.parametrize("terminal", [True, False])
async def test_reports_are_shown_one_after_the_other(*, terminal: bool) -> None:
    """With the rate between them; how it ends is what the last one tells."""
    on = operator(terminal=terminal)

    code = await show_all(_two(), output=on.output)

    text = "\n".join(shown(on, most=None))
    assert code is Exit.GOOD
    assert "2024-06-01 12:00:02 UTC   1.0 assets/s, 2 bytes/s" in text
    assert "copy-poison holds 1" in text


async def test_reports_for_programs_are_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Also at a terminal."""
    on = operator(terminal=True, is_json=True)

    await show_all(_two(), output=on.output)

    assert [each["at"] for each in documents(capsys)] == ["2024-06-01T12:00:00Z", "2024-06-01T12:00:02Z"]


async def test_watching_ends_where_storage_cant_be_read() -> None:
    """As a single look does: the error says what couldn't be read."""
    world = _World()
    world.queues.broken.add(Queue.COPY)

    with pytest.raises(StorageFailedError, match="copy"):
        await status(operator(status=world.status), watch=True)


def test_what_was_there_already_is_told() -> None:
    """A run that finds most of it copied has asked for little."""
    on = operator()
    report = _report(run=_RUN, counts=Counts(available=3, sent=1, already=1200))

    on.output.show(report, view=view(report, problems=()))

    assert "  s2: 1,200 assets of its run were there already" in shown(on)


def test_a_mark_without_an_end_is_told() -> None:
    """Where no number of requests withholds, the view says so."""
    withholding = WithholdingStatus(saturation="inf", capacity=24, limit=None, outstanding=0, waiting={})
    on = operator()

    report = _report(at=datetime(2024, 6, 1, tzinfo=UTC)).model_copy(update={"withholding": withholding})
    on.output.show(report, view=view(report, problems=()))

    assert shown(on)[-1] == "discovery waits never (inf x 24)"
