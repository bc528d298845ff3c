"""What an operator asks first: runs, what is outstanding, what was copied, what is poison. No request scans a table."""

import dataclasses
from collections.abc import Callable
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.model.datasets import Datasets
from shared.model.errors import StorageFailedError
from shared.model.messages import Queue
from shared.model.rows import Activity, PartCounts, Run
from shared.storage.activity import Activities
from shared.storage.answers import each_of
from shared.storage.queues import Queues
from shared.storage.runs import Runs


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class QueueStatus(_Shown):
    """A queue's approximate counts, visible and hidden messages together."""

    outstanding: int
    poison: int


class DatasetStatus(_Shown):
    """One dataset: its newest run with its counts, and what was copied since midnight UTC."""

    run: Run | None
    counts: PartCounts | None
    copied_today: Activity


class WithholdingStatus(_Shown):
    """When discovery waits: at ``ceil(saturation x capacity)`` outstanding copy requests."""

    saturation: float | str
    capacity: int


class StatusReport(_Shown):
    """Everything at a moment."""

    at: AwareDatetime
    datasets: dict[str, DatasetStatus]
    queues: dict[str, QueueStatus]
    withholding: WithholdingStatus


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The use case behind the status addresses."""

    datasets: Datasets
    runs: Runs
    queues: Queues
    activities: Activities
    saturation: float
    capacity: int
    clock: Callable[[], datetime]

    async def report(self) -> StatusReport:
        """Every dataset and every queue. Raises StorageFailedError."""
        names = sorted(self.datasets.datasets)
        datasets = await each_of(names, self.of)
        queues = await each_of(Queue, self._queue)
        return StatusReport(
            at=self.clock(),
            datasets=dict(zip(names, datasets, strict=True)),
            queues=dict(zip(Queue, queues, strict=True)),
            withholding=WithholdingStatus(saturation=_json_number(self.saturation), capacity=self.capacity),
        )

    async def of(self, name: str) -> DatasetStatus:
        """One dataset. Raises UnknownDatasetError, StorageFailedError."""
        self.datasets.named(name)
        entry = await self.runs.newest(name)
        run = entry.run if entry else None
        counts = await self.runs.total(name, run.run, pass_number=run.pass_number) if run else None
        today = await self.activities.of_day(name, self.clock().date())
        return DatasetStatus(run=run, counts=counts, copied_today=today)

    async def is_healthy(self) -> bool:
        """Tell whether storage answers."""
        try:
            await self.queues.count(Queue.DISCOVER)
        except StorageFailedError:
            return False
        return True

    async def _queue(self, queue: Queue) -> QueueStatus:
        outstanding, poison = await each_of((queue.value, queue.poison), self.queues.count)
        return QueueStatus(outstanding=outstanding, poison=poison)


def _json_number(number: float) -> float | str:
    """JSON has no infinity."""
    return "inf" if number == float("inf") else number
