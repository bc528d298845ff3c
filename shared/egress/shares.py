"""The port to what all processes share: each share of a budget is one process's at a time, by a lease."""

from typing import Protocol

#: For how long a share is taken or renewed: as long as Azure's leases of blobs last at most.
LEASE_SECONDS = 60


class Shares(Protocol):
    """Shares of budgets, leased. Each method is one call of storage, and raises StorageFailedError."""

    async def take(self, budget: str, share: int) -> str | None:
        """Take a share for ``LEASE_SECONDS`` and return the lease; None: somebody has it, or it was only made now."""
        ...

    async def renew(self, budget: str, share: int, *, lease: str) -> bool:
        """Keep a share for ``LEASE_SECONDS`` from now on; False: it is another's by now."""
        ...

    async def give_back(self, budget: str, share: int, *, lease: str) -> None:
        """Let others have a share at once; one that is another's by now stays theirs."""
        ...
