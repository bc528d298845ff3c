"""The timer listener in virtual time: TimerListener.cs and ScheduleMonitor.cs."""

import asyncio
import contextlib
import datetime as dt
import json
import zoneinfo
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest

from functions_host.functions import Function, Result
from functions_host.ncrontab import ScheduleError, parse_schedule
from functions_host.settings import Settings, UnresolvedSettingError
from functions_host.timer_status import NOT_YET, ScheduleStatus
from functions_host.timers import Timer, TimerListener, timer_of
from tests.unit.functions_host.doubles import START, FakeInvoker, FakeStatuses, VirtualTime, timer_function

_EVERY_FIVE = "0 */5 * * * *"


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def invoker() -> FakeInvoker:
    return FakeInvoker()


@pytest.fixture
def statuses() -> FakeStatuses:
    return FakeStatuses()


async def test_fires_on_schedule(time: VirtualTime, invoker: FakeInvoker, statuses: FakeStatuses) -> None:
    """A timer fires at each occurrence and not before."""
    async with _running(_timer(_EVERY_FIVE, statuses), invoker, time):
        await time.pass_to(_at("08:04:59.999"))
        before = len(invoker.invocations)
        await time.pass_to(_at("08:15:00"))

    assert before == 0
    assert [each.reason for each in invoker.invocations] == [
        "Timer fired at 2026-11-23T08:05:00+00:00",
        "Timer fired at 2026-11-23T08:10:00+00:00",
        "Timer fired at 2026-11-23T08:15:00+00:00",
    ]


async def test_timer_request(time: VirtualTime, invoker: FakeInvoker, statuses: FakeStatuses) -> None:
    """TimerRequest has Schedule, ScheduleStatus and IsPastDue; the metadata's TimerTrigger is the local time."""
    async with _running(_timer(_EVERY_FIVE, statuses), invoker, time):
        await time.pass_to(_at("08:10:00"))

    _, second = invoker.invocations
    assert _request(second.inputs) == {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": {
            "Last": "2026-11-23T08:05:00+00:00",
            "Next": "2026-11-23T08:10:00+00:00",
            "LastUpdated": "2026-11-23T08:05:00+00:00",
        },
        "IsPastDue": False,
    }
    assert second.metadata == {"TimerTrigger": ("string", "11/23/2026 08:10:00")}


async def test_time_zone(time: VirtualTime, invoker: FakeInvoker, statuses: FakeStatuses) -> None:
    """The time zone of schedules is the host's local one."""
    timer = _timer("0 30 9 * * *", statuses, zone=zoneinfo.ZoneInfo("Europe/Paris"))

    async with _running(timer, invoker, time):
        await time.pass_to(_at("09:00:00"))

    (only,) = invoker.invocations
    assert only.reason == "Timer fired at 2026-11-23T09:30:00+01:00"
    assert only.metadata == {"TimerTrigger": ("string", "11/23/2026 09:30:00")}
    assert statuses.kept["tick"].to_json() == {
        "Last": "2026-11-23T09:30:00+01:00",
        "Next": "2026-11-24T09:30:00+01:00",
        "LastUpdated": "2026-11-23T09:30:00+01:00",
    }


async def test_first_status(time: VirtualTime, invoker: FakeInvoker, statuses: FakeStatuses) -> None:
    """No status: write {Last: 0001.., Next, LastUpdated: now}, not past due."""
    async with _running(_timer(_EVERY_FIVE, statuses), invoker, time):
        await time.pass_seconds(1)

    assert statuses.kept == {"tick": ScheduleStatus(last=NOT_YET, next=_at("08:05:00"), last_updated=START)}
    assert invoker.invocations == []


async def test_past_due_fires_once(time: VirtualTime, invoker: FakeInvoker, statuses: FakeStatuses) -> None:
    """If now > Next: one immediate invocation with IsPastDue=true; missed ticks are not replayed one by one."""
    missed = ScheduleStatus(last=_at("07:00:00"), next=_at("07:05:00"), last_updated=_at("07:00:00"))
    statuses.kept["tick"] = missed

    async with _running(_timer(_EVERY_FIVE, statuses), invoker, time):
        await time.pass_to(_at("08:04:59"))

    (only,) = invoker.invocations
    assert _request(only.inputs) == {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": missed.to_json(),
        "IsPastDue": True,
    }
    ran = START + dt.timedelta(milliseconds=1)
    assert statuses.kept == {"tick": ScheduleStatus(last=ran, next=_at("08:05:00"), last_updated=ran)}


async def test_missed_before_it_ever_ran(time: VirtualTime, invoker: FakeInvoker, statuses: FakeStatuses) -> None:
    """Expected next is computed from LastUpdated where there is no Last: an occurrence missed then is past due."""
    statuses.kept["tick"] = ScheduleStatus(last=NOT_YET, next=_at("07:05:00"), last_updated=_at("07:01:00"))

    async with _running(_timer(_EVERY_FIVE, statuses), invoker, time):
        await time.pass_to(_at("08:04:59"))

    assert [_request(each.inputs)["IsPastDue"] for each in invoker.invocations] == [True]


async def test_not_past_due_at_the_moment_itself(time: VirtualTime, invoker: FakeInvoker) -> None:
    """Now == Next is not past due: the occurrence fires on schedule, once."""
    due = ScheduleStatus(last=_at("08:00:00"), next=START, last_updated=_at("08:00:00"))
    statuses = FakeStatuses(tick=due)

    async with _running(_timer("0 */2 * * * *", statuses), invoker, time):
        await time.pass_to(_at("08:03:59"))

    assert [_request(each.inputs)["IsPastDue"] for each in invoker.invocations] == [False]


@pytest.mark.parametrize(
    ("kept_next", "last", "expected"),
    [
        # The new schedule's next time after Last is over: count from now.
        (
            "07:30:00",
            "07:00:00",
            ScheduleStatus(last=NOT_YET, next=START + dt.timedelta(minutes=3), last_updated=START),
        ),
        # It is still to come.
        ("09:00:00", "08:01:00", None),
    ],
)
async def test_schedule_changed(
    time: VirtualTime, invoker: FakeInvoker, kept_next: str, last: str, expected: ScheduleStatus | None
) -> None:
    """If it differs from the stored Next, the schedule changed: write again, nothing fires."""
    statuses = FakeStatuses(tick=ScheduleStatus(last=_at(last), next=_at(kept_next), last_updated=_at(last)))

    async with _running(_timer(_EVERY_FIVE, statuses), invoker, time):
        await time.pass_to(_at("08:04:59"))

    unchanged_base = ScheduleStatus(last=NOT_YET, next=_at("08:05:00"), last_updated=_at(last))
    assert statuses.kept == {"tick": expected or unchanged_base}
    assert invoker.invocations == []


async def test_run_on_startup(time: VirtualTime, invoker: FakeInvoker, statuses: FakeStatuses) -> None:
    """RunOnStartup invokes 1 ms after the listener's start, and the schedule goes on after it."""
    timer = _timer(_EVERY_FIVE, statuses, trigger={"runOnStartup": True})

    async with _running(timer, invoker, time):
        await time.pass_to(_at("08:05:00"))

    assert [each.reason for each in invoker.invocations] == [
        "Timer fired at 2026-11-23T08:02:00.001000+00:00",
        "Timer fired at 2026-11-23T08:05:00+00:00",
    ]


async def test_past_due_beats_run_on_startup(time: VirtualTime, invoker: FakeInvoker) -> None:
    """Past due beats runOnStartup: there is one invocation, and it is past due."""
    statuses = FakeStatuses(
        tick=ScheduleStatus(last=_at("07:00:00"), next=_at("07:05:00"), last_updated=_at("07:00:00"))
    )

    async with _running(_timer(_EVERY_FIVE, statuses, trigger={"runOnStartup": True}), invoker, time):
        await time.pass_seconds(60)

    assert [_request(each.inputs)["IsPastDue"] for each in invoker.invocations] == [True]


@pytest.mark.parametrize(
    ("schedule", "trigger"), [(_EVERY_FIVE, {"useMonitor": False}), ("*/30 * * * * *", {}), ("00:00:30", {})]
)
async def test_without_monitor(
    time: VirtualTime, invoker: FakeInvoker, schedule: str, trigger: Mapping[str, object]
) -> None:
    """Without a monitor nothing is read or written, nothing is past due, and ScheduleStatus is null."""
    kept = ScheduleStatus(last=_at("07:00:00"), next=_at("07:05:00"), last_updated=_at("07:00:00"))
    statuses = FakeStatuses(tick=kept)

    async with _running(_timer(schedule, statuses, trigger=trigger), invoker, time):
        await time.pass_to(_at("08:05:00"))

    assert statuses.kept == {"tick": kept}
    assert {(request["ScheduleStatus"], request["IsPastDue"]) for request in map(_request, _inputs(invoker))} == {
        (None, False)
    }


async def test_interval_is_not_adjusted(time: VirtualTime, invoker: FakeInvoker, statuses: FakeStatuses) -> None:
    """A TimeSpan schedule fires once every so often and tells its function so (ConstantSchedule.cs)."""
    async with _running(_timer("00:07:30", statuses), invoker, time):
        await time.pass_to(_at("08:17:00"))

    assert [each.reason for each in invoker.invocations] == [
        "Timer fired at 2026-11-23T08:09:30+00:00",
        "Timer fired at 2026-11-23T08:17:00+00:00",
    ]
    assert _request(invoker.invocations[0].inputs)["Schedule"] == {"AdjustForDST": False}


async def test_no_overlap_and_once_after_an_overrun(
    time: VirtualTime, invoker: FakeInvoker, statuses: FakeStatuses
) -> None:
    """Runs never overlap; after an overrun the next interval is <= 0: it fires once at once."""
    lengths = iter([13 * 60, 1, 1, 1])
    invoker.work = lambda: time.sleep(next(lengths))

    async with _running(_timer(_EVERY_FIVE, statuses), invoker, time):
        await time.pass_to(_at("08:25:00"))

    # From 08:05 to 08:18: what was due at 08:10 comes then, what was due at 08:15 doesn't.
    assert [each.reason[-14:-6] for each in invoker.invocations] == ["08:05:00", "08:18:00", "08:20:00", "08:25:00"]
    assert invoker.most_running == 1


async def test_early_firing_is_adjusted(invoker: FakeInvoker, statuses: FakeStatuses) -> None:
    """Next is computed from the invocation time; an early firing is adjusted to Next, or it would come twice."""
    time = _Early()

    async with _running(_timer(_EVERY_FIVE, statuses), invoker, time):
        await time.pass_to(_at("08:05:01"))

    assert statuses.kept == {
        "tick": ScheduleStatus(last=_at("08:05:00"), next=_at("08:10:00"), last_updated=_at("08:05:00"))
    }
    assert len(invoker.invocations) == 1


async def test_errors_never_stop_the_schedule(time: VirtualTime, invoker: FakeInvoker, statuses: FakeStatuses) -> None:
    """Errors never stop the schedule, and aren't retried."""
    invoker.result = Result(ok=False, error="boom")

    async with _running(_timer(_EVERY_FIVE, statuses), invoker, time):
        await time.pass_to(_at("08:10:00"))

    assert len(invoker.invocations) == 2
    assert statuses.kept["tick"].next == _at("08:15:00")


async def test_long_intervals_are_chained(time: VirtualTime, invoker: FakeInvoker, statuses: FakeStatuses) -> None:
    """The longest single interval is 24 days, chained."""
    async with _running(_timer("60.00:00:00", statuses), invoker, time):
        await time.pass_to(START + dt.timedelta(days=60))

    assert time.sleeps[:3] == [24 * 86_400, 24 * 86_400, 12 * 86_400]
    assert [each.reason for each in invoker.invocations] == ["Timer fired at 2027-01-22T08:02:00+00:00"]


async def test_status_unavailable(time: VirtualTime, invoker: FakeInvoker, statuses: FakeStatuses) -> None:
    """A listener that can't start, because its state can't be read, tries again."""
    statuses.available = False

    async with _running(_timer(_EVERY_FIVE, statuses), invoker, time):
        await time.pass_seconds(90)
        statuses.available = True
        await time.pass_to(_at("08:05:00"))

    assert len(invoker.invocations) == 1


async def test_stop_waits_for_what_runs(time: VirtualTime, invoker: FakeInvoker, statuses: FakeStatuses) -> None:
    """Stopping begins nothing new and waits for an outstanding invocation, whose end is still kept."""
    invoker.work = lambda: time.sleep(60)
    listener = TimerListener(_timer(_EVERY_FIVE, statuses), invoker=invoker, clock=time.now, sleep=time.sleep)
    running = asyncio.create_task(listener.run())
    await time.pass_to(_at("08:05:30"))

    await listener.stop()
    await time.pass_seconds(1)
    still_running = not running.done()
    await time.pass_to(_at("08:30:00"))

    assert still_running
    assert running.done()
    assert len(invoker.invocations) == 1
    assert statuses.kept["tick"].last == _at("08:05:00")


async def test_request_by_hand(statuses: FakeStatuses) -> None:
    """A timer invoked through the admin API gets TimerInfo from the monitor, IsPastDue=false."""
    kept = ScheduleStatus(last=_at("07:00:00"), next=_at("07:05:00"), last_updated=_at("07:00:00"))
    statuses.kept["tick"] = kept

    kind, text = await _timer(_EVERY_FIVE, statuses).request_by_hand()

    assert (kind, json.loads(text)) == (
        "json",
        {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": kept.to_json(), "IsPastDue": False},
    )


def test_setting_in_schedule(statuses: FakeStatuses) -> None:
    """%Setting% in a schedule is expanded."""
    settings = Settings(environment={"Every": "*/5"})

    found = timer_of(_function("0 %Every% * * * *"), resolve=settings.resolve, statuses=statuses)

    assert found.schedule == parse_schedule(_EVERY_FIVE)


def test_missing_setting(statuses: FakeStatuses) -> None:
    """A missing setting: "'%x%' does not resolve to a value.", the function isn't indexed."""
    with pytest.raises(UnresolvedSettingError):
        timer_of(_function("%x%"), resolve=Settings(environment={}).resolve, statuses=statuses)


@pytest.mark.parametrize("schedule", ["", "soon"])
def test_invalid_schedule(schedule: str, statuses: FakeStatuses) -> None:
    """A schedule that is neither an expression nor a time span is refused."""
    with pytest.raises(ScheduleError):
        _timer(schedule, statuses)


class _Early(VirtualTime):
    """A clock whose sleeps end 300 ms too early, as that of a machine whose time is set back meanwhile."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(max(seconds - 0.3, 0.0))


def _timer(
    schedule: str, statuses: FakeStatuses, *, zone: dt.tzinfo = dt.UTC, trigger: Mapping[str, object] | None = None
) -> Timer:
    return timer_of(_function(schedule, **(trigger or {})), resolve=str, statuses=statuses, zone=zone)


def _function(schedule: str, **trigger: object) -> Function:
    return timer_function("tick", schedule=schedule, **trigger)


@contextlib.asynccontextmanager
async def _running(timer: Timer, invoker: FakeInvoker, time: VirtualTime) -> AsyncGenerator[None]:
    listener = TimerListener(timer, invoker=invoker, clock=time.now, sleep=time.sleep)
    task = asyncio.create_task(listener.run())
    try:
        yield
    finally:
        invoker.work = None
        await listener.stop()
        await time.pass_seconds(3600)
        await asyncio.wait_for(task, 5)


def _at(time: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"2026-11-23T{time}+00:00")


def _inputs(invoker: FakeInvoker) -> list[Mapping[str, Any]]:
    return [each.inputs for each in invoker.invocations]


def _request(inputs: Mapping[str, Any]) -> dict[str, Any]:
    kind, text = inputs["timer"]
    assert kind == "json"
    return json.loads(text)
