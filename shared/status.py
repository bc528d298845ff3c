"""What an operator asks first: runs, what is outstanding, what was copied, what is poison. No request scans a table."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, computed_field

from shared.model.counts import Counts
from shared.model.datasets import Datasets
from shared.model.errors import StorageFailedError
from shared.model.messages import Queue, Reason
from shared.model.rows import Activity, Hold, LaneCounts, Run, RunState, Watermark
from shared.model.saturation import mark
from shared.storage.activity import Activities
from shared.storage.answers import each_of
from shared.storage.holds import Holds
from shared.storage.lanes import Lanes
from shared.storage.mailbox import Mailbox, Received
from shared.storage.queues import Queues
from shared.storage.runs import Runs
from shared.storage.watermarks import Watermarks

_LONGEST_CLASS = 100
_HISTORY = timedelta(hours=1)


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
    #: How long ago it may have been read whole, where its definition says so.
    freshness: timedelta | None = None

    @computed_field
    @property
    def fresh_at(self) -> datetime | None:
        """Up to when it was read whole, as far as its newest run and its watermark tell."""
        run, marks = self.run, [self.watermark.at] if self.watermark else []
        if run is not None and run.whole_at is not None:
            marks.append(run.whole_at)
        return max(marks, default=None)

    def lag(self, at: datetime) -> timedelta | None:
        """How long ago it was read whole; None: as far as is known, it never was."""
        return at - self.fresh_at if self.fresh_at else None

    def is_stale(self, at: datetime) -> bool:
        """Tell whether that is longer ago than it may be; before it ever was whole, the newest run has that long."""
        since = self.fresh_at or (self.run.began_at if self.run else at)
        return self.freshness is not None and at - since > self.freshness


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


class ReasonsStatus(_Shown):
    """Why the first visible messages of a poison queue stand there."""

    #: How many were looked at: 32 at most.
    seen: int
    #: How many of them, by the class of the error.
    errors: dict[str, int]


class StatusReport(_Shown):
    """Everything at a moment."""

    at: AwareDatetime
    datasets: dict[str, DatasetStatus]
    queues: dict[str, QueueStatus]
    withholding: WithholdingStatus
    #: The datasets that were read whole longer ago than they may be.
    stale: tuple[str, ...] = ()
    #: By queue, of those that have poison, where it was asked for.
    reasons: Annotated[dict[str, ReasonsStatus] | None, Field(exclude_if=lambda reasons: reasons is None)] = None
    #: What the queues held in the hour before, where it was asked for.
    history: Annotated[tuple[LaneCounts, ...] | None, Field(exclude_if=lambda history: history is None)] = None


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
    mailbox: Mailbox
    activities: Activities
    lanes: Lanes
    saturation: float
    capacity: int
    clock: Callable[[], datetime]

    async def report(
        self, dataset: str | None = None, *, with_reasons: bool = False, with_history: bool = False
    ) -> StatusReport:
        """Every dataset, or one, and every queue; ``with_reasons`` looks at the first messages of poison queues.

        Raises UnknownDatasetError, StorageFailedError.
        """
        names = sorted(self.datasets.datasets) if dataset is None else [dataset]
        datasets = dict(zip(names, await each_of(names, self.of), strict=True))
        queues = dict(zip((each.value for each in Queue), await each_of(Queue, self._queue), strict=True))
        withholding = WithholdingStatus(
            saturation=_json_number(self.saturation),
            capacity=self.capacity,
            limit=mark(self.saturation, capacity=self.capacity),
            outstanding=queues[Queue.COPY.value].outstanding,
            waiting={name: waiting for name, each in datasets.items() if (waiting := _waiting(each.run))},
        )
        now = self.clock()
        return StatusReport(
            at=now,
            datasets=datasets,
            queues=queues,
            withholding=withholding,
            stale=tuple(name for name, each in datasets.items() if each.is_stale(now)),
            reasons=await self._reasons(queues) if with_reasons else None,
            history=tuple(await self.lanes.since(now - _HISTORY)) if with_history else None,
        )

    async def of(self, name: str) -> DatasetStatus:
        """One dataset. Raises UnknownDatasetError, StorageFailedError."""
        dataset = self.datasets.named(name)
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
            freshness=dataset.freshness,
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

    async def _reasons(self, queues: Mapping[str, QueueStatus]) -> dict[str, ReasonsStatus]:
        poisoned = [name for name, each in queues.items() if each.poison]
        peeked = await each_of(poisoned, lambda name: self.mailbox.peek(Queue(name).poison))
        return {name: _reasons_of(each) for name, each in zip(poisoned, peeked, strict=True)}


class _Poisoned(BaseModel):
    """What is read of a message in a poison queue; anything may stand there."""

    model_config = ConfigDict(extra="ignore")

    reason: Reason | None = None


def _reasons_of(messages: Sequence[Received]) -> ReasonsStatus:
    return ReasonsStatus(seen=len(messages), errors=dict(Counter(map(_error_of, messages)).most_common()))


def _error_of(message: Received) -> str:
    try:
        reason = _Poisoned.model_validate_json(message.body).reason
    except ValidationError:
        return "no message of ours"
    return reason.error[:_LONGEST_CLASS] if reason else "no reason yet"


def _waiting(run: Run | None) -> WaitingStatus | None:
    if run is None or run.state is not RunState.RUNNING or run.withheld_since is None:
        return None
    return WaitingStatus(run=run.run, since=run.withheld_since, because=run.withheld_because or "")


def _json_number(number: float) -> float | str:
    """JSON has no infinity."""
    return "inf" if number == float("inf") else number
