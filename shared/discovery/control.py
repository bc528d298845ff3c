"""Somebody holds discovery back, lets it go on, or ends a run."""

import dataclasses
import logging
from collections.abc import Callable
from datetime import datetime

from shared.discovery.fence import newest_named
from shared.model.datasets import Datasets
from shared.model.errors import RunEndedError
from shared.model.rows import Hold, Run, RunState
from shared.storage.holds import Holds
from shared.storage.runs import Runs

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What may be done to a dataset and to its run. All methods raise UnknownDatasetError and StorageFailedError."""

    datasets: Datasets
    runs: Runs
    holds: Holds
    clock: Callable[[], datetime]

    async def pause(self, dataset: str, *, by: str) -> Hold:
        """Keep the dataset's pages waiting and its runs from beginning; of what was sent, all is copied.

        A dataset that is paused already stays so since then.
        """
        self.datasets.named(dataset)
        while True:
            entry = await self.holds.of(dataset)
            if entry.hold.is_paused:
                return entry.hold
            paused = entry.hold.model_copy(update={"paused_since": self.clock(), "paused_by": by})
            if await self.holds.save(paused, replaces=entry.etag):
                logger.info("dataset paused", extra={"action": "dataset_paused", "dataset": dataset, "by": by})
                return paused

    async def resume(self, dataset: str) -> Hold:
        """Let a paused dataset go on, from its pages' next look; one that isn't paused goes on as it is."""
        self.datasets.named(dataset)
        while True:
            entry = await self.holds.of(dataset)
            if not entry.hold.is_paused:
                return entry.hold
            resumed = entry.hold.model_copy(update={"paused_since": None, "paused_by": None})
            if await self.holds.save(resumed, replaces=entry.etag):
                logger.info("dataset resumed", extra={"action": "dataset_resumed", "dataset": dataset})
                return resumed

    async def cancel(self, dataset: str, run: str, *, by: str) -> Run:
        """End a run: its page messages end quietly from now on; of what was sent, all is copied.

        Raises UnknownRunError for any run but the newest, and RunEndedError where that is over.
        """
        self.datasets.named(dataset)
        while True:
            entry = newest_named(await self.runs.newest(dataset), run, what=f"run of {dataset}")
            if entry.run.state is not RunState.RUNNING:
                raise RunEndedError(f"run {run} is {entry.run.state}: there is nothing to cancel")
            if await self.runs.save(cancelled := self._cancelled(entry.run, by=by), replaces=entry.etag):
                extra = {"action": "run_cancelled", "dataset": dataset, "run": run, "by": by}
                logger.info("run cancelled", extra=extra)
                return cancelled

    def _cancelled(self, run: Run, *, by: str) -> Run:
        update = {
            "state": RunState.CANCELLED,
            "ended_at": self.clock(),
            "withheld_since": None,
            "withheld_because": None,
            "reason": f"cancelled by {by}",
        }
        return run.model_copy(update=update)
