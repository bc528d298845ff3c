"""``python -m tests.simulation.mutants``: plants each bug, and runs schedules until one of them breaks a rule.

What no schedule finds, the small models are asked for. A bug that isn't found at all is a hole in what is simulated, or
in what is checked.
"""

import argparse
import concurrent.futures
import dataclasses
import importlib
import json
import logging
import multiprocessing
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.surroundings import commit
from tests.simulation.plants import PLANTS, Plant, grow

#: Schedules within which each bug has to be found.
MOST = 5000
#: Of a small model with a bug, which may have many more steps than without.
_MOST_STEPS = 40_000
#: Those that are found first: what is tried with all tests.
QUICK = (
    "the row before the blob",
    "a failure is swallowed",
    "poison says no reason",
    "the next page before this one's requests",
    "nothing is withheld",
    "whether an item is whole is asked before the own rows are written",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Catch:
    """How a bug was found, if it was."""

    plant: str
    says: str
    #: Schedules until the first that broke a rule, that one included; None: none of them did.
    after: int | None
    #: The small model that breaks a rule, where no schedule did.
    model: str | None
    #: Which rule, and how.
    broke: str
    #: How many of the first so many schedules broke one.
    seeds: int
    of: int

    @property
    def is_found(self) -> bool:
        """Whether anything has found it."""
        return self.after is not None or self.model is not None

    def __str__(self) -> str:
        if not self.is_found:
            return f"NOT FOUND: {self.plant}"
        where = f"after {self.after}" if self.after else f"in {self.model}"
        share = f", by {self.seeds} of {self.of} seeds" if self.of else ""
        return f"{where}{share}: {self.plant}\n    {self.broke}"


def main(arguments: Sequence[str]) -> int:
    """Plant all; 0: each was found."""
    chosen = _parser().parse_args(arguments)
    plants = [each for each in PLANTS if _is_wanted(each, only=chosen.only, is_quick=chosen.quick)]
    at, catches = commit(), list[Catch]()
    for each in _catches(plants, most=chosen.schedules, of=chosen.sample, processes=chosen.processes):
        catches.append(each)
        sys.stdout.write(f"{each}\n")
        sys.stdout.flush()
    figures = _figures(catches)
    sys.stdout.write(f"{' · '.join(f'{name} {figure:,}' for name, figure in figures.items())}\n")
    if chosen.json:
        rows = [dataclasses.asdict(each) for each in catches]
        chosen.json.write_text(json.dumps({"commit": at, **figures, "plants": rows}, indent=2) + "\n")
    return 0 if all(each.is_found for each in catches) else 1


def catch(planted: Plant, *, most: int, of: int) -> Catch:
    """Plant a bug into this process for good, and run schedules until it is found, and ``of`` of them at least."""
    grow(planted)
    logging.disable(logging.CRITICAL)
    # Now, and not before: with the bug.
    world: Any = importlib.import_module("tests.simulation.world")
    after, broke, seeds = None, "", 0
    for number in range(1, most + 1):
        violations = world.run_seed(number - 1).outcome.violations
        if violations and after is None:
            after, broke = number, str(violations[0])
        seeds += bool(violations) and number <= of
        if after is not None and number >= of:
            break
    model, shown = (None, broke) if after else _in_models()
    return Catch(plant=planted.name, says=planted.says, after=after, model=model, broke=shown, seeds=seeds, of=of)


def _in_models() -> tuple[str | None, str]:
    models: Any = importlib.import_module("tests.simulation.exhaustive.models")
    for each in models.MODELS:
        if broken := each.explore(most_steps=_MOST_STEPS).broken:
            return str(each), str(broken[0])
    return None, ""


def _catches(plants: Sequence[Plant], *, most: int, of: int, processes: int) -> Iterator[Catch]:
    """Each in a process of its own: what was planted once stays there."""
    context = multiprocessing.get_context("forkserver")
    # What everything stands on is imported once for all; the pipeline itself each imports anew.
    context.set_forkserver_preload(["tests.simulation.world"])
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=context, max_tasks_per_child=1) as pool:
        for each in [pool.submit(catch, planted, most=most, of=of) for planted in plants]:
            yield each.result()


def _figures(catches: Sequence[Catch]) -> dict[str, float]:
    after = [each.after for each in catches if each.after]
    return {
        "planted": len(catches),
        "found": sum(each.is_found for each in catches),
        "by schedules": len(after),
        "median of schedules": statistics.median(after or [0]),
        "most schedules": max(after, default=0),
    }


def _is_wanted(planted: Plant, *, only: Sequence[str] | None, is_quick: bool) -> bool:
    if is_quick:
        return planted.name in QUICK
    return not only or any(each in planted.name for each in only)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("--schedules", type=int, default=MOST, help="for each bug, at most")
    parser.add_argument("--sample", type=int, default=200, help="schedules to run in any case, to see how many find it")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="plants with one of these in their names")
    parser.add_argument("--quick", action="store_true", help="those few that are found first")
    parser.add_argument("--json", type=Path, help="where to write what was found")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
