"""``sluice ledger``: where a file is and came from, all rows in a file, and rows made again of the blobs."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shared.ledgers import Answer, Finding, Rebuilt, Shown
from shared.model.rows import LedgerRow
from sluice.command import Operator, command
from sluice.output import Exit, Steps
from sluice.row_files import FORMAT, STDOUT, write_rows

_PARTS = 32
_MEANS = {
    Finding.THERE: "their rows name them",
    Finding.MISSING: "no row names them",
    Finding.DIFFERS: "their asset's row names another version or another blob: it stays",
    Finding.OVERTAKEN: "somebody has written their row meanwhile: it stays",
    Finding.UNFIT: "ours, but no row can be made of them",
    Finding.OTHERS: "another dataset's",
    Finding.PUBLISHED: "items and collections that were published",
    Finding.STRANGE: "without our metadata",
}
_Dataset = Annotated[str | None, typer.Argument(help="Its name in datasets.toml; all of them by default.")]


def register(group: typer.Typer) -> None:
    """Add the commands of this module."""
    ledger = typer.Typer(help="What was copied: where it is, in a file, and made again of the blobs.")
    command(ledger, "show", example="sluice ledger show https://data.example.org/a.tif")(show)
    command(ledger, "export", example="sluice ledger export zurich --output zurich.parquet")(export)
    command(ledger, "rebuild", example="sluice ledger rebuild zurich --yes")(rebuild)
    group.add_typer(ledger, name="ledger", no_args_is_help=True)


async def show(
    on: Operator,
    what: Annotated[str, typer.Argument(help="An address, an item, a blob's name, container/blob or a blob's URL.")],
    key: Annotated[str | None, typer.Argument(help="Of an item: one of its assets.")] = None,
    *,
    dataset: Annotated[str | None, typer.Option(help="Look in this one alone.")] = None,
) -> Exit:
    """Show where a file is, where it came from, when, with which digest, verified by what, and which run asked.

    Its last failure is shown where that is newer. An address may be signed: its signature is dropped before anything is
    asked. An address of an asset that belongs to an item is found only by reading every row, with a bar.

    Exit code 1: nothing is known of it, its blob isn't what its row says, or it failed since.
    """
    with on.output.progress("rows", total=None) as steps:
        answer = await on.app.ledgers.showing.show(what, key, dataset=dataset, scanned=_Scan(steps).advance)
    on.output.show(answer, view=Group(*_shown(answer)))
    if not on.output.is_json:
        for note in answer.notes:
            on.output.note(note)
    return Exit.GOOD if answer.found and all(each.is_well for each in answer.found) else Exit.PROBLEMS


async def export(
    on: Operator,
    dataset: _Dataset = None,
    *,
    output: Annotated[str, typer.Option(help="A file; - is stdout.")] = STDOUT,
    form: FORMAT = None,
) -> None:
    """Write every row of the ledger, or of one dataset, as JSON (a line each) or as a table in Parquet.

    Rows come as they are stored: by dataset (those of datasets.toml), partition and row key. A file takes its name once
    it is whole. What is copied meanwhile may be in it or not.
    """
    with on.output.progress("rows") as steps:
        rows = on.app.ledgers.export(dataset)
        number = await write_rows(rows, output, model=LedgerRow, form=form, saved=steps.advance)
    if output != STDOUT:
        on.output.show({"rows": number, "file": output}, view=Text(f"{number} rows are in {output}"))


async def rebuild(
    on: Operator,
    dataset: Annotated[str, typer.Argument(help="Its name in datasets.toml.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Write the rows; otherwise they are only counted.")] = False,
    prefix: Annotated[str, typer.Option(help="Only blobs whose names begin so.")] = "",
) -> Exit:
    """Make the ledger's rows again of the blobs, whose metadata says what their rows said.

    Only what is missing is written: a row that stands is never touched. A row made so says that it was written when its
    blob was, and is of the description that the blob was written for: where a later run found the blob to be good for
    a newer one, the next full run finds that again. Bytes aren't read: sluice verify does that.

    Exit code 1: rows are missing (and weren't written), or blobs are there that no row can be made of, or whose rows
    say something else.
    """
    with on.output.progress("blobs") as steps:
        rebuilt = await on.app.ledgers.rebuilding.rebuild(
            dataset, prefix=prefix, is_dry_run=not yes, seen=steps.advance
        )
    on.output.show(rebuilt, view=_rebuilt(rebuilt))
    return Exit.PROBLEMS if rebuilt.has_problems else Exit.GOOD


class _Scan:
    """A bar over the parts of one dataset after the other."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._dataset = ""
        self._parts = 0

    def advance(self, dataset: str, parts: int) -> None:
        """So many parts of a dataset were read."""
        if dataset != self._dataset:
            self._dataset, self._parts = dataset, 0
            self._steps.bar.reset(self._steps.task, description=f"parts of {dataset}", total=_PARTS)
        self._steps.advance(parts - self._parts)
        self._parts = parts


def _shown(answer: Answer) -> Iterator[RenderableType]:
    for each in answer.found:
        table = Table.grid("", "", padding=(0, 2))
        for name, value in _facts(each):
            table.add_row(name, Text(value, overflow="fold"))
        yield table
        yield ""


def _facts(shown: Shown) -> Iterator[tuple[str, str]]:
    yield "dataset", shown.dataset
    yield "item", shown.item
    if shown.key != shown.item:
        yield "asset", shown.key
    if (row := shown.row) is None:
        yield "copied", "no: it isn't in the ledger"
    else:
        yield "from", row.href
        yield "blob", f"{shown.url} ({shown.standing})"
        yield "bytes", str(row.length)
        yield "digests", "\n".join(row.digests)
        yield "verified by", row.verified_by
        yield "source's version", row.validator or "none that could be kept"
        yield "copied", f"{row.completed_at.isoformat(timespec='seconds')} for {row.cause}"
    if (failure := shown.failure) is not None:
        yield "failed", f"{failure.last_at.isoformat(timespec='seconds')} for {failure.cause}"
        yield "attempts", f"{failure.attempts} have failed, over all runs"
        yield "because", f"{failure.error}: {failure.message}"


def _rebuilt(rebuilt: Rebuilt) -> RenderableType:
    table = Table.grid("", "", "", padding=(0, 2))
    for finding, number in rebuilt.blobs.items():
        if number:
            table.add_row(finding.value, str(number), _MEANS[finding])
    missing = rebuilt.blobs[Finding.MISSING]
    done = f"{rebuilt.written} rows were written"
    if rebuilt.is_dry_run:
        done = f"nothing was written; --yes writes {missing} rows" if missing else "no row is missing"
    examples = [Text(f"{each.finding}: {each.blob}: {each.because}") for each in rebuilt.examples]
    return Group(f"blobs in {rebuilt.container}:", table, *examples, Text(done))
