"""A run ends: whether its counts add up, and what follows from that."""

import dataclasses
import logging
from collections.abc import Callable
from datetime import datetime

from shared.discovery.fence import Fence, ids_of
from shared.discovery.listing import Listing
from shared.model.counts import Verdict, WindowCounts, judge
from shared.model.datasets import Dataset
from shared.model.messages import PageRequest
from shared.model.rows import Run, RunKind, RunState, Watermark
from shared.model.windows import TimeProperty
from shared.storage.runs import Runs
from shared.storage.watermarks import Watermarks

logger = logging.getLogger(__name__)

#: Pages of a window of which each item is counted once where more came than the catalog states.
_MOST_RECOUNTED = 2000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Judges runs and ends them."""

    runs: Runs
    watermarks: Watermarks
    listing: Listing
    fence: Fence
    clock: Callable[[], datetime]

    async def verdict(self, request: PageRequest, run: Run, dataset: Dataset) -> Verdict:
        """Judge a run at its last page, by the counts of its pass."""
        windows = dict(await self.runs.windows(request.dataset, request.run, pass_number=request.pass_number))
        for (first, window), end in zip(sorted(windows.items()), [*sorted(windows)[1:], request.page + 1], strict=True):
            if window.is_over and not window.is_split:
                twice = await self._twice(request, window, pages=range(first, end))
                windows[first] = dataclasses.replace(window, twice=twice)
        beginning = windows.get(0)
        is_stated = beginning is not None and beginning.is_split and beginning.most is not None
        return judge(windows, whole=await self.listing.matched(run, dataset) if is_stated else None)

    async def end(self, request: PageRequest, run: Run, dataset: Dataset, *, verdict: Verdict) -> None:
        """End a run as it was judged.

        Its watermark moves before its row says that it is complete. Killed in between, the page comes again, finds the
        run running, and does both. The other way round it would find the run ended, and nobody would move it.
        """
        if verdict.because is None:
            await self._move_watermark(run, dataset)
        state = RunState.COMPLETE if verdict.because is None else RunState.INCOMPLETE
        ended = await self.fence.progress(request, state=state, ended_at=self.clock(), reason=verdict.because)
        if ended is None:
            return
        if request.is_plan:
            logger.info("plan ended", extra={"action": "plan_ended", **ids_of(request), "because": verdict.because})
        elif verdict.because is None:
            logger.info("run is complete", extra={"action": "run_complete", **ids_of(request)})
        else:
            extra = {"action": "run_incomplete", **ids_of(request), "because": verdict.because}
            logger.error("run is incomplete", extra=extra)

    async def cap(self, request: PageRequest, *, because: str) -> None:
        """End a run that its dataset's caps cut off; its watermark stays, and the next run goes on."""
        if await self.fence.progress(request, state=RunState.CAPPED, ended_at=self.clock(), reason=because):
            logger.warning("run is capped", extra={"action": "run_capped", **ids_of(request), "because": because})

    async def _twice(self, request: PageRequest, window: WindowCounts, *, pages: range) -> int:
        """How many of a window's items were listed before on a page further back; 0 where that would take too long."""
        if len(pages) > _MOST_RECOUNTED:
            return 0
        names: set[str] = set()
        for page in pages:
            kept = await self.runs.page(request.dataset, request.run, place=(request.pass_number, page))
            names.update(kept.listed if kept else ())
        return window.counts.available - len(names)

    async def _move_watermark(self, run: Run, dataset: Dataset) -> None:
        """Move a dataset's watermark forward to where this run read it whole; never back."""
        read = _read_until(run, dataset)
        while read is not None:
            by, at = read
            entry = await self.watermarks.of(run.dataset)
            if entry is not None and entry.watermark.by is by and entry.watermark.at >= at:
                return
            watermark = Watermark(dataset=run.dataset, by=by, at=at, run=run.run)
            if await self.watermarks.save(watermark, replaces=entry.etag if entry else None):
                extra = {"action": "watermark_moved", "dataset": run.dataset, "run": run.run, "at": at.isoformat()}
                logger.info("watermark moved", extra=extra)
                return


def _read_until(run: Run, dataset: Dataset) -> tuple[TimeProperty, datetime] | None:
    """Up to when, and by which time, a complete run has read its dataset; None: it read some window of it."""
    if run.kind is RunKind.INCREMENTAL and run.window.until is not None:
        return run.by, run.window.until
    if run.is_of_all and dataset.incremental is not None:
        return dataset.incremental.property, run.began_at
    return None
