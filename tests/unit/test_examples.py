from pathlib import Path

import pytest

from shared.model.datasets import load_datasets

_ROOT = Path(__file__).resolve().parent.parent.parent
_FILES = sorted((_ROOT / "examples").glob("*/datasets.toml"))


@pytest.mark.parametrize("file", _FILES, ids=[each.parent.name for each in _FILES])
def test_examples(file: Path) -> None:
    """Each example is read as it stands, and shows the kind of catalog that its folder is called."""
    kinds = {each.catalog.kind for each in load_datasets(file).datasets.values()}

    assert kinds == {file.parent.name.replace("-", "_")}


def test_there_are_examples() -> None:
    """A pattern that finds nothing would test nothing."""
    assert "listing" in {each.parent.name for each in _FILES}
