"""A storm in short: whatever dies, breaks or lies, nothing is lost, doubled, mixed or lied about."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(400)

_KILLS = 20


def test_storm(root: Path, tmp_path: Path) -> None:
    """Twenty deaths, among faults of every kind at storage and lies of the source: all measures are zero."""
    figures = tmp_path / "storm.json"
    command = [sys.executable, "-m", "tests.chaos.storm", "--minutes", "4", "--kills", str(_KILLS)]

    ended = subprocess.run(
        [*command, "--kills-a-minute", "60", "--json", str(figures)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=390,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = json.loads(figures.read_text(encoding="utf-8"))
    assert found["kills"] + found["sigterms"] >= _KILLS
    assert sum(map(bool, found["kills_at_points"].values())) >= 5
    assert min(found["faults"], found["deliveries"], found["duplicates_delivered"], found["copied"], found["looks"]) > 0
    assert sum(found["lies"].values()) > 0
