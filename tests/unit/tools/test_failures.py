from pathlib import Path

import pytest

from shared.model.advice import ADVICE
from shared.model.errors import HTTP_STATUS, advice_of
from tools.failures import main, page


def test_up_to_date() -> None:
    """The page in the project is the one that its errors have."""
    assert main(["--check"]) == 0


def test_check_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page that is missing or old fails the check, which says what to run; writing it makes the check pass."""
    file = tmp_path / "failures.md"
    assert main(["--check"], file=file) == 1
    assert not file.exists()
    assert "python -m tools.failures" in capsys.readouterr().err

    file.write_text("# Failures\n")
    assert main(["--check"], file=file) == 1

    assert main([], file=file) == 0
    assert main(["--check"], file=file) == 0


def test_every_class() -> None:
    """Every class stands on the page once, with its advice and the status that a caller is answered."""
    lines = page().splitlines()

    rows = {name: [each for each in lines if each.startswith(f"| `{name}` |")] for name in ADVICE}
    statuses = {error.__name__: f" | {status} | " for error, status in HTTP_STATUS.items()}
    assert {name: len(found) for name, found in rows.items()} == dict.fromkeys(rows, 1)
    assert [name for name, (row,) in rows.items() if not row.endswith(f"| {advice_of(name)} |")] == []
    assert [name for name, each in statuses.items() if each not in rows[name][0]] == []
