"""``python -m tests.chaos.storm --minutes 10 --seed 1``: kill, break, lie, and judge; exit 1 on any violation."""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.surroundings import commit
from demo.processes import leave_on_sigterm
from tests.chaos.storm.blowing import blow
from tests.chaos.storm.calming import calm_down, evidence_of
from tests.chaos.storm.checker import judge
from tests.chaos.storm.report import figures, lines
from tests.chaos.storm.sabotage import Damage, Sabotage
from tests.chaos.storm.soak import soak, tell
from tests.chaos.storm.stage import Storm, staged


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a storm and print what it came to; leaves the hosts' logs where something is wrong."""
    options = _parser().parse_args(arguments)
    leave_on_sigterm()
    at, directory = commit(), Path(tempfile.mkdtemp(prefix="sluice-storm-"))
    return _soak(options, directory, at=at) if options.soak else _storm(options, directory, at=at)


def _soak(options: argparse.Namespace, directory: Path, *, at: str) -> int:
    soaked = soak(directory, assets=options.assets)
    tell(soaked)
    _write(options, {"commit": at, **soaked.figures})
    if soaked.is_flat:
        shutil.rmtree(directory)
    return 0 if soaked.is_flat else 1


def _storm(options: argparse.Namespace, directory: Path, *, at: str) -> int:
    storm = Storm(
        seed=options.seed,
        minutes=options.minutes,
        kills_a_minute=options.kills_a_minute,
        most_kills=options.kills,
        slots=options.hosts,
        damage=Damage(options.sabotage) if options.sabotage else lambda _: None,
    )
    with staged(directory, storm) as stage:
        blow(stage)
        calm_down(stage)
        evidence = evidence_of(stage)
        verdict = judge(evidence)
        found = figures(stage, evidence, verdict)
        for line in lines(stage, verdict, found):
            sys.stdout.write(f"{line}\n")
    _write(options, {"commit": at, **found})
    if verdict.is_good:
        shutil.rmtree(directory)
    sys.stdout.write(f"storm of seed {storm.seed}: {'good' if verdict.is_good else f'NOT GOOD, see {directory}'}\n")
    return 0 if verdict.is_good else 1


def _write(options: argparse.Namespace, figures: Mapping[str, object]) -> None:
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.storm", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills-a-minute", type=float, default=30)
    parser.add_argument("--kills", type=int, help="end once so many have died")
    parser.add_argument("--hosts", type=int, default=3)
    parser.add_argument("--sabotage", type=Sabotage, choices=list(Sabotage), help="break a rule in the app")
    parser.add_argument("--soak", action="store_true", help="no storm: copy assets in peace, and look at the worker")
    parser.add_argument("--assets", type=int, default=5000, help="of a soak")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
