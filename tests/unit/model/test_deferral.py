from datetime import timedelta

import pytest

from shared.model.deferral import delay, patience_is_over, retry_after_of
from shared.model.errors import SourceThrottledError, SourceUnavailableError
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
    assert not patience_is_over(None, now=NOON)
    assert not patience_is_over(NOON, now=NOON + timedelta(hours=23, minutes=59))
    assert patience_is_over(NOON, now=NOON + timedelta(hours=24))


def test_retry_after() -> None:
    """What a host asked for is taken from its error; others ask for nothing."""
    assert retry_after_of(SourceThrottledError("slow", retry_after=timedelta(seconds=9))) == timedelta(seconds=9)
    assert retry_after_of(SourceUnavailableError("down")) == _NOTHING
    assert retry_after_of(ValueError()) == _NOTHING
