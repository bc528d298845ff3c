"""The ring of the queues' counts in a dictionary."""

from collections.abc import Sequence
from datetime import datetime

from shared.model.rows import LaneCounts
from shared.storage.lanes import minute_of


class MemoryLanes:
    """Counts by the row of the ring that they stand in."""

    def __init__(self) -> None:
        self.rows: dict[int, LaneCounts] = {}

    async def write(self, counts: LaneCounts) -> None:
        """Write a moment's counts."""
        self.rows[minute_of(counts.at)] = counts

    async def since(self, moment: datetime) -> Sequence[LaneCounts]:
        """What was written since a moment."""
        return sorted((each for each in self.rows.values() if each.at >= moment), key=lambda each: each.at)
