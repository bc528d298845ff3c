from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from shared.model.errors import WindowError
from shared.model.windows import Window, parse_window

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


@pytest.mark.parametrize(
    "interval",
    [
        *("2024-01-01", "a/b", "2024-06-01/2024-01-01", "2024-01-01/2024-02-01/2024-03-01"),
        *("0001-01-01T00:00:00+01:00/..", "../9999-12-31T23:59:59-01:00"),
    ],
)
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


@pytest.mark.parametrize(
    ("body", "window"),
    [
        (b"", Window()),
        (b" \n", Window()),
        (b"{}", Window()),
        (b'{"since": null, "until": null}', Window()),
        (b'{"since": "2024-01-01T00:00:00Z"}', Window(since=_EARLY)),
        (b'{"since": "2024-01-01T02:00:00+02:00", "until": "2024-06-01T00:00:00Z"}', Window(since=_EARLY, until=_LATE)),
    ],
)
def test_asked_for(body: bytes, window: Window) -> None:
    """A request for a run says its window, or asks for everything."""
    assert parse_window(body) == window


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        (b"{", "body", "Invalid JSON"),
        (b"\xff", "body", "Invalid JSON"),
        (b"[]", "body", "object"),
        (b'{"from": "2024-01-01T00:00:00Z"}', "from", "Extra inputs"),
        (b'{"since": "yesterday"}', "since", "written as"),
        (b'{"since": 2024}', "since", "written as"),
        (b'{"since": "2024"}', "since", "written as"),
        (b'{"since": "20240101"}', "since", "written as"),
        (b'{"until": "2024-01-01T00:00:00"}', "until", "timezone"),
        (b'{"until": "0001-01-01T00:00:00+01:00"}', "until", "outside the calendar"),
        (b'{"since": "2024-06-01T00:00:00Z", "until": "2024-01-01T00:00:00Z"}', "body", "since lies after until"),
    ],
)
def test_wrongly_asked_for(body: bytes, field: str, said: str) -> None:
    """A window that isn't one is explained by its field, what is wrong, and an example; no number becomes a time."""
    with pytest.raises(WindowError) as raised:
        parse_window(body)

    assert raised.value.field == field
    assert [each for each in (said, '{"since": "2024-01-01T00:00:00Z"}') if each not in str(raised.value)] == []


def test_kept() -> None:
    """A window is read back as it was kept."""
    window = Window.parse("2024-01-01T02:00:00.25+02:00/..")

    assert Window.model_validate_json(window.model_dump_json()) == window
    assert window.interval == "2024-01-01T00:00:00.250000Z/.."


_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("interval", "halves"),
    [
        ("2024-01-01/2024-01-03", ("2024-01-01/2024-01-02", "2024-01-02/2024-01-03")),
        ("../2024-01-01", ("../1996-12-31T12:00", "1996-12-31T12:00/2024-01-01")),
        ("../1970-01-01", ("../1935-01-01T12:00", "1935-01-01T12:00/1970-01-01")),
        ("../1900-01-01", ("../0950-07-02T12:00", "0950-07-02T12:00/1900-01-01")),
        ("2024-01-01/..", ("2024-01-01/2024-12-31T12:00", "2024-12-31T12:00/..")),
        ("2026-01-01/..", ("2026-01-01/2063-01-01", "2063-01-01/..")),
        ("2100-01-01/..", ("2100-01-01/6049-07-02", "6049-07-02/..")),
        ("../..", ("../1998-01-01", "1998-01-01/..")),
    ],
)
def test_halves(interval: str, halves: tuple[str, str]) -> None:
    """Both halves are the window, and share its middle; an open end stays open."""
    assert Window.parse(interval).halves(now=_NOW) == tuple(Window.parse(each) for each in halves)


@pytest.mark.parametrize(
    "interval",
    [
        *("2024-01-01T00:00:00.001/2024-01-01T00:00:00.001", "2024-01-01T00:00:00.001/2024-01-01T00:00:00.002"),
        *("2024-01-01T00:00:00.0010/2024-01-01T00:00:00.0025", "../0001-01-01", "9999-12-31T23:59/.."),
    ],
)
def test_what_has_no_halves(interval: str) -> None:
    """A moment, and what is hardly longer: halving comes to an end."""
    assert Window.parse(interval).halves(now=_NOW) is None


def test_halving_ends() -> None:
    """From all time down to a moment it takes some forty halves."""
    window, count = Window(), 0
    while halves := window.halves(now=_NOW):
        window, count = halves[count % 2], count + 1

    assert 35 < count < 60
