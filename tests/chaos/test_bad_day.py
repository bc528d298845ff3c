"""The bad day in short: what goes wrong is put right by documented commands, and the judge sees when it isn't."""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(240)

_CHECKS = 11


def test_bad_day(root: Path, tmp_path: Path) -> None:
    """Deployments, junk, a source in trouble and eight days without a look cost nothing but an operator's commands.

    A blob that goes after the verdict is found to be missing: by the two checks that it concerns.
    """
    command = [sys.executable, "-m", "demo.bad_day", "--small", "--sabotage", "blob", "--directory"]

    ended = subprocess.run(
        [*command, str(tmp_path / "day")], cwd=root, capture_output=True, text=True, timeout=230, check=False
    )

    lines = ended.stdout.splitlines()
    before = list(itertools.takewhile(lambda line: not line.startswith("sabotage: "), lines))
    after = lines[len(before) :]
    verdict = [line for line in before if line.startswith(("✓ ", "✗ "))]
    assert [line[0] for line in verdict] == ["✓"] * _CHECKS, ended.stdout + ended.stderr
    assert any(line.startswith("  an operator needed ") for line in before)
    assert [line.partition(":")[0] for line in after if line.startswith("✗ ")] == [
        "✗ nothing is lost",
        "✗ the ledger has exactly the 60 rows of these assets, each true of its blob",
    ]
    assert after[-1].startswith(f"bad day: FAILED, 2 of {_CHECKS} checks do not hold")
    assert ended.returncode == 1
