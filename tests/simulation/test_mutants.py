"""Bugs that are planted are found: those few here that are found first; ``make mutants`` plants all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.mutants import QUICK
from tests.simulation.plants import PLANTS

_SECONDS = 300


@pytest.mark.timeout(_SECONDS + 20)
def test_what_is_planted_is_found(tmp_path: Path) -> None:
    """Within few schedules, each in a process of its own."""
    path = tmp_path / "found.json"
    command = [sys.executable, "-m", "tests.simulation.mutants", "--quick", "--schedules", "100", "--sample", "0"]

    done = subprocess.run(
        [*command, "--json", str(path)], capture_output=True, text=True, timeout=_SECONDS, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(path.read_text(encoding="utf-8"))
    assert (found["planted"], found["by schedules"]) == (len(QUICK), len(QUICK))


def test_what_is_tried_first_is_planted() -> None:
    """Each of those few is one of all."""
    assert {*QUICK} < {each.name for each in PLANTS}
