"""The small models, whole: whatever happens in them, in whichever order, no rule is broken."""

import subprocess
import sys

import pytest

from tests.simulation.exhaustive.models import MODELS

_SECONDS = 400


@pytest.mark.timeout(_SECONDS + 20)
def test_no_rule_is_broken_whatever_happens() -> None:
    """Every order of calls with every crash, where that takes seconds; beside the tests, so that nothing traces it."""
    command = [sys.executable, "-m", "tests.simulation.exhaustive", "--quick", "--processes", "1"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("no rule broken") == sum(each.is_quick for each in MODELS)


def test_the_shortest_model_has_all_its_ways() -> None:
    """Whoever works one page after the other and dies once can do so after each of his calls."""
    explored = MODELS[0].explore()

    assert (explored.is_whole, explored.broken) == (True, [])
    assert explored.ways > explored.longest / 2
