"""How long work is put off when its host is in trouble, and when that is no excuse any more."""

from datetime import datetime, timedelta

from shared.model.errors import DeferredError

_FIRST = timedelta(seconds=15)
_LONGEST = timedelta(hours=1)
_PATIENCE = timedelta(hours=24)
_MOST_DOUBLINGS = 16


def delay(deferrals: int, *, asked: timedelta, chance: float) -> timedelta:
    """Fifteen seconds, doubled for each earlier deferral, ± 25 %; what the host asked for at least, an hour at most.

    ``chance`` is uniform in [0, 1).
    """
    doubled = _FIRST * 2 ** min(deferrals, _MOST_DOUBLINGS)
    return min(max(min(doubled, _LONGEST) * (0.75 + chance / 2), asked), _LONGEST)


def patience_is_over(since: datetime | None, *, now: datetime) -> bool:
    """Tell whether work was deferred for so long (24 hours) that it counts as an ordinary failure."""
    return since is not None and now - since >= _PATIENCE


def retry_after_of(error: Exception) -> timedelta:
    """What a host asked for, where it did; else zero."""
    return (isinstance(error, DeferredError) and error.retry_after) or timedelta(0)
