"""``python -m benchmarks.withholding``: what withholding buys and costs, in 50 minutes; ``--quick`` in about five.

A whole run writes ``benchmarks/withholding.json`` and renders ``docs/withholding.md`` and its picture from it; any
other run writes ``benchmarks/withholding-trial.json``.
"""

import argparse
import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import surroundings
from benchmarks.console import say
from benchmarks.measured import RunFailedError
from benchmarks.withholding import page
from benchmarks.withholding.arm import run_arm
from benchmarks.withholding.figures import Figures, figures
from benchmarks.withholding.plan import Plan, Stream
from demo.processes import StartError, leave_on_sigterm

_PLACE = Path(__file__).resolve().parent.parent
_DOCS = _PLACE.parent / "docs"
#: The last one is what others are compared with.
_SIGMAS = (1, 1.1, 1.5, 3, float("inf"))
#: Enough to see that all of it works, and how large the difference is.
_QUICK_SIGMAS = (1.5, float("inf"))
_QUICK_SCALE = 0.1
_TINY_ITEMS = 1000
_TINY_SIGMA = 1.5
_TINY_RECHECK_SECONDS = 60.0
#: Large pages, or discovery itself would be slower than such copies are, and nothing would have to be withheld.
_TINY_PAGE_ITEMS = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; return 0 if everything could be measured, whether bars were met or not."""
    options = _parser().parse_args(arguments)
    leave_on_sigterm()
    if options.render:
        return _render()
    try:
        return _experiment(options)
    except (StartError, RunFailedError) as error:
        say(f"experiment: FAILED: {error}")
        return 1
    except KeyboardInterrupt:
        say("experiment: interrupted")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.withholding", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two arms, a tenth of the work")
    parser.add_argument("--scale", type=float, help="so many times the work")
    parser.add_argument("--render", action="store_true", help="render the page from withholding.json, and run nothing")
    return parser


def _experiment(options: argparse.Namespace) -> int:
    scale: float = options.scale or (_QUICK_SCALE if options.quick else 1)
    plan = Plan() if scale == 1 else Plan().scaled(scale)
    at, before = datetime.now(UTC), os.getloadavg()[0]
    commit = surroundings.commit()
    is_whole = scale == 1 and not options.quick
    arms = [_arm(plan, sigma) for sigma in (_QUICK_SIGMAS if options.quick else _SIGMAS)]
    results = page.document(
        arms,
        tiny=None if options.quick else _tiny(scale),
        plan=plan,
        commit=commit,
        environment=surroundings.environment("not used"),
        load=(round(before, 2), round(os.getloadavg()[0], 2)),
        scale=scale,
        at=at.isoformat(timespec="minutes"),
    )
    target = _PLACE / ("withholding.json" if is_whole else "withholding-trial.json")
    target.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if is_whole:
        _render()
    missed = sum(not each["met"] for each in results["rows"])
    minutes = (datetime.now(UTC) - at).total_seconds() / 60
    say(f"experiment: {missed} of {len(results['rows'])} bars missed, {minutes:.1f} minutes; written to {target}")
    return 0


def _arm(plan: Plan, sigma: float) -> Figures:
    with tempfile.TemporaryDirectory(prefix="sluice-withholding-") as directory:
        found = figures(plan, run_arm(plan, sigma=sigma, directory=Path(directory)))
    say(
        f"sigma {sigma:g}: {found.makespan:.1f} s, at most {found.peak_outstanding} outstanding, "
        f"{found.idle:.1%} idle, items open {found.open_p95:.1f} s, live assets {found.live_p95:.2f} s, "
        f"{found.left} left"
    )
    return found


def _tiny(scale: float) -> Mapping[str, float]:
    """Where withholding loses: assets that take no time, and a long wait for each look."""
    plan = dataclasses.replace(
        Plan(),
        items=max(100, round(_TINY_ITEMS * scale)),
        stream=Stream(seed=Plan().stream.seed, seconds=0),
        page_items=_TINY_PAGE_ITEMS,
        recheck_seconds=_TINY_RECHECK_SECONDS,
        outage_seconds=0,
        idle_seconds=Plan().live_seconds * 3,
        paused_after_seconds=0,
    )
    withheld, control = _arm(plan, _TINY_SIGMA), _arm(plan, float("inf"))
    return {
        "items": plan.items,
        "sigma": _TINY_SIGMA,
        "recheck_seconds": plan.recheck_seconds,
        "seconds": round(withheld.makespan, 1),
        "control_seconds": round(control.makespan, 1),
        "idle": round(withheld.idle, 4),
        "control_idle": round(control.idle, 4),
    }


def _render() -> int:
    results = json.loads((_PLACE / "withholding.json").read_text(encoding="utf-8"))
    (_DOCS / "withholding.md").write_text(page.page(results), encoding="utf-8")
    (_DOCS / "withholding.svg").write_text(page.drawn(results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
