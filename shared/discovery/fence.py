"""A run is fenced: what belongs to a run, a pass or a part that is over ends quietly."""

import dataclasses
from collections.abc import Callable
from datetime import datetime

from shared.model.errors import UnknownRunError
from shared.model.messages import PageRequest
from shared.model.rows import Run, RunState
from shared.storage.runs import RunEntry, Runs


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """What the run store says of a page's run."""

    runs: Runs
    clock: Callable[[], datetime]

    async def lets(self, request: PageRequest) -> bool:
        """Tell whether a page is wanted: its run and pass are the newest, and its part isn't done."""
        entry = await self.runs.newest(request.dataset)
        if entry is None or not _is_current(entry.run, request):
            return False
        counts = await self.runs.part(request.dataset, request.run, place=place_of(request))
        return counts is None or not counts.done

    async def progress(self, request: PageRequest, **changes: object) -> Run | None:
        """Note that the run is alive; None if it isn't the newest any more.

        A look at a withheld page is progress too. ``withheld_since`` keeps its first value. A new pass becomes the
        run's own with its first page: its message stands in the queue before anything says that the old one is over.
        """
        while (entry := await self.runs.newest(request.dataset)) and _is_current(entry.run, request):
            at = max(self.clock(), entry.run.progress_at)
            update = {"progress_at": at, "pass_number": request.pass_number, **changes}
            if update.get("withheld_since") and entry.run.withheld_since:
                update["withheld_since"] = entry.run.withheld_since
            run = entry.run.model_copy(update=update)
            if await self.runs.save(run, replaces=entry.etag):
                return run
        return None


def newest_named(entry: RunEntry | None, run: str, *, what: str) -> RunEntry:
    """The newest run, if that is the one that is meant; raises UnknownRunError. ``what``: a run of which dataset."""
    if entry is None or entry.run.run != run:
        newest = "there is none" if entry is None else f"it is {entry.run.run}"
        raise UnknownRunError(f"{run!r} isn't the newest {what}: {newest}")
    return entry


def place_of(request: PageRequest) -> tuple[int, int, int]:
    """Where a part's counts stand."""
    return request.pass_number, request.page, request.part


def ids_of(request: PageRequest) -> dict[str, object]:
    """What a log says of a page."""
    return request.model_dump(include={"dataset", "run", "pass_number", "page", "part"})


def _is_current(run: Run, request: PageRequest) -> bool:
    if run.state is not RunState.RUNNING:
        return False
    return run.run == request.run and run.pass_number <= request.pass_number
