"""Shares in a dictionary, whose leases end by a clock of the test's own."""

import itertools
from collections.abc import Callable

from shared.egress import LEASE_SECONDS
from shared.model.errors import StorageFailedError


class MemoryShares:
    """Leases of shares; a share is made when somebody first asks for it."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ids = itertools.count(1)
        #: Who holds each share, and until when.
        self.leases: dict[tuple[str, int], tuple[str, float]] = {}
        #: When a method was called.
        self.calls: list[float] = []
        self.is_down = False

    async def take(self, budget: str, share: int) -> str | None:
        """Take a share that nobody has."""
        self._called()
        if (budget, share) not in self.leases:
            self.leases[budget, share] = ("nobody", self._clock())
            return None
        if self._clock() < self.leases[budget, share][1]:
            return None
        lease = f"lease-{next(self._ids)}"
        self.leases[budget, share] = (lease, self._clock() + LEASE_SECONDS)
        return lease

    async def renew(self, budget: str, share: int, *, lease: str) -> bool:
        """Also a lease that has ended, as long as nobody else has taken the share since."""
        self._called()
        holds = self.leases.get((budget, share), ("", 0.0))[0] == lease
        if holds:
            self.leases[budget, share] = (lease, self._clock() + LEASE_SECONDS)
        return holds

    async def give_back(self, budget: str, share: int, *, lease: str) -> None:
        """End a lease that is held."""
        self._called()
        if self.leases.get((budget, share), ("", 0.0))[0] == lease:
            self.leases[budget, share] = ("nobody", self._clock())

    def _called(self) -> None:
        self.calls.append(self._clock())
        if self.is_down:
            raise StorageFailedError("the storage is down")
