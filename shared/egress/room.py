"""Units of a limit: those in use, and those that were used so lately that they still count.

A unit counts from before a request is sent until a period after its answer was seen. So whatever the network delays,
no period at the server's end has more of them than the limit says.
"""

import math
from collections import deque
from collections.abc import Callable


class Room:
    """What is left of one limit in this process."""

    def __init__(self, *, period: float, clock: Callable[[], float]) -> None:
        self._period = period
        self._clock = clock
        #: How many units this process has; it changes with its shares.
        self.capacity = 0
        self._in_use = 0
        #: When units stop to count, and how many.
        self._recent = deque[tuple[float, int]]()
        self._recently = 0

    @property
    def in_use(self) -> int:
        """Units that count until they are given back."""
        return self._in_use

    @property
    def counted(self) -> int:
        """Units that count now."""
        self._forget()
        return self._in_use + self._recently

    def wait(self, units: int) -> float:
        """Seconds until so many units fit by themselves: 0 for now, infinity where others have to be given back."""
        missing = self.counted + units - self.capacity
        if missing <= 0:
            return 0.0
        for free_at, freed in self._recent:
            missing -= freed
            if missing <= 0:
                return free_at - self._clock()
        return math.inf

    def take(self, units: int) -> None:
        """Use units, whether they fit or not."""
        self._in_use += units

    def spend(self, units: int) -> None:
        """Give units back that were used: they count for a period more."""
        self._in_use -= units
        if units:
            self._recent.append((self._clock() + self._period, units))
            self._recently += units

    def leave(self, units: int) -> None:
        """Give units back that weren't used after all, or were in use and leave no trace."""
        self._in_use -= units

    def _forget(self) -> None:
        now = self._clock()
        while self._recent and self._recent[0][0] <= now:
            self._recently -= self._recent.popleft()[1]
