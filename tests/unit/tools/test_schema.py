import json
from pathlib import Path

import pytest

from tools.schema import main, schema


def test_up_to_date() -> None:
    """The schema in the project is the one that its datasets have."""
    assert main(["--check"]) == 0


def test_check_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is missing or old fails the check, which says what to run; writing it makes the check pass."""
    file = tmp_path / "datasets.schema.json"
    assert main(["--check"], file=file) == 1
    assert not file.exists()
    assert "python -m tools.schema" in capsys.readouterr().err

    file.write_text("{}")
    assert main(["--check"], file=file) == 1

    assert main([], file=file) == 0
    assert main(["--check"], file=file) == 0


def test_describes() -> None:
    """The schema names its dialect, and tells an editor what each field is for."""
    written = json.loads(schema())
    policy = written["$defs"]["Policy"]["properties"]

    assert written["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert policy["integrity"]["description"].startswith("require, check or log; ")
    assert policy["bundle_assets"]["maximum"] == 100
