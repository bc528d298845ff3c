"""All commands together."""

import pytest
import typer
from typer.testing import CliRunner

from sluice.commands import sluice

_WIDTH = 80


def _names(group: typer.Typer, *before: str) -> list[tuple[str, ...]]:
    """Every command, by the words that it is called by."""
    own = [(*before, str(each.name)) for each in group.registered_commands]
    for each in group.registered_groups:
        assert each.typer_instance is not None
        own += _names(each.typer_instance, *before, *([each.name] if isinstance(each.name, str) else []))
    return own


@pytest.mark.parametrize("words", _names(sluice), ids=" ".join)
def test_help(words: tuple[str, ...]) -> None:
    """Every command's help fits 80 columns, and has an example of it."""
    shown = CliRunner().invoke(sluice, [*words, "--help"], env={"COLUMNS": str(_WIDTH)})

    assert shown.exit_code == 0
    assert f"sluice {' '.join(words)}" in " ".join(shown.stdout.partition("Example:")[2].split())
    assert max(map(len, shown.stdout.splitlines())) <= _WIDTH
