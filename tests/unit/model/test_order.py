"""In which order a page's items are asked for, and that a page that was kept keeps its own."""

import json
from datetime import UTC, datetime

import pytest

from shared.model.assets import Asset
from shared.model.bundles import bundled
from shared.model.items import CatalogAsset, CatalogItem, Cut, Page, PlannedPage
from shared.model.selection import plan_page
from tests.unit.model.builders import dataset


def _item(name: str, day: int | None = None) -> CatalogItem:
    listed = CatalogAsset(key="data", href=f"https://data.example.org/{name}.tif", size=1)
    moment = datetime(2024, 6, day, tzinfo=UTC) if day else None
    return CatalogItem(item=name, collection="s2", id=name, datetime=moment, assets=(listed,))


def _planned(*items: CatalogItem, **select: object) -> list[str]:
    page = Page(items=items, next_token=None)
    planned, _ = plan_page(page, dataset_name="demo", dataset=dataset(select=select), capacity=24)
    return [each.item for each in planned.items]


@pytest.mark.parametrize(
    ("select", "order"),
    [
        ({}, ["b", "none", "a", "c", "also b"]),
        ({"order": "catalog"}, ["b", "none", "a", "c", "also b"]),
        ({"order": "newest"}, ["c", "b", "also b", "a", "none"]),
        ({"order": "oldest"}, ["a", "b", "also b", "c", "none"]),
    ],
)
def test_order(select: dict[str, object], order: list[str]) -> None:
    """By time as the dataset says: those without one last, those of one time as the catalog lists them."""
    listed = [_item("b", 2), _item("none"), _item("a", 1), _item("c", 3), _item("also b", 2)]

    assert _planned(*listed, **select) == order


def test_a_new_page_keeps_its_order() -> None:
    """Its bundles stand where their first items do."""
    page = Page(items=(_item("a"),), next_token=None)

    planned, _ = plan_page(page, dataset_name="demo", dataset=dataset(), capacity=24)

    assert planned.cut == Cut(bundle_assets=32, bundle_bytes=8 * 1024 * 1024, requests=24, singles_in_place=True)


def test_an_old_page_can_be_read() -> None:
    """A page that was kept before there was an order is cut as it was then: parts that were sent aren't sent again."""
    assets = {
        name: [Asset(item=name, key=key, href=f"https://a.example.org/{name}{key}", name=f"{name}/{key}", size=1)]
        for name, key in (("single", "x"), ("double", "y"))
    }
    assets["double"].append(assets["double"][0].model_copy(update={"key": "z"}))
    kept = {
        "items": [
            {"item": name, "assets": [json.loads(each.model_dump_json()) for each in listed]}
            for name, listed in assets.items()
        ],
        "next_token": None,
        "available": 2,
        "filtered": 0,
        "refused": 0,
        "cut": {"bundle_assets": 32, "bundle_bytes": 100, "requests": 24},
    }

    page = PlannedPage.model_validate_json(json.dumps(kept))

    assert [[each.key for each in bundle] for bundle in bundled(page.items, cut=page.cut)] == [["y", "z"], ["x"]]
