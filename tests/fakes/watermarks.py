"""Watermarks in a dictionary."""

import itertools

from shared.model.rows import Watermark
from shared.storage.watermarks import WatermarkEntry


class MemoryWatermarks:
    """The watermark of each dataset."""

    def __init__(self) -> None:
        self.entries: dict[str, WatermarkEntry] = {}
        self._versions = itertools.count(1)

    async def of(self, dataset: str) -> WatermarkEntry | None:
        """A dataset's watermark."""
        return self.entries.get(dataset)

    async def save(self, watermark: Watermark, *, replaces: str | None) -> bool:
        """Write a watermark if the one that was read still stands there."""
        there = self.entries.get(watermark.dataset)
        if replaces != (there.etag if there else None):
            return there is not None and there.watermark == watermark
        self.entries[watermark.dataset] = WatermarkEntry(watermark=watermark, etag=f'W/"{next(self._versions)}"')
        return True
