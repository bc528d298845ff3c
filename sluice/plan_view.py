"""What a plan has found, as it is drawn within 80 columns."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from shared.model.plans import PlanReport


def view(report: PlanReport) -> RenderableType:
    """Counts, what would be refused or cut, and the bill."""
    window = report.window.interval or "everything"
    head = Text(f"plan {report.plan} of {report.dataset}, of {window}: {report.state.value}")
    return Group(
        head,
        *(Text(f"  {each}", style="dim") for each in ([report.reason] if report.reason else [])),
        Text(),
        _assets(report),
        *(Text(f"! {each}", style="red") for each in _refused(report)),
        Text(),
        _bill(report),
        *(Text(f"  {each}", style="dim") for each in report.notes),
    )


def _assets(report: PlanReport) -> Table:
    table = _table("of " + f"{report.counts.available:,} items", "assets")
    rows = (
        ("new", report.new),
        ("changed", report.changed),
        ("asked for again", report.again),
        ("refused", report.refused_assets),
        ("there as described", report.counts.already),
    )
    for name, count in rows:
        table.add_row(name, f"{count:,}")
    table.add_row("bytes to copy", decimal(report.counts.sent_bytes))
    table.add_row("of unknown size", f"{report.unknown_size:,}")
    replaced = report.replacements
    table.add_row(f"blobs replaced at most ({replaced.on_existing.value})", f"{replaced.replaced_at_most:,}")
    return table


def _refused(report: PlanReport) -> Iterator[str]:
    yield from (f"{each.host or 'no host'}, {each.assets:,} assets: {each.because}" for each in report.refused_hosts)
    yield from (f"{each.item} {each.key}: {each.error}: {each.message}" for each in report.refusals)
    if report.cap is not None and report.cap.would_cut:
        yield "a run would reach the dataset's caps; the next one goes on there"


def _bill(report: PlanReport) -> Table:
    bill = report.bill
    table = _table("bill", "dollars")
    for each in bill.once:
        table.add_row(each.what, f"{each.dollars:,.2f}")
    table.add_row(Text("once", style="bold"), f"{bill.dollars_once:,.2f}")
    table.add_row(Text("a month", style="bold"), f"{bill.dollars_a_month:,.2f}")
    for line in bill.egress:
        table.add_row(f"egress of {line.cloud}, paid by {line.paid_by}", f"{line.dollars:,.2f}")
    return table


def _table(name: str, number: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(name, overflow="fold")
    table.add_column(number, justify="right", no_wrap=True)
    return table
