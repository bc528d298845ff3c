"""Runs schedules, or replays one.

::

    python -m tests.simulation run --schedules 20000 [--seed 0] [--processes 2] [--report report.json]
    python -m tests.simulation replay SEED [--trace] [--shrink] [--only "rate of crash#0,fault copy:blobs.commit#2"]
"""

import argparse
import logging
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from benchmarks.surroundings import commit
from tests.simulation.choices import Decision
from tests.simulation.running import Report, run_all
from tests.simulation.shrinking import shrink
from tests.simulation.world import Schedule, run_seed


def main(arguments: Sequence[str]) -> int:
    """Run or replay; 0: no rule was broken."""
    chosen = _parser().parse_args(arguments)
    if chosen.command == "run":
        at = commit()
        report = _run(first=chosen.seed, schedules=chosen.schedules, processes=chosen.processes)
        if chosen.report is not None:
            chosen.report.write_text(report.encode(first=chosen.seed, commit=at), encoding="utf-8")
        return 1 if report.failures else 0
    only = None if chosen.only is None else [Decision.parse(each) for each in chosen.only.split(",")]
    return _replay(chosen.seed, only=only, shows_trace=chosen.trace, shrinks=chosen.shrink)


def replay_command(seed: int, only: Collection[Decision] | None = None) -> str:
    """What shows a schedule again."""
    rest = "" if only is None else f' --only "{",".join(map(str, only))}"'
    return f"python -m tests.simulation replay {seed} --trace{rest}"


def _run(*, first: int, schedules: int, processes: int) -> Report:
    def told(report: Report) -> None:
        _show(f"{report.figures['schedules']} of {schedules} schedules, {len(report.failures)} failures")

    report = run_all(first=first, schedules=schedules, processes=processes, told=told)
    _show("")
    _say(" · ".join(f"{name} {figure:,}" for name, figure in report.figures.items()))
    for seed, what in sorted(report.failures.items()):
        _say(f"seed={seed} {what}\n  {replay_command(seed)}\n  python -m tests.simulation replay {seed} --shrink")
    return report


def _replay(seed: int, *, only: Collection[Decision] | None, shows_trace: bool, shrinks: bool) -> int:
    logging.disable(logging.CRITICAL)
    schedule = run_seed(seed, only=only)
    if shrinks and schedule.outcome.violations:
        only = shrink(schedule, told=_tell_smaller).made
        _show("")
    schedule = run_seed(seed, only=only, keeps_trace=shows_trace)
    for each in schedule.outcome.lines:
        _say(each)
    _say(f"decided: {', '.join(map(str, schedule.made))}")
    for each in schedule.outcome.violations:
        _say(f"seed={seed} {each}\n  {replay_command(seed, only)}")
    _say(f"digest {schedule.outcome.digest}, {len(schedule.outcome.violations)} violations")
    return 1 if schedule.outcome.violations else 0


def _tell_smaller(schedule: Schedule) -> None:
    _show(f"{len(schedule.made)} decisions are left")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _show(progress: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{progress:<60}\r")
        sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Simulate the pipeline.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the schedules of many seeds")
    run.add_argument("--schedules", type=int, required=True)
    run.add_argument("--seed", type=int, default=0, help="the first")
    run.add_argument("--processes", type=int, default=1)
    run.add_argument("--report", type=Path, help="where to write what they came to, as JSON")
    replay = commands.add_parser("replay", help="run the schedule of one seed again")
    replay.add_argument("seed", type=int)
    replay.add_argument("--trace", action="store_true", help="show every call")
    replay.add_argument("--shrink", action="store_true", help="leave out what it doesn't need to fail")
    replay.add_argument("--only", help="decisions, divided by commas; all others are tame")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
