"""A run begins: by its dataset's schedule, or because somebody asked."""

import dataclasses
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cronsim import CronSim

from shared.model.datasets import Datasets, ManifestCatalog
from shared.model.errors import RunConflictError, WindowError
from shared.model.messages import PageRequest, Queue
from shared.model.rows import Run, RunState
from shared.model.windows import Window
from shared.storage.queues import Queues
from shared.storage.runs import RunEntry, Runs

logger = logging.getLogger(__name__)

#: A run whose first page wasn't taken up by then is asked for again: its message may never have been sent.
_FIRST_PAGE_WITHIN = timedelta(minutes=2)

_SCHEDULE = "schedule"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Starting:
    """Begins runs, one at a time for each dataset."""

    datasets: Datasets
    runs: Runs
    queues: Queues
    clock: Callable[[], datetime]
    #: Makes a run's id from when it begins.
    new_id: Callable[[datetime], str]
    #: A run that made no progress for so long can be superseded.
    stall: timedelta

    async def start(self, name: str, *, window: Window, trigger: str) -> Run:
        """Begin a run of a dataset; returns once its first page was asked for.

        Raises UnknownDatasetError, WindowError, and RunConflictError while another run makes progress.
        """
        if isinstance(self.datasets.named(name).catalog, ManifestCatalog) and window.interval is not None:
            field = "until" if window.since is None else "since"
            raise WindowError("a manifest has no times: leave since and until out", field=field)
        entry = await self.runs.newest(name)
        if entry is not None and entry.run.state is RunState.RUNNING:
            self._check_superseding(entry.run, window)
            if self._awaits_first_page(entry.run):
                await self._ask_for_first_page(entry.run)
                return entry.run
        run = self._new(name, window=window, trigger=trigger, entry=entry)
        if not await self.runs.save(run, replaces=entry.etag if entry else None):
            raise RunConflictError(f"another run of {name} began in this moment", run="")
        await self._ask_for_first_page(run)
        logger.info("run began", extra={"action": "run_began", "dataset": name, "run": run.run, "trigger": trigger})
        return run

    async def start_due(self) -> list[Run]:
        """Begin a run of every dataset whose schedule is due, and once more those that stalled.

        One dataset's trouble is logged and keeps no other from beginning; the next call tries again.
        """
        begun: list[Run] = []
        for name, dataset in self.datasets.datasets.items():
            if dataset.schedule is not None and (run := await self._start_quietly(name, dataset.schedule)):
                begun.append(run)
        return begun

    async def _start_quietly(self, name: str, schedule: str) -> Run | None:
        """Somebody else's run that began meanwhile is as good."""
        try:
            return await self._start_if_due(name, schedule)
        except RunConflictError:
            logger.info("run began elsewhere", extra={"action": "run_began_elsewhere", "dataset": name})
        except Exception:
            logger.exception("run not begun", extra={"action": "run_not_begun", "dataset": name})
        return None

    async def _start_if_due(self, name: str, schedule: str) -> Run | None:
        entry = await self.runs.newest(name)
        if entry is not None and entry.run.state is RunState.RUNNING:
            window = entry.run.window
            due = self._is_stalled(entry.run) or self._awaits_first_page(entry.run)
        else:
            window = Window()
            due = self._is_due(schedule, entry)
        return await self.start(name, window=window, trigger=_SCHEDULE) if due else None

    def _check_superseding(self, run: Run, window: Window) -> None:
        """A running run stands in the way, unless it stalled or never began, and the new one has the same window."""
        if not self._is_stalled(run) and not self._awaits_first_page(run):
            raise RunConflictError(f"run {run.run} makes progress, last at {run.progress_at.isoformat()}", run=run.run)
        if run.window != window:
            raise RunConflictError(
                f"run {run.run} stalled; begin a run of its window ({run.window.interval or 'all'}) first", run=run.run
            )

    def _awaits_first_page(self, run: Run) -> bool:
        """A crash between a run's row and its first message leaves a run that nobody works."""
        return run.progress_at == run.began_at and self.clock() - run.began_at >= _FIRST_PAGE_WITHIN

    def _is_stalled(self, run: Run) -> bool:
        return self.clock() - run.progress_at >= self.stall

    def _is_due(self, schedule: str, entry: RunEntry | None) -> bool:
        last = entry.run.scheduled_at if entry else None
        if last is None:
            return True
        # A schedule may never come again: the 29th of February as the second Monday of its month.
        following = next(CronSim(schedule, last.astimezone(UTC)), None)
        return following is not None and following <= self.clock()

    def _new(self, name: str, *, window: Window, trigger: str, entry: RunEntry | None) -> Run:
        now = self.clock()
        last = entry.run.scheduled_at if entry else None
        # A stalled run of a window, begun once more, is none of those that the schedule asks for.
        is_scheduled = trigger == _SCHEDULE and window.interval is None
        return Run(
            dataset=name,
            run=self.new_id(now),
            window=window,
            trigger=trigger,
            began_at=now,
            progress_at=now,
            scheduled_at=now if is_scheduled else last,
        )

    async def _ask_for_first_page(self, run: Run) -> None:
        request = PageRequest(dataset=run.dataset, run=run.run, pass_number=run.pass_number)
        await self.queues.send(Queue.DISCOVER, request.encode())
