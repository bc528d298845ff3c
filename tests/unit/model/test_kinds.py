from collections.abc import Generator
from typing import Literal

import pytest
from pydantic import ValidationError

from shared.catalogs.kinds import KINDS
from shared.model.datasets import Dataset, Datasets
from shared.model.documents import item_name
from shared.model.kinds import Kind, define
from tests.unit.model.builders import dataset

_TAPES = {"kind": "tapes", "url": "https://tapes.example.org/"}


class Tapes(Kind, frozen=True):
    """A kind that says no more than it must."""

    kind: Literal["tapes"]
    url: str
    shelf: int = 1


@pytest.fixture(autouse=True)
def kinds() -> Generator[None]:
    """One kind more than there are."""
    define((*KINDS, Tapes))
    yield
    define(KINDS)


def test_a_new_kind() -> None:
    """A kind that is defined is read as any other, and has names of blobs and items that fit whatever it lists."""
    defined = dataset(catalog=_TAPES, publish={})

    assert defined.catalog == Tapes(kind="tapes", url="https://tapes.example.org/", shelf=1)
    assert (defined.template, defined.item_template) == ("{dataset}/{host}/{path}", "{dataset}/items/{item}.json")
    assert item_name("a/b", dataset_name="x", dataset=defined) == "x/items/a%2Fb.json"
    assert (defined.catalog.has_times, defined.catalog.most_results) == (False, 0)


def test_a_new_kind_is_told_of() -> None:
    """Errors and the schema name it with the others, in the order of their definition."""
    with pytest.raises(ValidationError) as raised:
        dataset(catalog={"kind": "tape", "url": "https://tapes.example.org/"})
    options = Datasets.model_json_schema()["$defs"]["Catalog"]["oneOf"]

    tags: str = raised.value.errors()[0].get("ctx", {})["expected_tags"]
    assert (tags.split(", ", maxsplit=1)[0], tags.rsplit(", ", maxsplit=1)[-1]) == ("'stac'", "'tapes'")
    assert options[-1] == {"$ref": "#/$defs/Tapes"}


def test_where_it_is_wrong() -> None:
    """An error says in which kind's table it stands, and in which field."""
    with pytest.raises(ValidationError) as raised:
        dataset(catalog={**_TAPES, "shelf": "top"})

    assert [each["loc"] for each in raised.value.errors()] == [("catalog", "tapes", "shelf")]


def test_nothing_new_can_be_asked_for() -> None:
    """A kind that doesn't say that it can be asked for what is new can't be."""
    with pytest.raises(ValidationError, match="incremental: tapes can't be asked for what is new; leave it out"):
        dataset(catalog=_TAPES, schedule="0 * * * *", incremental={})


def test_written_and_read() -> None:
    """A dataset that is written as JSON is read as the same."""
    defined = dataset(catalog={**_TAPES, "shelf": 3})

    assert Dataset.model_validate_json(defined.model_dump_json(exclude_defaults=True)) == defined


def test_none_is_defined() -> None:
    """Who reads datasets without a word on the kinds is told what to call, and no table is said to be wrong."""
    define(())

    with pytest.raises(RuntimeError, match=r"call define\(KINDS\), with those of shared\.catalogs\.kinds"):
        dataset()
