"""``sluice discover``, ``plan``, ``pause``, ``resume`` and ``cancel``: runs, as the app's HTTP addresses steer them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from rich.text import Text

from shared.model.plans import PlanReport
from shared.model.rows import RunState
from shared.model.windows import Window, parse_window
from sluice.command import Operator, command
from sluice.output import Exit, Output
from sluice.plan_view import view
from sluice.session import UsageError, user

_LOOK_EVERY_SECONDS = 2.0
_Dataset = Annotated[str, typer.Argument(help="Its name in datasets.toml.")]


def register(group: typer.Typer) -> None:
    """Add the commands of this module."""
    command(group, "discover", example="sluice discover zurich --since 2024-06-01T00:00:00Z")(discover)
    command(group, "plan", example="sluice plan zurich --wait")(plan)
    command(group, "pause", example="sluice pause zurich")(pause)
    command(group, "resume", example="sluice resume zurich")(resume)
    command(group, "cancel", example="sluice cancel zurich")(cancel)


async def discover(
    on: Operator,
    dataset: _Dataset,
    *,
    since: Annotated[str | None, typer.Option(help="Only items from then on: 2024-06-01T00:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option(help="Only items up to then.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Everything; so it is without --since and --until.")] = False,
    only_plan: Annotated[bool, typer.Option("--plan", help="Copy nothing: count what a run would do.")] = False,
) -> None:
    """Begin a run of a dataset, of everything or of a window of its items' time.

    The app works it: look by `sluice status`. Exit code 1: another run makes progress, or the dataset is paused.
    """
    if full and (since or until):
        raise UsageError("--full is everything: leave out --since and --until, or --full")
    window = _window(since=since, until=until)
    if only_plan:
        begun, look = await on.app.planning.begin(dataset, window=window), f"sluice plan {dataset} --wait"
    else:
        begun = await on.app.starting.start(dataset, window=window, trigger="request")
        look = f"sluice status {dataset} --watch"
    what = "plan" if only_plan else "run"
    told = f"{what} {begun.run} of {dataset} has begun; the app works it: {look}"
    on.output.show({"dataset": dataset, what: begun.run}, view=Text(told))


async def plan(
    on: Operator,
    dataset: _Dataset,
    plan: Annotated[str | None, typer.Argument(help="Its id; the newest one by default.")] = None,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended.")] = False,
) -> Exit:
    """Show what a plan has found: what a run would copy, and what that costs.

    Exit code 1: it has failed or doesn't add up, it would refuse something, or a run would reach its caps.
    """
    name = plan or await _newest_plan(on, dataset)

    async def look() -> PlanReport:
        return await on.app.planning.report(dataset, name)

    report = await (ended(look, output=on.output) if wait else look())
    on.output.show(report, view=view(report))
    return Exit.PROBLEMS if _is_bad(report) else Exit.GOOD


async def pause(on: Operator, dataset: _Dataset) -> None:
    """Hold a dataset's discovery back: its pages wait, and no run of it begins. What was sent is copied."""
    hold = await on.app.control.pause(dataset, by=user())
    told = f"{dataset} is paused since {hold.paused_since} by {hold.paused_by}; sluice resume {dataset} lets it go on"
    on.output.show(hold, view=Text(told))


async def resume(on: Operator, dataset: _Dataset) -> None:
    """Let a paused dataset go on; one that isn't paused goes on as it is."""
    hold = await on.app.control.resume(dataset)
    on.output.show(hold, view=Text(f"{dataset} goes on"))


async def cancel(
    on: Operator,
    dataset: _Dataset,
    run: Annotated[str | None, typer.Argument(help="Its id; the newest one by default.")] = None,
) -> None:
    """End a run: none of its pages is read any more. What it has sent by then is copied.

    Exit code 1: it is over already.
    """
    name = run or await _newest_run(on, dataset)
    cancelled = await on.app.control.cancel(dataset, name, by=user())
    on.output.show(cancelled, view=Text(f"run {name} of {dataset} is cancelled; what it has sent is copied"))


async def ended(
    look: Callable[[], Awaitable[PlanReport]],
    *,
    output: Output,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> PlanReport:
    """Look until a plan has ended; an app has to run for that."""
    with output.progress("items") as steps:
        done = 0
        while (report := await look()).state is RunState.RUNNING:
            steps.advance(report.counts.available - done)
            done = report.counts.available
            await sleep(_LOOK_EVERY_SECONDS)
    return report


def _window(*, since: str | None, until: str | None) -> Window:
    """As the body of a request for a run says it; raises WindowError."""
    given = {name: value for name, value in (("since", since), ("until", until)) if value is not None}
    return parse_window(json.dumps(given).encode())


def _is_bad(report: PlanReport) -> bool:
    ended_badly = report.state not in {RunState.RUNNING, RunState.COMPLETE}
    return bool(ended_badly or report.refused_assets or report.counts.refused or (report.cap and report.cap.would_cut))


async def _newest_plan(on: Operator, dataset: str) -> str:
    newest = (await on.app.status.of(dataset)).plan
    if newest is None:
        raise UsageError(f"there is no plan of {dataset}; sluice discover {dataset} --plan begins one")
    return newest.run


async def _newest_run(on: Operator, dataset: str) -> str:
    newest = (await on.app.status.of(dataset)).run
    if newest is None:
        raise UsageError(f"there is no run of {dataset}; sluice discover {dataset} begins one")
    return newest.run
