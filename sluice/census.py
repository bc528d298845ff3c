"""``sluice census``: is everything there? Catalog, ledger and destination compared, and the wrong asked for again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from shared.census import Mark, Stage, Tally
from shared.model.datasets import OnExisting
from sluice.command import Operator, command
from sluice.findings import Findings, written
from sluice.output import Exit, Steps

_MEANS = {
    Mark.SAME: "catalog, ledger and blob agree",
    Mark.EXTRA: "at the destination or in the ledger only",
    Mark.MISSING: "missing at the destination or in the ledger",
    Mark.DIFFERENT: "differ",
    Mark.UNKNOWN: "can't be told",
}
_KEEPING = frozenset({OnExisting.ERROR, OnExisting.IMMUTABLE})
_Dataset = Annotated[str, typer.Argument(help="Its name in datasets.toml.")]
_Output = Annotated[
    Path | None,
    typer.Option(help="All lines, as `rclone check --combined` writes them; with reasons in a .ndjson; - is stdout."),
]


def register(group: typer.Typer) -> None:
    """Add the command of this module."""
    command(group, "census", example="sluice census zurich --output census.txt", asks_hosts=True)(census)


async def census(
    on: Operator,
    dataset: _Dataset,
    *,
    fix: Annotated[bool, typer.Option("--fix", help="Ask again for what is missing or differs.")] = False,
    output: _Output = None,
) -> Exit:
    """Compare what the catalog lists with the ledger and with the blobs, asset by asset.

    Symbols are those of `rclone check`: `=` all agree, `+` missing at the destination or in the ledger, `*` they
    differ, `-` not in the catalog, `!` can't be told (refused, a broken page, another's blob). What is queued and not
    copied yet is a `+`, and what an event brought that the catalog doesn't list is a `-`. Nothing is deleted, ever.

    With `--fix` the app copies what was asked for; take another census then. A dataset whose on_existing is error or
    immutable keeps blobs that differ: what is asked for ends up in the poison queue. The comparison is sorted in
    files below TMPDIR: some 3 KB an asset.

    Exit code 1: something isn't `=`, also where it was asked for again.
    """
    with on.output.progress(Stage.CATALOG) as steps, written(output, is_json=on.output.is_json) as lines:
        findings = Findings(on.output, lines)
        tally = await on.app.census.take(dataset, tell=findings.tell, fix=fix, progress=_Shown(steps).advance)
    findings.show(_summary(tally), means=_MEANS, notes=_notes(tally))
    if fix and on.app.census.datasets.named(dataset).policy.on_existing in _KEEPING:
        on.output.note("note: on_existing keeps blobs that differ; those asked for again go to the poison queue")
    return Exit.GOOD if tally.is_clean else Exit.PROBLEMS


class _Shown:
    """A bar that begins anew with each stage."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._stage = Stage.CATALOG

    def advance(self, stage: Stage, more: int) -> None:
        """So many more of what a stage does."""
        if stage is not self._stage:
            self._stage = stage
            self._steps.bar.reset(self._steps.task, description=stage.value)
        self._steps.advance(more)


def _summary(tally: Tally) -> dict[str, JsonValue]:
    return {
        "dataset": tally.dataset,
        "census": tally.census,
        "began_at": tally.began_at.isoformat(),
        "ended_at": tally.ended_at.isoformat(),
        "clean": tally.is_clean,
        "marks": {mark.value: count for mark, count in tally.marks.items()},
        "beside": tally.beside,
        "since": tally.since,
        "asked": tally.asked,
        "broken": tally.broken,
    }


def _notes(tally: Tally) -> Iterator[str]:
    if tally.broken is not None:
        yield f"the catalog couldn't be read to its end: {tally.broken}"
    if tally.beside:
        yield f"{tally.beside:,} blobs beside: published items, other datasets', nobody's elsewhere"
    if tally.since:
        yield f"{tally.since:,} came while the census was taken"
    if tally.asked is not None:
        yield f"{tally.asked:,} asked for again, by {tally.census}; take another census once they are copied"
