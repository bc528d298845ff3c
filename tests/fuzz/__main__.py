"""Fuzzes what reads what others wrote.

::

python -m tests.fuzz --cases 20000 [--target stac --target copy] [--seed 1] [--processes 2] [--json FILE]
python -m tests.fuzz --target stac --seed 1 --case 17
python -m tests.fuzz --target stac --hex 7b7d
python -m tests.fuzz --planted --cases 20
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.surroundings import commit
from tests.fuzz.isolating import run_apart
from tests.fuzz.judging import MOST_BYTES, MOST_SECONDS
from tests.fuzz.planted import PLANTED, planted_targets
from tests.fuzz.running import Finding, run_case, run_target
from tests.fuzz.table import lines_of
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS, all_targets


def main(arguments: Sequence[str]) -> int:
    """Fuzz; 0: nothing came out otherwise than it may, 1: something did."""
    chosen = _parser().parse_args(arguments)
    known = PLANTED if chosen.planted else TARGETS
    targets = [each for each in known if not chosen.target or each.name in chosen.target]
    at, began = commit(), time.monotonic()
    findings = _findings(targets, chosen)
    for line in lines_of(findings):
        print(line)
    if chosen.json is not None:
        figures = report(findings, seed=chosen.seed, seconds=time.monotonic() - began)
        document = {"commit": at, **figures}
        chosen.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 1 if any(each.violated for each in findings) else 0


def report(findings: Sequence[Finding], *, seed: int, seconds: float) -> dict[str, Any]:
    """All figures, and the cases that violate."""
    return {
        "cases": sum(each.cases for each in findings),
        "violations": sum(each.violated for each in findings),
        "slowest_ms": round(max((each.slowest_seconds for each in findings), default=0) * 1000, 1),
        "peak_mib": round(max((each.peak_bytes for each in findings), default=0) / 1024**2, 2),
        "limits": {"ms": MOST_SECONDS * 1000, "mib": MOST_BYTES / 1024**2},
        "seed": seed,
        "seconds": round(seconds),
        "targets": [each.told() for each in findings],
    }


def _findings(targets: Sequence[Target], chosen: argparse.Namespace) -> list[Finding]:
    if chosen.hex is not None:
        return [run_case(each, bytes.fromhex(chosen.hex)) for each in targets]
    if chosen.case is not None:
        return [run_target(each, numbers=[chosen.case], seed=chosen.seed) for each in targets]

    def told(finding: Finding) -> None:
        print(f"{finding.target}: {finding.cases} cases, {finding.violated} wrong", file=sys.stderr)

    return run_apart(
        [each.name for each in targets],
        load=planted_targets if chosen.planted else all_targets,
        cases=chosen.cases,
        seed=chosen.seed,
        processes=chosen.processes,
        told=told,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").partition("::")[0])
    parser.add_argument("--cases", type=int, default=1000, help="of each target")
    parser.add_argument(
        "--target", action="append", choices=[each.name for each in (*TARGETS, *PLANTED)], help="only this one"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1, help="targets at once")
    parser.add_argument("--json", type=Path, help="write all figures into this file")
    parser.add_argument("--case", type=int, help="only the case of this number")
    parser.add_argument("--hex", help="a case in hex")
    parser.add_argument("--planted", action="store_true", help="targets that are wrong on purpose: each is to be found")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
