"""``python -m tests.simulation.exhaustive``: goes all ways through the small models, and says how many they are."""

import argparse
import concurrent.futures
import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.surroundings import commit
from tests.simulation.exhaustive.exploring import Explored
from tests.simulation.exhaustive.models import MODELS


def main(arguments: Sequence[str]) -> int:
    """Go through the models; 0: no rule was broken."""
    chosen = _parser().parse_args(arguments)
    numbers = [number for number, each in enumerate(MODELS) if each.is_quick or not chosen.quick]
    at, models = commit(), list[Mapping[str, Any]]()
    with concurrent.futures.ProcessPoolExecutor(chosen.processes) as pool:
        for number, found in zip(numbers, pool.map(_explored, numbers), strict=True):
            sys.stdout.write(f"{MODELS[number]}\n  {_told(found)}\n")
            sys.stdout.flush()
            models.append({"name": str(MODELS[number]), **dataclasses.asdict(found)})
    if chosen.json is not None:
        document = {"commit": at, "models": models}
        chosen.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0 if all(each["is_whole"] for each in models) else 1


def _explored(number: int) -> Explored:
    return MODELS[number].explore()


def _told(found: Explored) -> str:
    if found.broken:
        return "\n  ".join([*found.broken, "after:", *found.path])
    return (
        f"{found.ways:,} ways of {found.longest} calls at most, through {found.states:,} states by {found.steps:,} "
        f"steps to {found.ends} ends: no rule broken, in {found.seconds:.1f} s"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.exhaustive", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only those that take a few seconds")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures into this file")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
