"""``sluice report``: what a run came to, asset by asset, and in one word."""

from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shared.ledgers import Line, Summary
from sluice.command import Operator, command
from sluice.output import Exit
from sluice.row_files import FORMAT, STDOUT, write_rows


def register(group: typer.Typer) -> None:
    """Add the command of this module."""
    command(group, "report", example="sluice report 20240601T120000Z-1a2b3c4d --output receipt.parquet")(report)


async def report(
    on: Operator,
    run: Annotated[str, typer.Argument(help="Its id, as sluice status and sluice discover show it.")],
    *,
    dataset: Annotated[str | None, typer.Option(help="Whose run it is; found by itself otherwise.")] = None,
    output: Annotated[str | None, typer.Option(help="Every asset, into a file; - is stdout.")] = None,
    form: FORMAT = None,
) -> Exit:
    """Tell what became of every asset of a run, and of the run in one word.

    An asset is copied, skipped (whole as described before the run began), superseded (whole by a later run or event),
    refused, failed, outstanding, or not_asked. The run is Completed, CompletedWithSkipped (also where it reached its
    dataset's caps), CompletedWithErrors (something failed or was refused, its counts don't add up, or pages of it are
    gone), Failed, Cancelled, or InProgress as long as it goes on or something is outstanding. Completed never
    has a failure inside.

    A run's pages are kept for a month. Of a dataset the newest run's state is known; an older one's is told from its
    pages and counts.

    Exit code 1: it is neither Completed nor CompletedWithSkipped.
    """
    receipt = await on.app.reporting.receipt(run, dataset=dataset)
    with on.output.progress("assets") as steps:
        if output is None:
            async for _ in receipt.lines():
                steps.advance()
        else:
            await write_rows(receipt.lines(), output, model=Line, form=form, saved=steps.advance)
    summary = await receipt.summary()
    if output == STDOUT:
        on.output.note(f"{summary.status}{f': {summary.reason}' if summary.reason else ''}")
    else:
        on.output.show(summary, view=_view(summary, output=output))
    return Exit.GOOD if summary.status.is_good else Exit.PROBLEMS


def _view(summary: Summary, *, output: str | None) -> RenderableType:
    table = Table.grid("", "", padding=(0, 2))
    for outcome, number in summary.assets.items():
        if number:
            table.add_row(outcome.value, str(number))
    table.add_row("bytes", str(summary.bytes))
    table.add_row("pages", str(summary.pages))
    told = [summary.reason, *summary.notes, f"every asset stands in {output}" if output else None]
    head = f"run {summary.run} of {summary.dataset}: {summary.status}"
    return Group(Text(head), table, *(Text(each) for each in told if each))
