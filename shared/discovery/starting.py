"""A run begins: by its dataset's schedule, or because somebody asked."""

import dataclasses
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cronsim import CronSim

from shared.model.datasets import Dataset, Datasets
from shared.model.errors import DatasetPausedError, RunConflictError, WindowError
from shared.model.messages import PageRequest, Queue
from shared.model.rows import Run, RunKind, RunState
from shared.model.windows import TimeProperty, Window
from shared.storage.holds import Holds
from shared.storage.queues import Queues
from shared.storage.runs import RunEntry, Runs
from shared.storage.watermarks import Watermarks

logger = logging.getLogger(__name__)

#: A run whose first page wasn't taken up by then is asked for again: its message may never have been sent.
_FIRST_PAGE_WITHIN = timedelta(minutes=2)

_SCHEDULE = "schedule"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Starting:
    """Begins runs, one at a time for each dataset."""

    datasets: Datasets
    runs: Runs
    watermarks: Watermarks
    holds: Holds
    queues: Queues
    clock: Callable[[], datetime]
    #: Makes a run's id from when it begins.
    new_id: Callable[[datetime], str]
    #: A run that made no progress for so long can be superseded.
    stall: timedelta

    async def start(self, name: str, *, window: Window, trigger: str) -> Run:
        """Begin a run of a dataset, of all of it or of a window of its items' time; its first page is asked for.

        Raises UnknownDatasetError, WindowError, DatasetPausedError, and RunConflictError while another run makes
        progress.
        """
        return await self._start(name, asked=_Asked(window=window), trigger=trigger)

    async def start_due(self) -> list[Run]:
        """Begin a run of every dataset whose schedule is due, and once more those that stalled.

        One dataset's trouble is logged and keeps no other from beginning; the next call tries again.
        """
        begun: list[Run] = []
        for name, dataset in self.datasets.datasets.items():
            if dataset.schedule is not None and (run := await self._start_quietly(name, dataset, dataset.schedule)):
                begun.append(run)
        return begun

    async def _start(self, name: str, *, asked: "_Asked", trigger: str) -> Run:
        check_window(self.datasets.named(name), asked.window)
        await self._check_pause(name)
        entry = await self.runs.newest(name)
        if entry is not None and entry.run.state is RunState.RUNNING:
            self._check_superseding(entry.run, asked)
            if self._awaits_first_page(entry.run) and not self._is_stalled(entry.run):
                await self._ask_for_first_page(entry.run)
                return entry.run
        run = self._new(name, asked=asked, trigger=trigger, entry=entry)
        if not await self.runs.save(run, replaces=entry.etag if entry else None):
            raise RunConflictError(f"another run of {name} began in this moment", run="")
        await self._ask_for_first_page(run)
        extra = {"action": "run_began", "dataset": name, "run": run.run, "trigger": trigger, "kind": run.kind.value}
        logger.info("run began", extra=extra)
        return run

    async def _check_pause(self, name: str) -> None:
        hold = (await self.holds.of(name)).hold
        if hold.paused_since is not None:
            since = f"since {hold.paused_since.isoformat()} by {hold.paused_by}"
            raise DatasetPausedError(
                f"{name} is paused {since}; `sluice resume {name}` or DELETE /api/datasets/{name}/pause resumes it"
            )

    async def _start_quietly(self, name: str, dataset: Dataset, schedule: str) -> Run | None:
        """Somebody else's run that began meanwhile is as good."""
        try:
            return await self._start_if_due(name, dataset, schedule)
        except DatasetPausedError as error:
            logger.info("run not begun", extra={"action": "run_paused", "dataset": name, "because": str(error)})
        except RunConflictError:
            logger.info("run began elsewhere", extra={"action": "run_began_elsewhere", "dataset": name})
        except Exception:
            logger.exception("run not begun", extra={"action": "run_not_begun", "dataset": name})
        return None

    async def _start_if_due(self, name: str, dataset: Dataset, schedule: str) -> Run | None:
        entry = await self.runs.newest(name)
        if entry is not None and entry.run.state is RunState.RUNNING:
            is_due = self._is_stalled(entry.run) or self._awaits_first_page(entry.run)
            asked = _Asked.again(entry.run) if is_due else None
        else:
            asked = await self._due(name, dataset, schedule, last=entry.run if entry else None)
        return await self._start(name, asked=asked, trigger=_SCHEDULE) if asked else None

    async def _due(self, name: str, dataset: Dataset, schedule: str, *, last: Run | None) -> "_Asked | None":
        """What the schedule asks for now, if anything.

        A window that wasn't complete is no case of its own: the watermark stands where it did, and the next one begins
        there.
        """
        new = dataset.incremental
        if new is not None and self._is_due(new.full_schedule, last.full_at if last else None):
            return _Asked(is_scheduled=True)
        if not self._is_due(schedule, last.scheduled_at if last else None):
            return None
        entry = await self.watermarks.of(name) if new is not None else None
        if new is None or entry is None or entry.watermark.by is not new.property:
            return _Asked(is_scheduled=True)
        now = self.clock()
        since = min(entry.watermark.at, now) - new.overlap
        return _Asked(
            kind=RunKind.INCREMENTAL, window=Window(since=since, until=now), by=new.property, is_scheduled=True
        )

    def _check_superseding(self, run: Run, asked: "_Asked") -> None:
        """A running run stands in the way, unless it stalled or never began, and the new one has the same window."""
        if not self._is_stalled(run) and not self._awaits_first_page(run):
            raise RunConflictError(f"run {run.run} makes progress, last at {run.progress_at.isoformat()}", run=run.run)
        if (run.kind, run.window, run.by) != (asked.kind, asked.window, asked.by):
            by = f", by {run.by.value}" if run.kind is RunKind.INCREMENTAL else ""
            raise RunConflictError(
                f"run {run.run} stalled; begin a run of its window ({run.window.interval or 'all'}{by}) first",
                run=run.run,
            )

    def _awaits_first_page(self, run: Run) -> bool:
        """A crash between a run's row and its first message leaves a run that nobody works.

        A run that began by a clock that is ahead looks like it, too, however many of its pages were worked.
        """
        return run.progress_at == run.began_at and self.clock() - run.began_at >= _FIRST_PAGE_WITHIN

    def _is_stalled(self, run: Run) -> bool:
        return self.clock() - run.progress_at >= self.stall

    def _is_due(self, schedule: str, last: datetime | None) -> bool:
        if last is None:
            return True
        # A schedule may never come again: the 29th of February as the second Monday of its month.
        following = next(CronSim(schedule, last.astimezone(UTC)), None)
        return following is not None and following <= self.clock()

    def _new(self, name: str, *, asked: "_Asked", trigger: str, entry: RunEntry | None) -> Run:
        now = self.clock()
        last = entry.run if entry else None
        is_full = asked.is_scheduled and asked.kind is RunKind.FULL
        return Run(
            dataset=name,
            run=self.new_id(now),
            kind=asked.kind,
            window=asked.window,
            by=asked.by,
            trigger=trigger,
            began_at=now,
            progress_at=now,
            scheduled_at=now if asked.is_scheduled else last and last.scheduled_at,
            full_at=now if is_full else last and last.full_at,
            whole_before=last and last.whole_at,
        )

    async def _ask_for_first_page(self, run: Run) -> None:
        request = PageRequest(dataset=run.dataset, run=run.run, pass_number=run.pass_number)
        await self.queues.send(Queue.DISCOVER, request.encode())


def check_window(dataset: Dataset, window: Window) -> None:
    """Raise WindowError where a dataset's catalog can't be asked for a window."""
    catalog = dataset.catalog
    if not catalog.has_times and window.interval is not None:
        field = "until" if window.since is None else "since"
        raise WindowError(f"a catalog of kind {catalog.kind} has no times: leave since and until out", field=field)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a run is to ask its catalog for."""

    kind: RunKind = RunKind.FULL
    window: Window = dataclasses.field(default_factory=Window)
    by: TimeProperty = TimeProperty.DATETIME
    #: The schedule's own, which isn't due again before its next time.
    is_scheduled: bool = False

    @classmethod
    def again(cls, run: Run) -> "_Asked":
        """The same as a run that stalled; a window, begun once more, is none of those that the schedule asks for."""
        return cls(kind=run.kind, window=run.window, by=run.by, is_scheduled=run.is_of_all)
