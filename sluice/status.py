"""``sluice status``: what stands where, once or again and again."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.live import Live

from shared.model.messages import Queue
from shared.model.rows import Activity, RunState
from shared.status import DatasetStatus, StatusReport
from sluice.command import Operator, command
from sluice.output import Exit, Output
from sluice.status_view import Rate, lasting, view

_ENDED_BADLY = RunState.INCOMPLETE, RunState.FAILED
#: As DISCOVER_STALL_MINUTES, unless that is set.
_STALLED = timedelta(minutes=75)
#: The rate is that of the last half minute: processes say only every few seconds what they have copied.
_RATE_OVER = timedelta(seconds=30)


def register(group: typer.Typer) -> None:
    """Add the commands of this module."""
    command(group, "status", example="sluice status zurich --watch")(status)


async def status(
    on: Operator,
    dataset: Annotated[str | None, typer.Argument(help="Only this dataset.")] = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again and again, until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=0.5, help="Seconds between two looks.")] = 5.0,
) -> Exit:
    """Show runs, what waits and why, what was copied today, and poison.

    Exit code 1: there is poison, a newest run is incomplete, failed or makes no progress, or a dataset is stale or
    paused or its host is given time. The reasons of poison are those of the first 32 visible messages of each queue.
    """

    async def look() -> StatusReport:
        return await on.app.status.report(dataset, with_reasons=True)

    if watch:
        async with contextlib.aclosing(looks(look, every=every)) as seen:
            return await show_all(seen, output=on.output)
    report = await look()
    problems = tuple(problems_of(report))
    on.output.show(report, view=view(report, problems=problems))
    return Exit.PROBLEMS if problems else Exit.GOOD


async def looks(
    look: Callable[[], Awaitable[StatusReport]],
    *,
    every: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncGenerator[StatusReport]:
    """A report, and another one after each wait; never ends by itself."""
    while True:
        yield await look()
        await sleep(every)


async def show_all(seen: AsyncGenerator[StatusReport], *, output: Output) -> Exit:
    """Show one report after the other: on a terminal in one place, elsewhere below each other."""
    rates, code = Rates(), Exit.GOOD
    in_place = output.out.is_terminal and not output.is_json
    with Live(console=output.out, auto_refresh=False) if in_place else contextlib.nullcontext() as live:
        async for report in seen:
            problems = tuple(problems_of(report))
            code = Exit.PROBLEMS if problems else Exit.GOOD
            shown = view(report, problems=problems, rate=rates.after(report))
            if live is None:
                output.show(report, view=shown)
            else:
                live.update(shown, refresh=True)
    return code


class Rates:
    """What is copied in a second, by two looks."""

    def __init__(self) -> None:
        self._looks: deque[tuple[datetime, Activity]] = deque()

    def after(self, report: StatusReport) -> Rate | None:
        """The rate since a look half a minute ago; None at the first one, and where the day has begun anew."""
        today = Activity()
        for each in report.datasets.values():
            today = today.plus(each.copied_today)
        if self._looks and (today.assets < self._looks[-1][1].assets or today.bytes < self._looks[-1][1].bytes):
            self._looks.clear()
        self._looks.append((report.at, today))
        # The first one that is old enough stays: looks may be further apart than that.
        while len(self._looks) > 1 and report.at - self._looks[1][0] >= _RATE_OVER:
            self._looks.popleft()
        since, before = self._looks[0]
        seconds = (report.at - since).total_seconds()
        if seconds <= 0:
            return None
        return Rate(assets=(today.assets - before.assets) / seconds, bytes=(today.bytes - before.bytes) / seconds)


def problems_of(report: StatusReport) -> Iterator[str]:
    """What isn't as it should be, each with what to do."""
    for name, each in report.queues.items():
        if each.poison:
            yield f"{Queue(name).poison} holds {each.poison:,}: sluice poison list {name}"
    for name, each in report.datasets.items():
        yield from _problems_of(name, each, at=report.at)


def _problems_of(name: str, status: DatasetStatus, *, at: datetime) -> Iterator[str]:
    run, hold = status.run, status.hold
    if run is not None and run.state in _ENDED_BADLY:
        yield f"{name}: its run is {run.state.value}: {run.reason}"
    if status.is_stale(at) and status.freshness is not None:
        last = f"read whole {lasting(lag)} ago" if (lag := status.lag(at)) else "not yet read whole"
        yield f"{name}: stale: {last}, and may be {lasting(status.freshness)}: sluice discover {name}"
    if run is not None and run.state is RunState.RUNNING and at - run.progress_at >= _STALLED:
        yield f"{name}: no progress for {lasting(at - run.progress_at)}; does the app run? sluice discover {name}"
    if hold is not None and hold.paused_since is not None:
        since = lasting(at - hold.paused_since)
        yield f"{name}: paused for {since} by {hold.paused_by}: sluice resume {name}"
    elif hold is not None:
        yield f"{name}: its host is given time: {hold.deferred_because}"
