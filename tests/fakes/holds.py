"""What holds datasets back, in a dictionary."""

import itertools

from shared.model.rows import Hold
from shared.storage.holds import HoldEntry


class MemoryHolds:
    """The hold of each dataset that has one."""

    def __init__(self) -> None:
        self.entries: dict[str, HoldEntry] = {}
        self._versions = itertools.count(1)

    async def of(self, dataset: str) -> HoldEntry:
        """What holds a dataset back."""
        return self.entries.get(dataset, HoldEntry(hold=Hold(dataset=dataset), etag=None))

    async def save(self, hold: Hold, *, replaces: str | None) -> bool:
        """Write a hold if the one that was read still stands there."""
        there = await self.of(hold.dataset)
        if replaces != there.etag:
            return there.hold == hold
        self.hold(hold)
        return True

    def hold(self, hold: Hold) -> None:
        """Let a hold stand there, whatever stood there before."""
        self.entries[hold.dataset] = HoldEntry(hold=hold, etag=f'W/"{next(self._versions)}"')
