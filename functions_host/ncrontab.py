"""Schedules of timers: NCRONTAB expressions and time spans.

Sources: atifaziz/NCrontab CrontabSchedule.cs, CrontabField.cs, CrontabFieldImpl.cs; azure-webjobs-sdk-extensions
CronSchedule.cs, ConstantSchedule.cs, TimerSchedule.cs.
"""

import calendar
import dataclasses
import datetime as dt
import re
from collections.abc import Iterator, Sequence

from functions_host.host_json import parse_time_span

_FIELDS_WITHOUT_SECONDS = 5
_FIELDS = 6
_MONTHS = tuple(calendar.month_name)[1:]
#: NCRONTAB's week begins with Sunday, as 0; there is no 7.
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_SECOND = dt.timedelta(seconds=1)
_MINUTE = dt.timedelta(minutes=1)
#: The calendar repeats: what doesn't occur within this many years never does.
_CALENDAR_YEARS = 400
#: Nearly the calendar's end: every time zone can state it.
_NEVER = dt.datetime.combine(dt.date(dt.MAXYEAR, 12, 30), dt.time())


class ScheduleError(ValueError):
    """A schedule can't be read; its timer is not started."""


class _FieldError(ValueError):
    """A field of an expression can't be read."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Once every so often, counted from the last time."""

    every: dt.timedelta

    @property
    def adjusts_for_dst(self) -> bool:
        """What the worker is told of the schedule: an interval takes no notice of the clock's change."""
        return False

    @property
    def keeps_status(self) -> bool:
        """Whether it occurs seldom enough to be monitored: from a minute upwards."""
        return self.every >= _MINUTE

    def next_after(self, base: dt.datetime) -> dt.datetime:
        """The next occurrence after ``base``."""
        # By way of UTC: an hour is an hour, also where the clock changes in it.
        return (base.astimezone(dt.UTC) + self.every).astimezone(base.tzinfo)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """Whenever the clock agrees with all six fields, day of month *and* day of week among them."""

    #: The expression's fields as written; five or six.
    fields: tuple[str, ...]
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @property
    def adjusts_for_dst(self) -> bool:
        """What the worker is told of the schedule."""
        return True

    @property
    def keeps_status(self) -> bool:
        """Whether it occurs seldom enough to be monitored: not where it does so several times in *every* minute."""
        always = (len(self.minutes), len(self.hours), len(self.days), len(self.months), len(self.weekdays))
        return not (always == (60, 24, 31, 12, 7) and len(self.seconds) > 1)

    @property
    def is_interval(self) -> bool:
        """Whether it means "again and again" more than a point in time: it then keeps running in a repeated hour."""
        clock = self.fields[: len(self.fields) - 3]
        return any(sign in field for field in clock for sign in "*-/")

    def next_after(self, base: dt.datetime) -> dt.datetime:
        """The next occurrence strictly after ``base``, in its time zone; in the year 9999 if there is none."""
        wall = self._next(_wall(base))
        found = _placed(wall, base.tzinfo)
        if self.is_interval and (_is_ambiguous(base) or _is_ambiguous(found)):
            # By the clock as it was before the change: 01:30 summer time, then 01:00 winter time.
            return wall.replace(tzinfo=dt.timezone(base.utcoffset() or dt.timedelta())).astimezone(base.tzinfo)
        while _is_ambiguous(found) and found.astimezone(dt.UTC) <= base.astimezone(dt.UTC):
            # A point in time runs once a day: it has had its turn before the hour was repeated.
            found = _placed(self._next(_wall(found)), base.tzinfo)
        return found

    def _next(self, base: dt.datetime) -> dt.datetime:
        start = base.replace(microsecond=0) + _SECOND
        time = self._next_time(start.time())
        if time is not None and self._has(start.date()):
            return dt.datetime.combine(start, time)
        first = dt.time(self.hours[0], self.minutes[0], self.seconds[0])
        return next((dt.datetime.combine(day, first) for day in self._days_after(start.date())), _NEVER)

    def _has(self, day: dt.date) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays

    def _days_after(self, day: dt.date) -> Iterator[dt.date]:
        for year in range(day.year, min(day.year + _CALENDAR_YEARS, dt.MAXYEAR) + 1):
            for month in sorted(self.months):
                length = calendar.monthrange(year, month)[1]
                candidates = (dt.date(year, month, number) for number in sorted(self.days) if number <= length)
                yield from (each for each in candidates if each > day and self._has(each))

    def _next_time(self, start: dt.time) -> dt.time | None:
        # The earliest time of day from ``start`` on.
        times = (
            dt.time(hour, minute, second)
            for hour in self.hours
            if hour >= start.hour
            for minute in self.minutes
            if (hour, minute) >= (start.hour, start.minute)
            for second in self.seconds
            if (hour, minute, second) >= (start.hour, start.minute, start.second)
        )
        return next(times, None)


type Schedule = Cron | Interval


def parse_schedule(expression: str) -> Schedule:
    """Read a schedule: an NCRONTAB expression of five or six fields, else a time span such as ``00:05:00``.

    Raises:
        ScheduleError: it is neither.
    """
    try:
        return _cron(tuple(expression.split(" ")))
    except _FieldError as error:
        reason = error
    try:
        every = parse_time_span(expression)
    except ValueError:
        every = None
    if not isinstance(every, dt.timedelta):
        raise ScheduleError(
            f"The schedule expression '{expression}' was not recognized as a valid cron expression or timespan string."
        ) from reason
    return Interval(every=every)


def _cron(parts: Sequence[str]) -> Cron:
    fields = tuple(part for part in parts if part)
    if len(fields) not in {_FIELDS_WITHOUT_SECONDS, _FIELDS}:
        raise _FieldError(f"an expression has five or six fields, not {len(fields)}")
    second, minute, hour, day, month, weekday = fields if len(fields) == _FIELDS else ("0", *fields)
    return Cron(
        fields=fields,
        seconds=_values(second, within=range(60)),
        minutes=_values(minute, within=range(60)),
        hours=_values(hour, within=range(24)),
        days=frozenset(_values(day, within=range(1, 32))),
        months=frozenset(_values(month, within=range(1, 13), names=_MONTHS)),
        weekdays=frozenset(_values(weekday, within=range(7), names=_WEEKDAYS)),
    )


def _values(field: str, *, within: range, names: Sequence[str] = ()) -> tuple[int, ...]:
    found: set[int] = set()
    for item in field.split(","):
        body, slash, step = item.partition("/")
        every = _number(step) if slash else 1
        found.update(_range(body, has_step=bool(slash), within=within, names=names)[:: max(every, 1)])
    return tuple(sorted(found))


def _range(body: str, *, has_step: bool, within: range, names: Sequence[str]) -> range:
    if body == "*":
        return within
    first, dash, last = body.partition("-")
    start = _value(first, within=within, names=names)
    if not dash:
        # "5" is 5 alone, "5/10" is every tenth from 5 to the end.
        return range(start, within.stop if has_step else start + 1)
    end = _value(last, within=within, names=names)
    return range(min(start, end), max(start, end) + 1)


def _value(text: str, *, within: range, names: Sequence[str]) -> int:
    if text[:1].isdigit():
        value = _number(text)
        if value not in within:
            raise _FieldError(f"'{text}' is not between {within.start} and {within.stop - 1}")
        return value
    for value, name in zip(within, names, strict=False):
        if text and name.lower().startswith(text.lower()):
            return value
    raise _FieldError(f"'{text}' is not a known value")


def _number(text: str) -> int:
    if re.fullmatch(r"[+-]?[0-9]+", text) is None:
        raise _FieldError(f"'{text}' is not a number")
    return int(text)


def _wall(time: dt.datetime) -> dt.datetime:
    return time.replace(tzinfo=None, fold=0)


def _placed(wall: dt.datetime, zone: dt.tzinfo | None) -> dt.datetime:
    # A time that the clock skips in spring becomes one an hour later; one that comes twice, the first of the two.
    return wall.replace(tzinfo=zone).astimezone(dt.UTC).astimezone(zone)


def _is_ambiguous(time: dt.datetime) -> bool:
    first, second = time.replace(fold=0), time.replace(fold=1)
    # A skipped time has two offsets too, but the later one first.
    return (first.utcoffset() or dt.timedelta()) > (second.utcoffset() or dt.timedelta())
