from pathlib import Path
from typing import get_args

import pytest

from shared.catalogs.kinds import KINDS
from shared.model.datasets import load_datasets

_ROOT = Path(__file__).resolve().parent.parent.parent
_FILES = sorted((_ROOT / "examples").glob("*/datasets.toml"))
#: Examples of something else than a kind of catalog.
_OTHERS = {"events"}


@pytest.mark.parametrize(
    "file", [each for each in _FILES if each.parent.name not in _OTHERS], ids=lambda each: each.parent.name
)
def test_examples(file: Path) -> None:
    """Each example is read as it stands, and shows the kind of catalog that its folder is called."""
    kinds = {each.catalog.kind for each in load_datasets(file).datasets.values()}

    assert kinds == {file.parent.name.replace("-", "_")}


def test_each_kind_has_an_example() -> None:
    """No kind of catalog is without one."""
    kinds = {name for each in KINDS for name in get_args(each.model_fields["kind"].annotation)}

    assert kinds - {each.parent.name for each in _FILES} == set()
