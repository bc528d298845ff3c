"""``python -m demo``: a dataset goes from a STAC API into blobs, a worker is killed on the way, and a judge looks."""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from demo.dataset import FILES
from demo.directory import DirectoryInUseError, clear
from demo.evidence import COPY_POISON, Evidence, gather
from demo.expected import Expected
from demo.journey import Journey, travel
from demo.judge import Check, all_hold, judge
from demo.kill import WrongProcessError
from demo.processes import StartError, leave_on_sigterm
from demo.sabotage import Sabotage, damage
from demo.scenes import Scale
from demo.servers import Stage, stage
from demo.status import NoRunError, status_url
from demo.view import View, megabytes

_PROJECT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return 0 only if everything held."""
    options = _parser().parse_args(arguments)
    view = View(Console())
    leave_on_sigterm()
    try:
        return _run(options, view=view)
    except (StartError, NoRunError, DirectoryInUseError, WrongProcessError) as error:
        view.say(f"demo: FAILED: {error}")
        return 1
    except KeyboardInterrupt:
        view.say("demo: interrupted")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--directory", type=Path, default=_PROJECT / ".demo", help="where everything is kept")
    parser.add_argument("--small", action="store_true", help="about twenty assets instead of more than three hundred")
    parser.add_argument("--keep", action="store_true", help="leave everything running after the verdict")
    parser.add_argument("--sabotage", type=Sabotage, choices=list(Sabotage), help="damage something before the verdict")
    return parser


def _run(options: argparse.Namespace, *, view: View) -> int:
    directory: Path = options.directory.resolve()
    clear(directory)
    view.say(f"the demo's directory is {directory}")
    with stage(directory, scale=Scale.SMALL if options.small else Scale.FULL, say=view.say) as running:
        journey = travel(running, view=view)
        if options.sabotage:
            storage = running.storage.connection_string
            view.say(damage(options.sabotage, connection_string=storage, expected=running.expected))
        evidence = _evidence(running, journey=journey)
        checks = (*journey.checks, *judge(running.expected, evidence))
        for check in checks:
            view.say(check.line)
        if options.keep:
            view.say(_next_steps(running))
        view.say(_summary(running.expected, evidence=evidence, seconds=journey.seconds, checks=checks))
        if options.keep:
            _wait_for_interrupt()
    shutil.rmtree(directory / FILES)
    return 0 if all_hold(checks) else 1


def _evidence(running: Stage, *, journey: Journey) -> Evidence:
    return gather(
        running.storage.connection_string,
        container=running.expected.container,
        access_log=running.storage.log,
        events=running.host.events(),
        rows_at_kill=journey.kill.rows if journey.kill else {},
    )


def _summary(expected: Expected, *, evidence: Evidence, seconds: float, checks: Sequence[Check]) -> str:
    failed = sum(not each.holds for each in checks)
    verdict = f"FAILED, {failed} of {len(checks)} checks do not hold" if failed else f"all {len(checks)} checks hold"
    figures = (
        f"{len(expected.assets)} assets",
        f"{megabytes(expected.bytes)} in {seconds:.1f} s ({megabytes(expected.bytes / seconds)}/s)",
        f"{evidence.repeated_deliveries} repeated deliveries",
        f"poison {len(evidence.poison)}",
    )
    return f"demo: {verdict}: {', '.join(figures)}"


def _next_steps(running: Stage) -> str:
    return f"""
Everything is still running. In another terminal:
  az storage message peek --queue-name {COPY_POISON} --num-messages 32 \\
    --connection-string '{running.storage.connection_string}'
  curl {status_url(running.host.url)}
Logs are in {running.directory}. Ctrl-C here (or kill {os.getpid()}) ends everything.
"""


def _wait_for_interrupt() -> None:
    try:
        while True:
            time.sleep(3600)
    except (KeyboardInterrupt, SystemExit):
        return


if __name__ == "__main__":
    sys.exit(main())
