"""What an operator asks first: runs, what is outstanding, what was copied, what is poison. No request scans a table."""

import dataclasses
from collections.abc import Callable
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.model.counts import Counts
from shared.model.datasets import Datasets
from shared.model.errors import StorageFailedError
from shared.model.messages import Queue
from shared.model.rows import Activity, Hold, Run, RunState, Watermark
from shared.model.saturation import mark
from shared.storage.activity import Activities
from shared.storage.answers import each_of
from shared.storage.holds import Holds
from shared.storage.queues import Queues
from shared.storage.runs import Runs
from shared.storage.watermarks import Watermarks


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class QueueStatus(_Shown):
    """A queue's approximate counts, visible and hidden messages together."""

    outstanding: int
    poison: int


class DatasetStatus(_Shown):
    """One dataset: its newest run with its counts, and what was copied since midnight UTC."""

    run: Run | None
    counts: Counts | None
    copied_today: Activity
    #: Up to when it was read whole, where its runs ask for what is new.
    watermark: Watermark | None = None
    #: What holds it back beside the queue; None where nothing does.
    hold: Hold | None = None
    #: The newest plan; what it found is told at ``/api/datasets/{dataset}/plans/{plan}``.
    plan: Run | None = None


class WaitingStatus(_Shown):
    """A run whose next page waits."""

    run: str
    since: AwareDatetime
    because: str


class WithholdingStatus(_Shown):
    """When discovery waits: at ``ceil(saturation x capacity)`` outstanding copy requests; and what waits."""

    saturation: float | str
    capacity: int
    #: None: a page never waits for the queue.
    limit: int | None
    outstanding: int
    #: By dataset.
    waiting: dict[str, WaitingStatus]


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
    #: The run store of plans.
    plans: Runs
    watermarks: Watermarks
    holds: Holds
    queues: Queues
    activities: Activities
    saturation: float
    capacity: int
    clock: Callable[[], datetime]

    async def report(self) -> StatusReport:
        """Every dataset and every queue. Raises StorageFailedError."""
        names = sorted(self.datasets.datasets)
        datasets = dict(zip(names, await each_of(names, self.of), strict=True))
        queues = dict(zip((each.value for each in Queue), await each_of(Queue, self._queue), strict=True))
        withholding = WithholdingStatus(
            saturation=_json_number(self.saturation),
            capacity=self.capacity,
            limit=mark(self.saturation, capacity=self.capacity),
            outstanding=queues[Queue.COPY.value].outstanding,
            waiting={name: waiting for name, each in datasets.items() if (waiting := _waiting(each.run))},
        )
        return StatusReport(at=self.clock(), datasets=datasets, queues=queues, withholding=withholding)

    async def of(self, name: str) -> DatasetStatus:
        """One dataset. Raises UnknownDatasetError, StorageFailedError."""
        self.datasets.named(name)
        entry = await self.runs.newest(name)
        run = entry.run if entry else None
        counts = await self.runs.total(name, run.run, pass_number=run.pass_number) if run else None
        today = await self.activities.of_day(name, self.clock().date())
        hold = (await self.holds.of(name)).hold
        is_held = hold.is_paused or hold.is_deferred(self.clock())
        watermark = await self.watermarks.of(name)
        plan = await self.plans.newest(name)
        return DatasetStatus(
            run=run,
            counts=counts,
            copied_today=today,
            watermark=watermark.watermark if watermark else None,
            hold=hold if is_held else None,
            plan=plan.run if plan else None,
        )

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


def _waiting(run: Run | None) -> WaitingStatus | None:
    if run is None or run.state is not RunState.RUNNING or run.withheld_since is None:
        return None
    return WaitingStatus(run=run.run, since=run.withheld_since, because=run.withheld_because or "")


def _json_number(number: float) -> float | str:
    """JSON has no infinity."""
    return "inf" if number == float("inf") else number
