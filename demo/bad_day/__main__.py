"""``python -m demo.bad_day``: everything goes wrong, documented commands put it right, and a judge looks."""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from demo.bad_day.day import Morning, Night, Say, live_through, put_right
from demo.bad_day.judge import Found, judge, reasons
from demo.bad_day.operator import Operator
from demo.bad_day.plan import FULL, SMALL, planned
from demo.bad_day.poison import read_all
from demo.bad_day.sabotage import Sabotage, lose_blob
from demo.bad_day.site import DayError
from demo.bad_day.stage import Stage, staged
from demo.directory import DirectoryInUseError, clear
from demo.evidence import Evidence, gather
from demo.judge import Check, all_hold
from demo.processes import StartError, leave_on_sigterm
from demo.status import NoRunError
from demo.view import View, megabytes

_PROJECT = Path(__file__).resolve().parent.parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Live through the day; return 0 only if everything held."""
    options = _parser().parse_args(arguments)
    view = View(Console())
    leave_on_sigterm()
    try:
        return _run(options, view=view)
    except (StartError, NoRunError, DirectoryInUseError, DayError) as error:
        view.say(f"bad day: FAILED: {error}")
        return 1
    except KeyboardInterrupt:
        view.say("bad day: interrupted")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.bad_day", description=__doc__)
    parser.add_argument("--directory", type=Path, default=_PROJECT / ".demo", help="where everything is kept")
    parser.add_argument("--small", action="store_true", help="60 assets instead of 500, and shorter troubles")
    parser.add_argument("--sabotage", type=Sabotage, choices=list(Sabotage), help="damage something on the way")
    return parser


def _run(options: argparse.Namespace, *, view: View) -> int:
    directory: Path = options.directory.resolve()
    clear(directory)
    plan = planned(SMALL if options.small else FULL)
    view.say(f"the day's directory is {directory}")
    began = time.monotonic()
    with staged(directory, plan, small=options.small) as stage:
        view.say(f"{len(plan.files)} assets, {megabytes(stage.expected.bytes)}")
        night = live_through(stage, say=view.say, sabotage=options.sabotage)
        operator = Operator(stage.app, say=view.say)
        looked = time.monotonic()
        morning = put_right(stage, operator, say=view.say)
        minutes = (time.monotonic() - looked) / 60
        found = _found(stage, night=night, morning=morning)
        checks = _judged(found, say=view.say)
        for each in _figures(found, operator=operator, minutes=minutes):
            view.say(each)
        if options.sabotage is Sabotage.BLOB:
            view.say(lose_blob(stage.storage.connection_string, expected=stage.expected))
            checks = _judged(_found(stage, night=night, morning=morning), say=view.say)
    failed = sum(not each.holds for each in checks)
    verdict = f"FAILED, {failed} of {len(checks)} checks do not hold" if failed else f"all {len(checks)} checks hold"
    view.say(f"bad day: {verdict}, in {time.monotonic() - began:.0f} s")
    shutil.rmtree(directory / "source")
    return 0 if all_hold(checks) else 1


def _judged(found: Found, *, say: Say) -> tuple[Check, ...]:
    checks = judge(found)
    for each in checks:
        say(each.line)
    return checks


def _found(stage: Stage, *, night: Night, morning: Morning) -> Found:
    return Found(
        plan=stage.plan,
        expected=stage.expected,
        night=night,
        morning=morning,
        dropped=tuple(_dropped(stage)),
        poison=read_all(stage.storage.connection_string),
        evidence=_evidence(stage),
    )


def _evidence(stage: Stage) -> Evidence:
    return gather(
        stage.storage.connection_string,
        container=stage.expected.container,
        access_log=stage.storage.log,
        events=stage.site.events(),
        rows_at_kill={},
    )


def _dropped(stage: Stage) -> Iterator[str]:
    """The texts in the files that ``poison drop`` wrote, which it does into the folder that it is called in."""
    for path in sorted(stage.app.glob("*.ndjson")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield str(json.loads(line)["text"])


def _figures(found: Found, *, operator: Operator, minutes: float) -> Iterator[str]:
    night = found.night
    yield "figures:"
    count, seconds = len(operator.typed), operator.seconds
    yield f"  an operator needed {minutes:.1f} minutes: {count} commands, {seconds:.0f} s of waiting for them"
    for each in operator.typed:
        yield f"    {each.seconds:5.1f} s  {each.line}"
    kills = ", ".join(f"{each.copies_in_flight} copy requests in flight" for each in night.kills)
    yield f"  kills: {len(night.kills)} ({kills}); repeated deliveries: {found.evidence.repeated_deliveries}"
    for name, (messages, assets) in sorted(reasons(night.after).items()):
        yield f"  poison: {name}: {messages} messages, {assets} assets"


if __name__ == "__main__":
    sys.exit(main())
