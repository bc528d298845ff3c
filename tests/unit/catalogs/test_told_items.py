"""Items that a catalog is told of, by an event for one, and that it may have or not."""

from datetime import UTC, datetime

import pytest

from shared.model.items import CatalogAsset, CatalogItem
from tests.unit.model.builders import dataset

_AT = datetime(2024, 6, 1, tzinfo=UTC)
_LISTING = {"kind": "listing", "url": "s3://scenes/2024/", "patterns": ["*.tif"]}


def _asset(href: str) -> CatalogAsset:
    return CatalogAsset(key=href, href=href, size=3, updated=_AT)


def _item(href: str, *, grouped: str = "asset") -> CatalogItem | None:
    """What a listing makes of a file."""
    source = {"kind": "s3", "region": "us-west-2"}
    allow = {"hosts": ["*.s3.us-west-2.amazonaws.com"]}
    catalog = dataset(catalog={**_LISTING, "item": grouped}, source=source, allow=allow).catalog
    return catalog.item_of(_asset(href))


def test_a_file_is_an_item() -> None:
    """Of a catalog that groups nothing: under its own address, with its own time."""
    href = "https://data.example.org/a.tif"

    found = dataset().catalog.item_of(_asset(href))

    assert found == CatalogItem(item=href, id=href, datetime=_AT, assets=(_asset(href),))


@pytest.mark.parametrize(
    ("grouped", "name", "moment"),
    [
        ("asset", "s3://scenes/2024/one/a.tif", _AT),
        ("folder", "2024/one", None),
        ("/(o[^/]+)/", "one", None),
        ("(none)", "s3://scenes/2024/one/a.tif", _AT),
    ],
)
def test_a_file_of_a_listing(grouped: str, name: str, moment: datetime | None) -> None:
    """It belongs to the item that a page would put it into."""
    href = "s3://scenes/2024/one/a.tif"

    assert _item(href, grouped=grouped) == CatalogItem(item=name, id=name, datetime=moment, assets=(_asset(href),))


@pytest.mark.parametrize(
    "href",
    [
        "s3://scenes/2024/a.txt",
        "s3://scenes/2023/a.tif",
        "s3://others/2024/a.tif",
        "az://scenes/2024/a.tif",
        "https://scenes.s3.us-west-2.amazonaws.com/2024/a.tif",
    ],
)
def test_a_file_that_isnt_listed(href: str) -> None:
    """Another place, or a name that no pattern is of."""
    assert _item(href) is None


@pytest.mark.parametrize(
    ("collections", "collection", "has"),
    [([], "s1", True), (["s2"], "s2", True), (["s2"], "s1", False), (["s2"], None, False), ([], None, True)],
)
def test_an_item_of_a_search(collections: list[str], collection: str | None, *, has: bool) -> None:
    """A dataset has items of those collections that it searches."""
    catalog = dataset(catalog={"kind": "stac", "url": "https://stac.example.org", "collections": collections}).catalog

    assert catalog.has(CatalogItem(item="a", id="a", collection=collection, assets=())) is has


def test_an_item_of_any_other_catalog() -> None:
    """Nothing is known that speaks against it."""
    catalog = dataset(catalog={"kind": "manifest", "url": "https://data.example.org/list.csv"}).catalog

    assert catalog.has(CatalogItem(item="a", id="a", assets=()))
