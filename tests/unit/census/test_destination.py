"""Where a dataset's blobs are."""

from datetime import UTC, datetime

import pytest

from shared.census.destination import Destination
from shared.census.facts import Standing
from tests.unit.model.builders import dataset

_STANDING = Standing(etag='"1"', length=1, modified=datetime(2024, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("template", "prefix"),
    [
        ("{dataset}/{item}/{key}", "s2/"),
        ("data/{dataset}-v1/{path}", "data/s2-v1/"),
        ("{collection}/{id}/{key}", ""),
        ("a/{year}/{dataset}/{path}", "a/"),
    ],
)
def test_the_prefix_of_a_template(template: str, prefix: str) -> None:
    """What doesn't differ between a dataset's names."""
    destination = Destination("s2", dataset(destination={"container": "assets", "name": template}))

    assert (destination.container, destination.prefix) == ("assets", prefix)


def test_the_prefix_of_names_elsewhere() -> None:
    """What catalog or ledger name besides is taken in: as little of the container as has all of it."""
    destination = Destination("s2", dataset())

    destination.take_in("s2/a")
    assert destination.prefix == "s2/"
    destination.take_in("sentinel/a")
    assert destination.prefix == "s"
    destination.take_in("a")
    assert destination.prefix == ""


@pytest.mark.parametrize(
    ("blob", "update", "is_beside"),
    [
        ("s2/a", {"owner": ("s2", "row")}, False),
        ("x/a", {"owner": ("s2", "row")}, False),
        ("s2/a", {"owner": ("landsat", "row")}, True),
        ("s2/a", {"owner": ("s2", "row"), "is_published": True}, True),
        ("s2/a", {}, False),
        ("x/a", {}, True),
    ],
)
def test_what_is_beside(blob: str, update: dict[str, object], *, is_beside: bool) -> None:
    """Blobs of other datasets, published items, and nobody's where others may put theirs."""
    destination = Destination("s2", dataset())

    assert destination.is_beside(blob, _STANDING.model_copy(update=update)) is is_beside
