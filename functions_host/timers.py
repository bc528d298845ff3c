"""Timers: one listener for each function with a timer trigger.

Sources: azure-webjobs-sdk-extensions TimerListener.cs, ScheduleMonitor.cs, TimerTriggerBinding.cs.
"""

import asyncio
import dataclasses
import datetime as dt
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from functions_host.functions import Datum, Function, Invoker
from functions_host.ncrontab import Schedule, parse_schedule
from functions_host.timer_status import NOT_YET, ScheduleStatus, StatusStore, StatusUnavailableError
from functions_host.waiting import Sleep, pause

#: No single wait is longer; .NET's timers can't be.
LONGEST_WAIT = dt.timedelta(days=24)

_STARTUP_WAIT = dt.timedelta(milliseconds=1)
_NO_TIME = dt.timedelta(0)
_START_AGAIN_SECONDS = 60.0
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A timer function with its schedule."""

    function: Function
    schedule: Schedule
    #: ``None``: nothing is remembered, and nothing can be past due.
    statuses: StatusStore | None
    run_on_startup: bool = False
    #: Where the schedule's clock hangs: UTC in Azure, unless WEBSITE_TIME_ZONE or TZ says otherwise.
    zone: dt.tzinfo = dt.UTC

    def next_after(self, base: dt.datetime) -> dt.datetime:
        """The next occurrence after ``base``."""
        return self.schedule.next_after(base.astimezone(self.zone))

    def request(self, status: ScheduleStatus | None, *, past_due: bool) -> Datum:
        """The function's input."""
        content = {
            "Schedule": {"AdjustForDST": self.schedule.adjusts_for_dst},
            "ScheduleStatus": status.to_json() if status is not None and self.statuses is not None else None,
            "IsPastDue": past_due,
        }
        return "json", json.dumps(content)

    async def request_by_hand(self) -> Datum:
        """The function's input where the schedule has nothing to do with it: the state as it was kept."""
        status = await self.statuses.read(self.function.name) if self.statuses is not None else None
        return self.request(status, past_due=False)

    def metadata(self, now: dt.datetime) -> dict[str, Datum]:
        """What the function is told beside its input: the local time, as .NET's invariant culture writes it."""
        return {"TimerTrigger": ("string", now.astimezone(self.zone).strftime("%m/%d/%Y %H:%M:%S"))}


def timer_of(
    function: Function, *, resolve: Callable[[str], str], statuses: StatusStore, zone: dt.tzinfo = dt.UTC
) -> Timer:
    """Read a function's timer trigger; ``resolve`` replaces the ``%Setting%`` of its schedule, and may raise.

    Raises:
        ScheduleError: the schedule can't be read.
    """
    trigger = function.trigger
    schedule = parse_schedule(resolve(str(trigger.get("schedule") or "")))
    # Monitored unless the function says no, or the schedule is too frequent for it.
    monitored = _flag(trigger, "useMonitor", default=True) and schedule.keeps_status
    return Timer(
        function=function,
        schedule=schedule,
        statuses=statuses if monitored else None,
        run_on_startup=_flag(trigger, "runOnStartup", default=False),
        zone=zone,
    )


class TimerListener:
    """Invokes one timer function on its schedule, never twice at a time."""

    def __init__(
        self, timer: Timer, *, invoker: Invoker, clock: Callable[[], dt.datetime], sleep: Sleep = asyncio.sleep
    ) -> None:
        """Prepare the listener; ``clock`` tells the time in UTC."""
        self._timer = timer
        self._invoker = invoker
        self._clock = clock
        self._sleep = sleep
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Invoke the function whenever it is due, until stopped and until an invocation that runs then has ended."""
        status = await self._start()
        while status is not None and await self._wait_until(status.next):
            status = await self._invoke(status, past_due=False, on_schedule=True)

    async def stop(self) -> None:
        """Begin nothing new."""
        self._stopping.set()

    async def _start(self) -> ScheduleStatus | None:
        # The state after a first invocation, if one is due at once; None if stopped before.
        while True:
            try:
                status, past_due = await self._begin()
                break
            except StatusUnavailableError:
                _log.exception("The listener for function '%s' was unable to start.", self._timer.function.name)
            if not await self._pause(_START_AGAIN_SECONDS):
                return None
        if not past_due and not self._timer.run_on_startup:
            return status
        why = "past due on startup" if past_due else "configured to run on startup"
        _log.info("Function '%s' is %s. Executing now.", self._timer.function.name, why)
        if not await self._pause(_STARTUP_WAIT.total_seconds()):
            return None
        return await self._invoke(status, past_due=past_due, on_schedule=False)

    async def _begin(self) -> tuple[ScheduleStatus, bool]:
        timer, now = self._timer, self._clock()
        first = ScheduleStatus(last=NOT_YET, next=timer.next_after(now), last_updated=NOT_YET)
        if timer.statuses is None:
            return first, False
        kept = await timer.statuses.read(timer.function.name)
        if kept is None:
            # Written before it has ever run, so that a run that is missed then is seen by the next host.
            begun = dataclasses.replace(first, last_updated=now.astimezone(timer.zone))
            await timer.statuses.write(timer.function.name, status=begun)
            return first, False
        status = self._checked(kept, now)
        if status != kept:
            await timer.statuses.write(timer.function.name, status=status)
        return status, now > status.next

    def _checked(self, kept: ScheduleStatus, now: dt.datetime) -> ScheduleStatus:
        # Where the state's next time is not what the schedule makes of its last one, the schedule was changed: the old
        # next time counts no longer, and nothing is past due.
        base = next((each for each in (kept.last, kept.last_updated) if each > NOT_YET), now)
        expected = self._timer.next_after(base)
        if kept.next.astimezone(dt.UTC) == expected.astimezone(dt.UTC):
            return kept
        if now > expected:
            base, expected = now, self._timer.next_after(now)
        return ScheduleStatus(last=NOT_YET, next=expected, last_updated=base.astimezone(self._timer.zone))

    async def _wait_until(self, moment: dt.datetime) -> bool:
        # False if stopped meanwhile.
        remaining = max(moment - self._clock(), _NO_TIME)
        while remaining > LONGEST_WAIT:
            if not await self._pause(LONGEST_WAIT.total_seconds()):
                return False
            remaining -= LONGEST_WAIT
        return await self._pause(remaining.total_seconds())

    async def _pause(self, seconds: float) -> bool:
        await pause(seconds, until=self._stopping, sleep=self._sleep)
        return not self._stopping.is_set()

    async def _invoke(self, status: ScheduleStatus, *, past_due: bool, on_schedule: bool) -> ScheduleStatus:
        timer, now = self._timer, self._clock()
        # How it ends is the log's matter: an error doesn't change the schedule.
        await self._invoker.invoke(
            timer.function,
            inputs={timer.function.trigger["name"]: timer.request(status, past_due=past_due)},
            metadata=timer.metadata(now),
            reason=f"Timer fired at {now.astimezone(timer.zone).isoformat()}",
        )
        # A run that came a moment early counts as on time, or the same occurrence would come twice. After one that took
        # longer than the interval, the next occurrence is over already and comes at once.
        base = max(now, status.next) if on_schedule else now
        local = base.astimezone(timer.zone)
        after = ScheduleStatus(last=local, next=timer.next_after(base), last_updated=local)
        if timer.statuses is not None:
            await timer.statuses.write(timer.function.name, status=after)
        return after


def _flag(trigger: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = trigger.get(name)
    return default if value is None else str(value).lower() == "true"
