"""How many calls come in a minute."""

import math
from collections.abc import Callable

from shared.model.errors import TooManyEventsError

_SECONDS = 60


class Rates:
    """A bucket of tokens for each name: as many at once as a minute has, and then as they come in again.

    It is this process's own: an app of several instances takes as much on each.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        #: Tokens, and when so many were there.
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, name: str, *, per_minute: int) -> None:
        """Take a token; raises TooManyEventsError while there is none."""
        now = self._monotonic()
        tokens, since = self._buckets.get(name, (float(per_minute), now))
        tokens = min(float(per_minute), tokens + (now - since) * per_minute / _SECONDS)
        if tokens < 1:
            self._buckets[name] = (tokens, now)
            wait = max(1, math.ceil((1 - tokens) * _SECONDS / per_minute))
            raise TooManyEventsError(f"{name}: more than {per_minute} in a minute", retry_after_seconds=wait)
        self._buckets[name] = (tokens - 1, now)
