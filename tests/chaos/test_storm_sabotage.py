"""Storms over an app that breaks a rule: the judge tells of each. Minutes each: run by ``make chaos-sabotage``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.plants import PlantError
from tests.chaos.storm.sabotage import Damage, Sabotage

_SEEDS = 3


@pytest.mark.sabotage
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("sabotage", list(Sabotage))
def test_a_broken_rule_is_told_of(root: Path, tmp_path: Path, sabotage: Sabotage) -> None:
    """Within three short storms the measure that is for it isn't zero."""
    told: list[str] = []
    for seed in range(_SEEDS):
        figures = tmp_path / f"{seed}.json"
        command = [sys.executable, "-m", "tests.chaos.storm", "--minutes", "0.8", "--seed", str(seed)]
        options = ["--kills-a-minute", "30", "--sabotage", sabotage, "--json", str(figures)]

        ended = subprocess.run([*command, *options], cwd=root, capture_output=True, text=True, timeout=390, check=False)

        told.append(ended.stdout + ended.stderr)
        if ended.returncode == 1 and figures.exists() and json.loads(figures.read_text())[sabotage.measure]:
            return
    pytest.fail("\n".join(told))


@pytest.mark.parametrize("sabotage", list(Sabotage))
def test_a_sabotage_that_finds_no_place_is_none(root: Path, tmp_path: Path, sabotage: Sabotage) -> None:
    """Where the code has changed it fails; where it hasn't, what it makes is Python still."""
    for module in (root / "shared").rglob("*.py"):
        copy = tmp_path / "good" / module.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(module.read_text(encoding="utf-8"), encoding="utf-8")
        other = tmp_path / "other" / module.relative_to(root)
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_text("# other code\n", encoding="utf-8")

    Damage(sabotage)(tmp_path / "good")

    changed = [
        each for each in (tmp_path / "good").rglob("*.py") if each.read_text() != _original(root, tmp_path, each)
    ]
    assert changed
    for each in changed:
        compile(each.read_text(encoding="utf-8"), str(each), "exec")
    with pytest.raises(PlantError, match="has no single"):
        Damage(sabotage)(tmp_path / "other")


def _original(root: Path, directory: Path, copy: Path) -> str:
    return (root / copy.relative_to(directory / "good")).read_text(encoding="utf-8")
