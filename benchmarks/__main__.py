"""``python -m benchmarks``: Sluice side by side with rclone, in half an hour; ``--quick`` in less than three.

A whole run writes ``benchmarks/results.json`` and renders ``benchmarks/README.md`` from it; any other run, and one that
only shows how it is done, writes ``benchmarks/trial.json``.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import report, servers, surroundings
from benchmarks.console import say
from benchmarks.experiments import Experiment, experiments
from benchmarks.laboratory import Finding, Laboratory, NoSpaceError
from benchmarks.workloads import Pattern
from demo.processes import StartError, leave_on_sigterm

_PLACE = Path(__file__).resolve().parent
_ROUNDS = 3
_QUICK_SCALE = 0.1
_RUN_SECONDS = 300.0
_NO_RCLONE = "bench: rclone isn't installed, and Sluice is compared with it: install Debian's package rclone"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; return 0 if everything could be measured, whether goals were met or not."""
    options = _parser().parse_args(arguments)
    leave_on_sigterm()
    if options.render:
        return _render()
    rclone = surroundings.rclone_version()
    if rclone is None:
        say(_NO_RCLONE)
        return 1
    try:
        return _bench(options, rclone=rclone)
    except (StartError, NoSpaceError) as error:
        say(f"bench: FAILED: {error}")
        return 1
    except KeyboardInterrupt:
        say("bench: interrupted")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [each.name for each in experiments(1)]
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, one round, no plain loop")
    parser.add_argument("--scale", type=float, help="workloads of so many times their size")
    parser.add_argument("--rounds", type=int, help=f"rounds of each experiment; default: {_ROUNDS}")
    parser.add_argument("--only", nargs="+", choices=names, help="some experiments")
    parser.add_argument("--render", action="store_true", help="render README.md from results.json, and run nothing")
    return parser


def _bench(options: argparse.Namespace, *, rclone: str) -> int:
    scale: float = options.scale or (_QUICK_SCALE if options.quick else 1)
    rounds: int = options.rounds or (1 if options.quick else _ROUNDS)
    chosen = [each for each in experiments(scale) if not options.only or each.name in options.only]
    if options.quick:
        chosen = [each.short for each in chosen]
    is_whole = scale == 1 and rounds >= _ROUNDS and not options.only
    commit, at = surroundings.commit(), datetime.now(UTC)
    findings = _find(chosen, rounds=rounds)
    results = report.document(
        findings,
        commit=commit,
        environment=surroundings.environment(rclone),
        rounds=rounds,
        scale=scale,
        at=at.isoformat(timespec="minutes"),
    )
    target = _PLACE / ("results.json" if is_whole else "trial.json")
    target.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if is_whole:
        _render()
    failed = [reason for each in findings for arm in each.arms for reason in arm.failed]
    missed = sum(not row.met for each in findings for row in each.rows)
    say(report.rows(results))
    minutes = (datetime.now(UTC) - at).total_seconds() / 60
    say(f"bench: {missed} goals missed, {len(failed)} runs failed, {minutes:.1f} minutes; written to {target}")
    return 1 if failed else 0


def _find(chosen: Sequence[Experiment], *, rounds: int) -> list[Finding]:
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as name, servers.source(Path(name)) as source:
        laboratory = Laboratory(
            directory=Path(name),
            source=source,
            pattern=Pattern(),
            rounds=rounds,
            seconds=_RUN_SECONDS,
            say=say,
        )
        for number, experiment in enumerate(chosen, start=1):
            say(f"{number}/{len(chosen)} {experiment.name}: {experiment.title}, to the {experiment.place.value}")
            found = laboratory.find(experiment)
            findings.append(found)
            say(f"  took {found.took_seconds:.0f} s, load {found.load[0]} to {found.load[1]}")
    return findings


def _render() -> int:
    results = json.loads((_PLACE / "results.json").read_text(encoding="utf-8"))
    (_PLACE / "README.md").write_text(report.page(results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
