"""A page of more requests than all instances can work at once is taken in parts."""

from itertools import groupby
from typing import Any

import pytest

from shared.model.counts import PartCounts
from shared.model.datasets import Datasets
from shared.model.items import Page
from shared.model.messages import MAX_REQUEST_BYTES, PageRequest, Queue
from shared.model.rows import RunState
from tests.fakes.catalogs import paged
from tests.unit.discovery.world import World, asset, item, items
from tests.unit.model.builders import dataset

#: Of addresses of this length ten fit into a message.
_LONG = "https://data.example.org/" + "x" * 3900


async def test_a_page_of_as_many_requests_as_can_be_worked_is_whole() -> None:
    """S requests are one part, after which comes the next page."""
    world = World(paged(items(5), size=4), capacity=4)

    await world.deliver(await world.begin())

    assert len(world.requests()) == 4
    assert world.pages() == [PageRequest(dataset="demo", run="run-1", page=1, token="page-1")]


async def test_a_longer_page_goes_on_with_its_next_part() -> None:
    """Of S + 1 requests S are sent, and the rest is asked for as a part of the same page."""
    world = World(paged(items(6), size=5), capacity=4)

    await world.deliver(await world.begin())

    assert len(world.requests()) == 4
    assert world.pages() == [PageRequest(dataset="demo", run="run-1", part=1)]


async def test_the_parts_of_a_page_are_its_requests() -> None:
    """Over all parts each asset is asked for once; after the last one comes the next page, which begins with part 0."""
    world = World(paged(items(10), size=9), capacity=4)
    await world.deliver(await world.begin())

    await world.drain()

    assert world.keys() == [asset(f"{number:03}").identity for number in range(10)]
    assert [(each.page, each.part, each.token) for each in world.pages()] == [
        *((0, 1, None), (0, 2, None), (1, 0, "page-1"))
    ]
    assert world.run.state is RunState.COMPLETE


async def test_parts_are_counted_apart() -> None:
    """The page's items are stated by its first part alone; what was sent and what was there by the part it was in."""
    listed = (*items(6), item("none", "skipped"))
    world = World({None: Page(items=listed, next_token=None)}, capacity=4, select={"exclude": ["skipped"]})
    await world.bring(asset("000"), asset("005"), cause="run-0")
    await world.deliver(await world.begin())

    await world.drain()

    assert world.runs.parts == {
        ("demo", "run-1", (1, 0, 0)): PartCounts(
            available=7, filtered=1, items_sent=3, items_already=1, sent=3, already=1, done=True
        ),
        ("demo", "run-1", (1, 0, 1)): PartCounts(items_sent=1, items_already=1, sent=1, already=1, done=True),
    }


async def test_later_parts_read_what_was_kept() -> None:
    """The catalog is asked for a page once, whatever number of parts it has, and at the end for the last one again."""
    world = World(paged(items(18), size=9), capacity=4)
    await world.deliver(await world.begin())

    await world.drain()

    assert [token for token, _ in world.catalog.asked] == [None, "page-1", "page-1"]


@pytest.mark.parametrize(("capacity", "bundle_assets"), [(8, 32), (2, 32), (4, 1), (8, 8)])
async def test_a_deployment_between_two_parts_moves_no_cut(capacity: int, bundle_assets: int) -> None:
    """Parts are cut as the page was when it was kept: other settings leave no asset out and repeat none."""
    keys = [f"{number:02}" for number in range(60)]
    world = World({None: Page(items=(item("a", *keys, size=1),), next_token=None)}, capacity=4, **_bundles_of(4))
    await world.deliver(await world.begin())
    world.capacity = capacity
    world.datasets = Datasets(datasets={"demo": dataset(**_bundles_of(bundle_assets))})

    await world.drain()

    assert world.keys() == [("s2/a", key) for key in keys]


async def test_bundles_that_are_split_count_as_they_are_sent() -> None:
    """A bundle that doesn't fit into one message is several requests, and a part has no more than S of them."""
    many = [f"{number:02}" for number in range(60)]
    listed = item("a", *many, href=_LONG, size=1)
    names = {"container": "assets", "name": "{item}/{key}"}
    world = World({None: Page(items=(listed,), next_token=None)}, capacity=2, destination=names)
    await world.deliver(await world.begin())

    await world.drain()

    parts = [
        len(list(each)) for queue, each in groupby(sent.queue for sent in world.queues.sent) if queue == Queue.COPY
    ]
    assert set(parts[:-1]) == {2}
    assert parts[-1] <= 2
    assert world.keys() == [asset("a", key).identity for key in many]
    assert max(len(each.encode()) for each in world.requests()) <= MAX_REQUEST_BYTES


async def test_small_assets_travel_together() -> None:
    """A part counts requests, not assets: what shares a message is one of the S."""
    world = World({None: Page(items=(item("a", "x", "y", "z", size=1),), next_token=None)}, capacity=1)

    await world.deliver(await world.begin())

    assert [len(each.assets) for each in world.requests()] == [3]
    assert world.run.state is RunState.COMPLETE


@pytest.mark.parametrize("size", [1, 4, 7, 60])
@pytest.mark.parametrize("saturation", [0.5, 1.0, 1.5, 4.0])
async def test_the_backlog_is_bounded(size: int, saturation: float) -> None:
    """Outstanding requests stay within sigma x S + S, however large the pages, and all assets are asked for."""
    capacity, peak = 4, 0
    world = World(paged(items(60), size=size), capacity=capacity, saturation=saturation)
    await world.deliver(await world.begin())
    for _ in range(1000):
        peak = max(peak, world.queues.counts[Queue.COPY])
        if world.run.state is not RunState.RUNNING:
            break
        if world.run.withheld_since:
            world.queues.counts[Queue.COPY] -= 1
        await world.deliver(world.pages()[-1])

    assert peak <= saturation * capacity + capacity
    assert world.keys() == [asset(f"{number:03}").identity for number in range(60)]


def _bundles_of(assets: int) -> dict[str, Any]:
    return {"policy": {"bundle_assets": assets}}
