"""A status as it is drawn: three tables within 80 columns, and a sentence for what isn't as it should be."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from shared.model.rows import RunState
from shared.status import DatasetStatus, StatusReport

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_COLOURS = {
    RunState.RUNNING: "cyan",
    RunState.COMPLETE: "green",
    RunState.INCOMPLETE: "red",
    RunState.FAILED: "red",
    RunState.CANCELLED: "yellow",
    RunState.CAPPED: "yellow",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What was copied in a second, of all datasets."""

    assets: float
    bytes: float


def view(report: StatusReport, *, problems: tuple[str, ...], rate: Rate | None = None) -> RenderableType:
    """Everything that a report tells."""
    parts: list[RenderableType] = [Text(_head(report, rate)), Text(), _datasets(report)]
    parts += [Text(f"  {each}", style="dim") for name in report.datasets for each in _details(report, name)]
    parts += [Text(), _queues(report)]
    parts += [Text(), *(Text(f"! {each}", style="red") for each in problems)] if problems else []
    return Group(*parts)


def lasting(time: timedelta) -> str:
    """A time in its largest unit: ``3 h``."""
    seconds = max(0, int(time.total_seconds()))
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (timedelta(minutes=1), "min")):
        if time >= unit:
            return f"{seconds // int(unit.total_seconds())} {name}"
    return f"{seconds} s"


def moment(at: datetime) -> str:
    """A time in UTC, to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _head(report: StatusReport, rate: Rate | None) -> str:
    told = moment(report.at)
    if rate is not None:
        told += f"   {rate.assets:,.1f} assets/s, {decimal(int(rate.bytes))}/s"
    return told


def _datasets(report: StatusReport) -> Table:
    table = _table("dataset", "run", "items", "asked for", "refused", "copied today", "fresh", numbers_from=2)
    for name, each in report.datasets.items():
        counts, today = each.counts, each.copied_today
        numbers = [f"{counts.available:,}", f"{counts.sent:,}", f"{counts.refused:,}"] if counts else ["", "", ""]
        fresh = lasting(report.at - each.fresh_at) if each.fresh_at else "?"
        copied = f"{today.assets:,}, {decimal(today.bytes)}"
        table.add_row(Text(name), _run(each, at=report.at), *numbers, copied, fresh)
    return table


def _run(status: DatasetStatus, *, at: datetime) -> Text:
    run = status.run
    if run is None:
        return Text("none yet", style="dim")
    since = run.ended_at or run.began_at
    ago = f"{lasting(at - since)}{' ago' if run.ended_at else ''}"
    return Text(f"{run.state.value} {ago}", style=_COLOURS[run.state])


def _details(report: StatusReport, name: str) -> Iterator[str]:
    each, at = report.datasets[name], report.at
    run, hold = each.run, each.hold
    if run is not None and run.window.interval is not None:
        yield f"{name}: its run is of {run.window.interval}, by {run.by.value}"
    if waits := report.withholding.waiting.get(name):
        yield f"{name}: withheld for {lasting(at - waits.since)}: {waits.because}"
    if hold is not None and hold.deferred_until is not None and hold.is_deferred(at):
        yield f"{name}: its host is given {lasting(hold.deferred_until - at)} more: {hold.deferred_because}"
    if each.counts is not None and each.counts.already:
        yield f"{name}: {each.counts.already:,} assets of its run were there already"
    if each.watermark is not None:
        yield f"{name}: read whole up to {moment(each.watermark.at)}, by {each.watermark.by.value}"
    if each.plan is not None:
        yield f"{name}: its newest plan is {each.plan.state.value}: sluice plan {name}"


def _queues(report: StatusReport) -> Table:
    limit = report.withholding.limit
    waits = "never" if limit is None else f"at {limit:,} in copy"
    of = f"discovery waits {waits} ({report.withholding.saturation} x {report.withholding.capacity:,})"
    table = _table("queue", "outstanding", "poison", "why, of the first 32", numbers_from=1)
    # Reasons take as many lines as they need: kept in one, they would push the other columns out of the table.
    table.columns[-1].justify, table.columns[-1].no_wrap = "left", False
    table.caption, table.caption_justify = of, "left"
    for name, each in report.queues.items():
        reasons = report.reasons.get(name) if report.reasons else None
        why = ", ".join(f"{error} x{count}" for error, count in reasons.errors.items()) if reasons else ""
        poison = Text(f"{each.poison:,}", style="red" if each.poison else "")
        table.add_row(name, f"{each.outstanding:,}", poison, Text(why))
    return table


def _table(*names: str, numbers_from: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for number, name in enumerate(names):
        is_number = number >= numbers_from
        table.add_column(name, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    return table
