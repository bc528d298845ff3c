"""How things stand, written into the log every few minutes: what alarms and the workbook read.

Metrics come to Application Insights by no other way that needs nothing installed; an event's fields are its values.
"""

import dataclasses
import logging
from datetime import datetime, timedelta

from shared.model.messages import Queue
from shared.model.rows import LaneCounts, RunState
from shared.status import DatasetStatus, Status, StatusReport
from shared.storage.answers import each_of
from shared.storage.lanes import Lanes
from shared.storage.mailbox import Mailbox

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """The use case behind the timer that writes gauges."""

    status: Status
    mailbox: Mailbox
    lanes: Lanes
    #: A run that made no progress for so long stands still.
    stall: timedelta

    async def write(self) -> None:
        """Look at every queue and dataset and log a line for each; raises StorageFailedError."""
        report = await self.status.report(with_reasons=True)
        oldest = await each_of(Queue, self._oldest)
        await self.lanes.write(
            LaneCounts(at=report.at, outstanding={name: each.outstanding for name, each in report.queues.items()})
        )
        for queue, inserted_at in zip(Queue, oldest, strict=True):
            _tell_queue(report, queue, oldest=inserted_at)
        for name, status in report.datasets.items():
            self._tell_dataset(name, status, at=report.at)
        extra = {"action": "gauges_written", "queues": len(report.queues), "datasets": len(report.datasets)}
        logger.info("gauges written", extra=extra)

    async def _oldest(self, queue: Queue) -> datetime | None:
        """When the oldest of a queue's first visible messages was put there: nobody has taken it since."""
        return min((each.inserted_at for each in await self.mailbox.peek(queue)), default=None)

    def _tell_dataset(self, name: str, status: DatasetStatus, *, at: datetime) -> None:
        run, hold = status.run, status.hold
        running = run if run and run.state is RunState.RUNNING else None
        put_off = hold if hold and hold.is_deferred(at) else None
        silent = at - running.progress_at if running else None
        extra = {
            "action": "gauge_dataset",
            "dataset": name,
            "run": run.run if run else None,
            "state": run.state.value if run else None,
            "silent_seconds": silent,
            "is_stalled": silent is not None and silent >= self.stall,
            "withheld_seconds": _since(running.withheld_since if running else None, at),
            "is_paused": hold is not None and hold.is_paused,
            "host": put_off.deferred_host if put_off else None,
            "deferred_seconds": _since(put_off.deferred_since if put_off else None, at),
            "lag_seconds": status.lag(at),
            "freshness_seconds": status.freshness,
            "is_stale": status.is_stale(at),
            "assets_today": status.copied_today.assets,
            "bytes_today": status.copied_today.bytes,
        }
        logger.info("gauge of a dataset", extra=extra)


def _tell_queue(report: StatusReport, queue: Queue, *, oldest: datetime | None) -> None:
    counted = report.queues[queue]
    extra = {
        "action": "gauge_queue",
        "queue": queue.value,
        "outstanding": counted.outstanding,
        "poison": counted.poison,
        "oldest_seconds": _since(oldest, report.at),
    }
    logger.info("gauge of a queue", extra=extra)
    if reasons := (report.reasons or {}).get(queue):
        for error, count in reasons.errors.items():
            extra = {
                "action": "gauge_poison",
                "queue": queue.value,
                "error": error,
                "messages": count,
                "of": reasons.seen,
            }
            logger.info("gauge of poison", extra=extra)


def _since(moment: datetime | None, at: datetime) -> timedelta | None:
    return at - moment if moment else None
