"""The items of a page are asked for as the dataset says, over all its parts."""

import dataclasses
from datetime import timedelta

import pytest

from shared.model.datasets import Datasets
from shared.model.items import CatalogItem
from tests.fakes.catalogs import paged
from tests.unit.discovery.world import START, World, item
from tests.unit.model.builders import dataset

_ITEMS = ("b", "c", "a", "d")


def _listed() -> list[CatalogItem]:
    """Four items of three assets each, two of which are small; a is the oldest."""
    small = [item(name, "one", "two", size=1) for name in _ITEMS]
    large = [item(name, "large", size=10**9) for name in _ITEMS]
    return [
        dataclasses.replace(few, assets=(*few.assets, *many.assets), datetime=START + timedelta(days=ord(few.id[0])))
        for few, many in zip(small, large, strict=True)
    ]


@pytest.mark.parametrize(("order", "names"), [("catalog", "bcad"), ("newest", "dcba"), ("oldest", "abcd")])
async def test_item_by_item(order: str, names: str) -> None:
    """All requests of an item stand together, the large assets before the small ones, and parts keep that order."""
    world = World(paged(_listed(), size=4), capacity=3, select={"order": order})
    await world.deliver(await world.begin())

    await world.drain()

    keys = [[each.key for each in request.assets] for request in world.requests()]
    assert [request.assets[0].item for request in world.requests()] == [
        f"s2/{name}" for name in names for _ in range(2)
    ]
    assert keys == [["large"], ["one", "two"]] * 4
    assert len(world.pages()) == 2


async def test_the_order_of_a_page_is_fixed_when_it_is_kept() -> None:
    """A dataset that is changed between two parts of a page leaves no asset of it out."""
    world = World(paged(_listed(), size=4), capacity=3, select={"order": "newest"})
    await world.deliver(await world.begin())
    world.datasets = Datasets(datasets={"demo": dataset(select={"order": "oldest"})})

    await world.drain()

    assert [request.assets[0].item for request in world.requests()] == [
        f"s2/{name}" for name in "dcba" for _ in range(2)
    ]
