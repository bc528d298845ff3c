"""How many calls come in a minute."""

import pytest

from shared.intake.rate import Rates
from shared.model.errors import TooManyEventsError


class _Seconds:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_at_once() -> None:
    """As many as a minute has may come together; the next is told when there is room."""
    rates = Rates(_Seconds())
    for _ in range(6):
        rates.take("demo", per_minute=6)

    with pytest.raises(TooManyEventsError, match="demo: more than 6 in a minute") as raised:
        rates.take("demo", per_minute=6)

    assert raised.value.retry_after_seconds == 10


def test_room_again() -> None:
    """After as long as was said, one more may come, and no second."""
    seconds = _Seconds()
    rates = Rates(seconds)
    for _ in range(6):
        rates.take("demo", per_minute=6)
    seconds.now += 4
    with pytest.raises(TooManyEventsError) as early:
        rates.take("demo", per_minute=6)
    seconds.now += early.value.retry_after_seconds

    rates.take("demo", per_minute=6)
    with pytest.raises(TooManyEventsError):
        rates.take("demo", per_minute=6)

    assert early.value.retry_after_seconds == 6


def test_a_second_at_least() -> None:
    """However soon there is room, a sender is told to wait a second."""
    rates = Rates(_Seconds())
    for _ in range(600):
        rates.take("demo", per_minute=600)

    with pytest.raises(TooManyEventsError) as raised:
        rates.take("demo", per_minute=600)

    assert raised.value.retry_after_seconds == 1


def test_an_idle_hour() -> None:
    """Room doesn't heap up beyond a minute's worth."""
    seconds = _Seconds()
    rates = Rates(seconds)
    rates.take("demo", per_minute=2)
    seconds.now += 3600
    rates.take("demo", per_minute=2)
    rates.take("demo", per_minute=2)

    with pytest.raises(TooManyEventsError):
        rates.take("demo", per_minute=2)


def test_one_for_each_name() -> None:
    """One dataset's senders don't use up another's."""
    rates = Rates(_Seconds())
    rates.take("demo", per_minute=1)

    rates.take("other", per_minute=1)

    with pytest.raises(TooManyEventsError):
        rates.take("demo", per_minute=1)
