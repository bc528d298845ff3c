"""The run store in dictionaries."""

import functools
import itertools
from collections.abc import Mapping

from shared.model.counts import Counts, PartCounts, WindowCounts
from shared.model.items import PlannedPage
from shared.model.rows import Run
from shared.storage.runs import RunEntry


class MemoryRuns:
    """The newest run of each dataset, its counts and its pages."""

    def __init__(self) -> None:
        self.newest_runs: dict[str, RunEntry] = {}
        self.parts: dict[tuple[str, str, tuple[int, int, int]], PartCounts] = {}
        self.pages: dict[tuple[str, str, tuple[int, int]], PlannedPage] = {}
        self._versions = itertools.count(1)

    async def newest(self, dataset: str) -> RunEntry | None:
        """The newest run of a dataset."""
        return self.newest_runs.get(dataset)

    async def save(self, run: Run, *, replaces: str | None) -> bool:
        """Write the newest run if the one that was read still stands there."""
        there = self.newest_runs.get(run.dataset)
        if replaces != (there.etag if there else None):
            return there is not None and there.run == run
        self.newest_runs[run.dataset] = RunEntry(run=run, etag=f'W/"{next(self._versions)}"')
        return True

    async def part(self, dataset: str, run: str, *, place: tuple[int, int, int]) -> PartCounts | None:
        """The counts of one part."""
        return self.parts.get((dataset, run, place))

    async def count(self, dataset: str, run: str, *, place: tuple[int, int, int], counts: PartCounts) -> None:
        """Write the counts of one part."""
        self.parts[dataset, run, place] = counts

    async def total(self, dataset: str, run: str, *, pass_number: int) -> Counts:
        """The counts of a pass together."""
        windows = await self.windows(dataset, run, pass_number=pass_number)
        return functools.reduce(Counts.plus, (each.counts for each in windows.values()), Counts())

    async def windows(self, dataset: str, run: str, *, pass_number: int) -> Mapping[int, WindowCounts]:
        """The counts of a pass by window."""
        windows: dict[int, WindowCounts] = {}
        for (of_dataset, of_run, place), part in sorted(self.parts.items()):
            if (of_dataset, of_run, place[0]) == (dataset, run, pass_number):
                windows[part.window] = windows.get(part.window, WindowCounts()).with_part(part)
        return windows

    async def page(self, dataset: str, run: str, *, place: tuple[int, int]) -> PlannedPage | None:
        """The page that was kept."""
        return self.pages.get((dataset, run, place))

    async def keep(self, dataset: str, run: str, *, place: tuple[int, int], page: PlannedPage) -> PlannedPage:
        """Keep a page unless there is one."""
        return self.pages.setdefault((dataset, run, place), page)
