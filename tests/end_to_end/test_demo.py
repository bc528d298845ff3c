import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(180)


def run_demo(root: Path, directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "demo", "--small", "--directory", str(directory), *options]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=170, check=False)


def test_demo(root: Path, tmp_path: Path) -> None:
    """A small dataset is copied whole though a worker is killed on the way, and the judge agrees."""
    ended = run_demo(root, tmp_path / "demo")

    lines = ended.stdout.splitlines()
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert lines[-1].startswith("demo: all 12 checks hold: 22 assets")
    assert sum(line.startswith("✓ ") for line in lines) == 12


@pytest.mark.parametrize(
    ("kind", "objection"),
    [
        ("blob", "✗ the SHA-256 of every blob"),
        ("row", "✗ the ledger has exactly the 22 rows"),
        ("message", "✗ 2 planned misfits stand in copy-poison"),
    ],
)
def test_sabotage(root: Path, tmp_path: Path, kind: str, objection: str) -> None:
    """Damage behind Sluice's back makes the demo fail, by the check that it concerns."""
    ended = run_demo(root, tmp_path / "demo", "--sabotage", kind)

    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert any(line.startswith(objection) for line in ended.stdout.splitlines())
    assert ended.stdout.splitlines()[-1].startswith("demo: FAILED, ")


def test_foreign_directory(root: Path, tmp_path: Path) -> None:
    """A directory with other files in it is left alone."""
    (tmp_path / "thesis.txt").write_text("years of work")

    ended = run_demo(root, tmp_path)

    assert ended.returncode == 1
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.txt"]
