"""Schedules, against what NCRONTAB (atifaziz/NCrontab) makes of the same expressions."""

import datetime as dt
import zoneinfo

import pytest

from functions_host.ncrontab import Interval, ScheduleError, parse_schedule

_PACIFIC = zoneinfo.ZoneInfo("America/Los_Angeles")


@pytest.mark.parametrize(
    ("expression", "base", "expected"),
    [
        # Six fields: second, minute, hour, day, month, day of week.
        ("0 */5 * * * *", "2026-11-23T08:02:00", "2026-11-23T08:05:00"),
        ("*/10 * * * * *", "2026-11-23T08:02:55", "2026-11-23T08:03:00"),
        ("30 15 4 * * *", "2026-11-23T04:15:30", "2026-11-24T04:15:30"),
        # Five fields: the second is 0.
        ("*/5 * * * *", "2026-11-23T08:02:00", "2026-11-23T08:05:00"),
        ("0 9-17 * * *", "2026-11-23T17:00:00", "2026-11-24T09:00:00"),
        # Strictly after the base, in whole seconds.
        ("* * * * * *", "2026-11-23T08:02:00", "2026-11-23T08:02:01"),
        ("* * * * * *", "2026-11-23T08:02:00.400000", "2026-11-23T08:02:01"),
        ("0 5 8 * * *", "2026-11-23T08:04:59.999999", "2026-11-23T08:05:00"),
        ("0 5 8 * * *", "2026-11-23T08:05:00", "2026-11-24T08:05:00"),
        # Lists, ranges, and a step on a number: from it to the end.
        ("0 10,40,50-52 * * * *", "2026-11-23T08:40:00", "2026-11-23T08:50:00"),
        ("0 20/15 * * * *", "2026-11-23T08:35:00", "2026-11-23T08:50:00"),
        ("0 20/15 * * * *", "2026-11-23T08:50:00", "2026-11-23T09:20:00"),
        ("0 10-30/10 * * * *", "2026-11-23T08:30:00", "2026-11-23T09:10:00"),
        # An inverted range is swapped.
        ("0 0 17-9 * * *", "2026-11-23T08:00:00", "2026-11-23T09:00:00"),
        ("0 0 17-9 * * *", "2026-11-23T17:00:00", "2026-11-24T09:00:00"),
        # A step below 1 becomes 1.
        ("0 */0 * * * *", "2026-11-23T08:02:00", "2026-11-23T08:03:00"),
        ("0 */-3 * * * *", "2026-11-23T08:02:00", "2026-11-23T08:03:00"),
        # Names by any prefix, in any case; the first that fits.
        ("0 0 0 1 jan *", "2026-11-23T08:02:00", "2027-01-01T00:00:00"),
        ("0 0 0 1 J *", "2026-11-23T08:02:00", "2027-01-01T00:00:00"),
        ("0 0 0 1 FEBRUARY *", "2026-11-23T08:02:00", "2027-02-01T00:00:00"),
        ("0 0 0 * * Mon-Fri", "2026-11-27T08:02:00", "2026-11-30T00:00:00"),
        ("0 0 0 * * th", "2026-11-23T08:02:00", "2026-11-26T00:00:00"),
        ("0 0 0 * * S", "2026-11-23T08:02:00", "2026-11-29T00:00:00"),
        # Sunday is 0.
        ("0 0 0 * * 0", "2026-11-23T08:02:00", "2026-11-29T00:00:00"),
        # Day of month and day of week must both match, unlike elsewhere: a Friday the 13th.
        ("0 0 0 13 * 5", "2026-11-23T08:02:00", "2027-08-13T00:00:00"),
        # Leap days, and the leap day that 2100 hasn't.
        ("0 0 0 29 2 *", "2026-11-23T08:02:00", "2028-02-29T00:00:00"),
        ("0 0 0 29 2 *", "2096-02-29T00:00:00", "2104-02-29T00:00:00"),
        ("59 59 23 31 12 *", "2026-12-31T23:59:59", "2027-12-31T23:59:59"),
        # What never occurs, does at the end of the calendar.
        ("0 0 0 30 2 *", "2026-11-23T08:02:00", "9999-12-30T00:00:00"),
    ],
)
def test_next_occurrence(expression: str, base: str, expected: str) -> None:
    """The next occurrence is the one NCRONTAB has."""
    found = parse_schedule(expression).next_after(dt.datetime.fromisoformat(base).replace(tzinfo=dt.UTC))

    assert found == dt.datetime.fromisoformat(expected).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * * *",
        "* * * * * * *",
        "60 * * * * *",
        "0 0 24 * * *",
        "0 0 0 0 * *",
        "0 0 0 32 * *",
        "0 0 0 1 13 *",
        # No 7, and none of the letters and signs of other dialects.
        "0 0 0 * * 7",
        "0 0 0 L * *",
        "0 0 0 15W * *",
        "0 0 0 * * 5#2",
        "0 0 0 ? * *",
        "0 0 0 * Foo *",
        "0 */x * * * *",
        "0 1-2-3 * * * *",
        "0 , * * * *",
        "Mon * * * * *",
        "every day",
        "00:61:00",
    ],
)
def test_invalid(expression: str) -> None:
    """What is neither an expression of five or six fields nor a time span is refused."""
    with pytest.raises(ScheduleError):
        parse_schedule(expression)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("00:05:00", dt.timedelta(minutes=5)),
        ("1.02:03:04", dt.timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("00:00:30", dt.timedelta(seconds=30)),
    ],
)
def test_time_span(expression: str, expected: dt.timedelta) -> None:
    """A TimeSpan is a ConstantSchedule."""
    schedule = parse_schedule(expression)

    assert schedule == Interval(every=expected)


def test_time_span_counts_from_the_base() -> None:
    """An interval is counted from the last time, fractions of a second included."""
    base = dt.datetime(2026, 11, 23, 8, 2, 0, 250_000, tzinfo=dt.UTC)

    found = parse_schedule("00:05:00").next_after(base)

    assert found == base + dt.timedelta(minutes=5)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 * * * * *", True),
        ("*/30 * * * * *", False),
        ("0,30 * * * * *", False),
        # Not in every minute: the state is kept.
        ("*/30 */5 * * * *", True),
        ("*/30 * * * * Mon", True),
        ("* * * * *", True),
        ("00:01:00", True),
        ("00:00:59", False),
    ],
)
def test_use_monitor_switches_itself_off(expression: str, *, expected: bool) -> None:
    """UseMonitor "switches itself off for X * * * * * with more than one occurrence a minute", and below 1 min."""
    assert parse_schedule(expression).keeps_status is expected


@pytest.mark.parametrize(
    ("expression", "base", "expected"),
    [
        # Every 30 minutes goes on through the hour that comes twice.
        (
            "0 */30 * * * *",
            "2018-11-04T00:30-07:00",
            ["04T01:00-07:00", "04T01:30-07:00", "04T01:00-08:00", "04T01:30-08:00", "04T02:00-08:00"],
        ),
        # A point in time runs once, the first time.
        ("0 30 1 * * *", "2018-11-03T01:30-07:00", ["04T01:30-07:00", "05T01:30-08:00"]),
        # A host that starts in the second of the two hours takes the first for done.
        ("0 30 1 * * *", "2018-11-04T01:29-08:00", ["05T01:30-08:00"]),
        # In spring a time that is skipped comes an hour later.
        ("0 30 2 * * *", "2018-03-10T02:30-08:00", ["11T03:30-07:00", "12T02:30-07:00"]),
        # An interval takes no notice.
        ("12:00:00", "2018-11-03T18:00-07:00", ["04T05:00-08:00", "04T17:00-08:00"]),
    ],
)
def test_daylight_saving_time(expression: str, base: str, expected: list[str]) -> None:
    """Point-in-time schedules run once in the ambiguous hour, interval ones keep running (CronSchedule.cs)."""
    schedule, time = parse_schedule(expression), dt.datetime.fromisoformat(base).astimezone(_PACIFIC)

    found: list[str] = []
    for _ in expected:
        time = schedule.next_after(time)
        found.append(time.isoformat(timespec="minutes").removeprefix(base[:8]))

    assert found == expected
