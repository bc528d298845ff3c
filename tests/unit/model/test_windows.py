from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from shared.model.windows import Window

_EARLY = datetime(2024, 1, 1, tzinfo=UTC)
_LATE = datetime(2024, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("interval", "window", "written"),
    [
        ("2024-01-01T00:00:00Z/2024-06-01T00:00:00Z", Window(since=_EARLY, until=_LATE), None),
        ("2024-01-01T00:00:00Z/..", Window(since=_EARLY), None),
        ("../2024-06-01T00:00:00Z", Window(until=_LATE), None),
        ("2024-01-01/", Window(since=_EARLY), "2024-01-01T00:00:00Z/.."),
        ("2024-01-01T02:00:00+02:00/..", Window(since=_EARLY), "2024-01-01T00:00:00Z/.."),
    ],
)
def test_intervals(interval: str, window: Window, written: str | None) -> None:
    """An interval is read as STAC writes it, without a zone as UTC, and written in one way."""
    assert Window.parse(interval) == window
    assert window.interval == (written or interval)


def test_open() -> None:
    """A window without ends has no interval."""
    assert Window.parse("../..") == Window()
    assert Window().interval is None


@pytest.mark.parametrize("interval", ["2024-01-01", "a/b", "2024-06-01/2024-01-01", "2024-01-01/2024-02-01/2024-03-01"])
def test_no_interval(interval: str) -> None:
    """What is no interval raises ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011 - a builtin's own sentences
        Window.parse(interval)


def test_naive() -> None:
    """A time without a zone is none of ours."""
    with pytest.raises(ValidationError, match="timezone"):
        Window(since=datetime(2024, 1, 1))  # noqa: DTZ001 - the case


def test_holds() -> None:
    """Both ends lie in a window, and no time lies in the open one alone."""
    window = Window(since=_EARLY, until=_LATE)
    moments = [_EARLY - timedelta(seconds=1), _EARLY, _LATE, _LATE + timedelta(seconds=1), None]

    assert [window.holds(each) for each in moments] == [False, True, True, False, False]
    assert [Window().holds(each) for each in moments] == [True] * 5
    assert window.holds(_EARLY.astimezone(timezone(timedelta(hours=5))))


def test_meet() -> None:
    """Two windows meet in what lies in both; if nothing does, nothing lies in the result."""
    first, second = Window(since=_EARLY), Window(until=_LATE)

    assert first.meet(second) == Window(since=_EARLY, until=_LATE)
    assert Window().meet(first) == first
    assert not Window(until=_EARLY).meet(Window(since=_LATE)).holds(_EARLY + timedelta(days=1))
