"""Names by the thousand."""

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from shared.model.names import blob_name
from tests.fuzz.names import Census, main, survey


def test_names_hold() -> None:
    """No two assets have one name, no name is beyond Azure's limits, and each can be read again."""
    census = survey(20_000, seed=0)

    assert (dict(census.wrong), census.examples) == ({}, [])
    assert census.distinct >= 8_000
    assert 0 < census.refused < 5_000


def _unsafe(template: str, values: Mapping[str, str]) -> str:
    """Slashes in a value are slashes in the name."""
    return template.format(**{name: quote(value, safe="/") for name, value in values.items()})


def _folding(template: str, values: Mapping[str, str | None]) -> str:
    """Letters in one case."""
    return blob_name(template, values).lower()


def _endless(template: str, values: Mapping[str, str | None]) -> str:
    return blob_name(template, values) + "/" + "a" * 1024


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (_unsafe, "two assets have one name"),
        (_folding, "two assets have one name"),
        (_folding, "a name that can't be read again"),
        (_endless, "a name beyond the limits"),
    ],
)
def test_careless_encoders_are_found(make: Callable[[str, Mapping[str, str]], str], what: str) -> None:
    """Each property finds an encoder that hasn't got it."""
    census = survey(2_000, seed=0, census=Census(make=make, check=lambda name: name))

    assert census.wrong[what] > 0


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says how many names were made, and ends well where all hold."""
    file = tmp_path / "names.json"

    assert main(["--count", "500", "--json", str(file)]) == 0
    assert '"violations": 0' in capsys.readouterr().out
    assert '"violations": 0' in file.read_text()
