"""The pipeline under a swarm of faults: thousands of schedules, each another one, and none of them breaks a rule."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.choices import Decision
from tests.simulation.running import run_all, run_range
from tests.simulation.world import run_seed

#: As many as a core runs in three minutes, where nothing else runs.
_SCHEDULES = 20_000
#: Calls that come up so often have been a process's last in every way.
_OFTEN = 1000
_SECONDS = 900

pytestmark = pytest.mark.timeout(_SECONDS + 20)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What schedules came to that ran beside the tests: nothing traces their lines."""
    return _ran(_SCHEDULES, tmp_path_factory.mktemp("simulation"))


def _ran(schedules: int, folder: Path, **environment: str) -> dict[str, Any]:
    path = folder / "report.json"
    command = [sys.executable, "-m", "tests.simulation", "run", "--schedules", str(schedules), "--report", str(path)]
    # 1: a rule was broken, which the report says.
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    assert done.returncode in {0, 1}, done.stderr
    return json.loads(path.read_text(encoding="utf-8"))


def test_no_rule_is_broken(report: dict[str, Any]) -> None:
    """Nothing lost, nothing half-written, no lie in the ledger; and all of it done once it was calm."""
    failures = [
        f"{what}; python -m tests.simulation replay {seed} --shrink" for seed, what in report["failures"].items()
    ]

    assert failures == []
    assert report["figures"]["schedules"] == _SCHEDULES


def test_it_was_rough(report: dict[str, Any]) -> None:
    """Processes died, messages came twice, and the host put some aside: else nothing would be shown."""
    figures = report["figures"]

    assert figures["crashes"] > _SCHEDULES
    assert figures["other faults"] > 4 * _SCHEDULES
    assert figures["redeliveries"] > figures["deliveries"] / 10
    assert figures["poisoned by the host"] > 0
    for each in ("workers killed", "instances killed", "drains", "not acknowledged", "events accepted"):
        assert report["others"][each] > 0, each


def test_processes_died_at_every_call(report: dict[str, Any]) -> None:
    """Before it and after it, in each function that makes it."""
    points = report["crash_points"]
    often = {name: each for name, each in points.items() if each[0] >= _OFTEN}

    assert {name: each for name, each in often.items() if not all(each)} == {}
    functions = {name.partition(":")[0] for name in often}
    assert functions >= {"start", "discover", "copy", "publish", "event", "preserve"}


def test_a_seed_is_a_schedule(tmp_path: Path) -> None:
    """A hundred seeds give the same schedules in processes whose sets have other orders, and so does one seed twice."""
    one, other = (_ran(100, tmp_path, PYTHONHASHSEED=each) for each in "12")

    assert one["digest"] == other["digest"]
    assert run_range(range(5)).digest == run_range(range(5)).digest


def test_schedules_differ() -> None:
    """Another seed is another schedule."""
    assert len({run_seed(seed).outcome.digest for seed in range(20)}) == 20


def test_several_processes_come_to_the_same() -> None:
    """Who runs the schedules changes nothing of what they come to."""
    one, two = (run_all(first=0, schedules=150, processes=each) for each in (1, 2))

    assert (one.digest, one.tally, one.recoveries) == (two.digest, two.tally, two.recoveries)


def test_a_schedule_is_replayed_by_its_decisions() -> None:
    """With all that was decided, and nothing else, the same happens."""
    whole = run_seed(12, keeps_trace=True)

    again = run_seed(12, only=whole.made, keeps_trace=True)
    tame = run_seed(12, only=[Decision(what="nothing", number=0)])

    assert again.outcome.lines == whole.outcome.lines
    assert (tame.made, tame.outcome.violations) == ((), ())
