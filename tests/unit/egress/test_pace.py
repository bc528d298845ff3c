"""How slowly a body may come."""

from datetime import timedelta

import pytest

from shared.egress import MinimumPace
from shared.egress.pace import Pace
from shared.model.errors import SourceUnavailableError

_PACE = MinimumPace(bytes_per_second=100, over=timedelta(seconds=60))


def test_trickle() -> None:
    """A source that brought too little is given up as soon as the time is over."""
    pace = Pace(_PACE)
    for _ in range(59):
        pace.count(99, waited=1)

    with pytest.raises(SourceUnavailableError, match="5940 bytes in 60 s: less than 100 a second"):
        pace.count(99, waited=1)


def test_just_fast_enough() -> None:
    """A source that brings what it has to may take for ever."""
    pace = Pace(_PACE)

    for _ in range(600):
        pace.count(100, waited=1)


def test_slow_after_a_fast_beginning() -> None:
    """What came fast at first is no credit for later."""
    pace = Pace(_PACE)
    for _ in range(60):
        pace.count(10_000, waited=1)
    for _ in range(59):
        pace.count(1, waited=1)

    with pytest.raises(SourceUnavailableError):
        pace.count(1, waited=1)


def test_short_body() -> None:
    """A body that ends before the time is over may be as small as it is."""
    Pace(_PACE).count(1, waited=59)
