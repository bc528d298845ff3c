"""How long work is put off when its host is in trouble, and when that is no excuse any more."""

import dataclasses
from collections.abc import Iterable
from datetime import datetime, timedelta

from shared.model.errors import DeferredError, HostBusyError

_FIRST = timedelta(seconds=15)
_LONGEST = timedelta(hours=1)
_PATIENCE = timedelta(hours=24)
_MOST_DOUBLINGS = 16


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deferral:
    """For how long, and what the work carries with it."""

    delay: timedelta
    deferrals: int
    deferred_since: datetime | None

    @property
    def carried(self) -> dict[str, object]:
        """What changes in the message."""
        return {"deferrals": self.deferrals, "deferred_since": self.deferred_since}


def deferral(
    deferrals: int, since: datetime | None, *, errors: Iterable[Exception], now: datetime, chance: float
) -> Deferral:
    """Put work off that was put off so many times since then.

    Where nothing but our own limits kept a host from being asked, the delay doesn't grow, and patience with the host
    doesn't run on: else the end of a long line would fail after a day of waiting for its turn.
    """
    errors = tuple(errors)
    asked = max((retry_after_of(each) for each in errors), default=timedelta())
    if all(isinstance(each, HostBusyError) for each in errors):
        return Deferral(delay=asked, deferrals=deferrals, deferred_since=since + asked if since else None)
    wait = delay(deferrals, asked=asked, chance=chance)
    return Deferral(delay=wait, deferrals=deferrals + 1, deferred_since=since or now)


def delay(deferrals: int, *, asked: timedelta, chance: float) -> timedelta:
    """Fifteen seconds, doubled for each earlier deferral, ± 25 %; what the host asked for at least, an hour at most.

    ``chance`` is uniform in [0, 1).
    """
    doubled = _FIRST * 2 ** min(deferrals, _MOST_DOUBLINGS)
    return min(max(min(doubled, _LONGEST) * (0.75 + chance / 2), asked), _LONGEST)


def patience_is_over(error: Exception, since: datetime | None, *, now: datetime) -> bool:
    """Tell whether work was deferred for so long (24 hours) that it counts as an ordinary failure."""
    return not isinstance(error, HostBusyError) and since is not None and now - since >= _PATIENCE


def retry_after_of(error: Exception) -> timedelta:
    """What a host asked for, where it did; else zero."""
    return (isinstance(error, DeferredError) and error.retry_after) or timedelta(0)
