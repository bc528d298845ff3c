from datetime import timedelta

import pytest

from shared.model.deferral import Deferral, deferral, delay, patience_is_over, retry_after_of
from shared.model.errors import HostBusyError, SourceThrottledError, SourceUnavailableError
from tests.unit.model.builders import NOON

_NOTHING = timedelta(0)


@pytest.mark.parametrize(
    ("deferrals", "asked", "chance", "seconds"),
    [
        (0, _NOTHING, 0.5, 15),
        (0, _NOTHING, 0.0, 11.25),
        (3, _NOTHING, 0.5, 120),
        (3, timedelta(minutes=10), 0.5, 600),
        (3, timedelta(days=1), 0.5, 3600),
        (100_000, _NOTHING, 0.9, 3600),
    ],
)
def test_delay(deferrals: int, asked: timedelta, chance: float, seconds: float) -> None:
    """A delay doubles, is as long as the host asked for at least, and an hour at most."""
    assert delay(deferrals, asked=asked, chance=chance) == timedelta(seconds=seconds)


def test_patience() -> None:
    """Patience is over 24 hours after the first deferral."""
    error = SourceUnavailableError("down")

    assert not patience_is_over(error, None, now=NOON)
    assert not patience_is_over(error, NOON, now=NOON + timedelta(hours=23, minutes=59))
    assert patience_is_over(error, NOON, now=NOON + timedelta(hours=24))


def test_patience_with_our_own_limits() -> None:
    """Who waits for his turn may wait for days."""
    assert not patience_is_over(HostBusyError("busy"), NOON, now=NOON + timedelta(days=9))


def test_a_deferral_counts() -> None:
    """It is one more, its delay grows, and patience runs from the first one on."""
    errors = [SourceUnavailableError("down"), HostBusyError("busy", retry_after=timedelta(seconds=100))]

    assert deferral(0, None, errors=errors, now=NOON, chance=0.5) == Deferral(
        delay=timedelta(seconds=100), deferrals=1, deferred_since=NOON
    )
    assert deferral(3, NOON, errors=errors[:1], now=NOON + timedelta(hours=1), chance=0.5) == Deferral(
        delay=timedelta(seconds=120), deferrals=4, deferred_since=NOON
    )


def test_to_wait_for_a_turn_is_no_deferral() -> None:
    """It is put off for as long as said, is no more put off than before, and patience stands still meanwhile."""
    wait = timedelta(seconds=90)
    errors = [HostBusyError("busy", retry_after=wait)]

    assert deferral(3, NOON, errors=errors, now=NOON + timedelta(hours=1), chance=0.5) == Deferral(
        delay=wait, deferrals=3, deferred_since=NOON + wait
    )
    assert deferral(0, None, errors=errors, now=NOON, chance=0.5) == Deferral(
        delay=wait, deferrals=0, deferred_since=None
    )


def test_retry_after() -> None:
    """What a host asked for is taken from its error; others ask for nothing."""
    assert retry_after_of(SourceThrottledError("slow", retry_after=timedelta(seconds=9))) == timedelta(seconds=9)
    assert retry_after_of(SourceUnavailableError("down")) == _NOTHING
    assert retry_after_of(ValueError()) == _NOTHING
