"""``sluice verify``: blobs read again, and compared with what the ledger says of them."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from shared.census import Found, Mark, Verification
from sluice.command import Operator, command
from sluice.findings import Findings, written
from sluice.output import Exit, Steps
from sluice.session import UsageError

_SAMPLE = 100
_MEANS = {
    Mark.SAME: "have the bytes that the ledger tells of",
    Mark.MISSING: "are missing",
    Mark.DIFFERENT: "are others than the ledger tells of",
    Mark.UNKNOWN: "can't be told",
}


def register(group: typer.Typer) -> None:
    """Add the command of this module."""
    command(group, "verify", example="sluice verify zurich --sample 1000")(verify)


async def verify(
    on: Operator,
    dataset: Annotated[str | None, typer.Argument(help="Its name in datasets.toml; all by default.")] = None,
    *,
    sample: Annotated[
        int | None, typer.Option(min=1, help=f"So many blobs of each dataset, at random ({_SAMPLE} by default).")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every blob.")] = False,
    seed: Annotated[int | None, typer.Option(help="Choose the same blobs as the time before.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="All lines, as of `sluice census`; with reasons in a .ndjson; - is stdout."),
    ] = None,
) -> Exit:
    """Read blobs again, and compare length, digests and ETag with the ledger. Writes nothing.

    Symbols are those of `sluice census`: `=` as the ledger says, `+` missing, `*` other bytes (or written anew since),
    `!` can't be read. Each blob is read whole: in Azure, reading costs transactions, and traffic where it leaves the
    region. `sluice census --fix` asks again for what is missing or was overwritten; a blob of other bytes that still
    has the ledger's ETag has to be deleted first.

    Exit code 1: something isn't `=`.
    """
    if everything and (sample is not None or seed is not None):
        raise UsageError("--all leaves nothing to choose: it goes without --sample and --seed")
    names = [dataset] if dataset else list(on.app.verifying.datasets.datasets)
    chosen = None if everything else sample or _SAMPLE
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    with on.output.progress("reading blobs") as steps, written(output, is_json=on.output.is_json) as lines:
        findings = Findings(on.output, lines)
        shown = _Shown(findings, steps)

        async def verified(name: str) -> Verification:
            # Each by the same chance, whichever others there are.
            chance = random.Random(seed)  # noqa: S311 - to be chosen again, not to be secret
            return await on.app.verifying.verify(
                name, tell=shown.tell, sample=chosen, chance=chance, progress=shown.expect
            )

        all_verified = [await verified(each) for each in names]
    summary = _summary(names, all_verified, seed=None if everything else seed)
    findings.show(summary, means=_MEANS, notes=_notes(summary))
    return Exit.GOOD if summary["clean"] else Exit.PROBLEMS


class _Shown:
    """A bar that goes on with each dataset."""

    def __init__(self, findings: Findings, steps: Steps) -> None:
        self._findings = findings
        self._steps = steps
        self._total = 0

    def expect(self, more: int) -> None:
        """So many more will be read."""
        self._total += more
        self._steps.advance(0, total=self._total)

    def tell(self, found: Found) -> None:
        """One was read."""
        self._findings.tell(found)
        self._steps.advance()


def _summary(names: Sequence[str], verified: Sequence[Verification], *, seed: int | None) -> dict[str, JsonValue]:
    marks: Counter[Mark] = Counter()
    for each in verified:
        marks.update(each.marks)
    return {
        "datasets": list(names),
        "clean": all(each.is_clean for each in verified),
        "marks": {each.value: marks[each] for each in Mark},
        "bytes": sum(each.bytes for each in verified),
        "seed": seed,
    }


def _notes(summary: Mapping[str, JsonValue]) -> Iterator[str]:
    yield f"{summary['bytes']:,} bytes read"
    if summary["seed"] is not None:
        yield f"--seed {summary['seed']} chooses the same blobs again"
