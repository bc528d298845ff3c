"""Who asks for an item's publishing: whoever finds that nothing of it seems to be missing."""

from typing import Any

import pytest

from shared.model.assets import Asset, bucket
from shared.model.errors import StorageFailedError
from shared.model.messages import CopyRequest, ItemVersion, PublishRequest, Queue
from tests.fakes.sources import Version
from tests.unit.copying.wire import CrashError
from tests.unit.copying.world import SMALL, World, request
from tests.unit.model.builders import NOON, asset

VERSION = "a" * 64
ONE, TWO = asset(key="one", name="s2/one"), asset(key="two", name="s2/two")


def publishing(**publish: Any) -> World:
    """A world whose dataset publishes, and whose sources have both assets."""
    world = World(publish=publish)
    for each in (ONE, TWO):
        world.serve(each, SMALL)
    return world


def asked(*assets: Asset, count: int = 2, **values: Any) -> CopyRequest:
    """A request for assets of an item that has so many."""
    return request(*assets, items=(ItemVersion(item=ONE.item, version=VERSION, assets=count),), **values)


def published(world: World) -> list[PublishRequest]:
    return [PublishRequest.decode(each.encode()) for each in world.queues.bodies(Queue.PUBLISH)]


ASKED = PublishRequest(dataset="s2", item=ONE.item, version=VERSION, asked_at=NOON)


async def test_a_request_with_all_assets() -> None:
    """It asks once, without another look at the ledger."""
    world = publishing()

    calls = await world.deliver(asked(ONE, TWO))

    assert published(world) == [ASKED]
    assert calls[-2:] == ["ledger.record", "queues.send"]


async def test_the_last_of_two_requests() -> None:
    """The first finds that something is missing; the last asks."""
    world = publishing()

    await world.deliver(asked(ONE))
    before = published(world)
    await world.deliver(asked(TWO))

    assert (before, published(world)) == ([], [ASKED])


async def test_two_that_finish_last() -> None:
    """Both have written when they look, so both ask: one of them would do."""
    world = publishing()
    await world.deliver(asked(ONE))

    async def other() -> None:
        await world.deliver(asked(TWO))

    world.wire.on("ledger.record", "before", other)
    await world.deliver(asked(ONE, cause="run-2"))

    assert len(published(world)) == 2


async def test_a_crash_between_ledger_and_request() -> None:
    """The delivery that comes again has nothing left to copy, and asks."""
    world = publishing()
    world.wire.on("queues.send", "before", _die)

    with pytest.RaisesGroup(CrashError):
        await world.deliver(asked(ONE, TWO))
    await world.deliver(asked(ONE, TWO))

    assert published(world) == [ASKED]
    assert len(world.sources.opened) == 2


async def test_a_send_that_fails() -> None:
    """The delivery fails, so that the message comes again: nobody else would ask."""
    world = publishing()
    world.queues.broken = {Queue.PUBLISH}

    with pytest.raises(StorageFailedError):
        await world.deliver(asked(ONE, TWO))


async def test_an_asset_that_fails() -> None:
    """An item of which an asset failed isn't asked for, however many rows of other assets it had."""
    world = publishing()
    world.sources.serve(TWO.href)

    await world.deliver(asked(ONE, TWO))

    assert published(world) == []
    assert [each.items for each in world.sent(Queue.COPY.poison)] == [asked(TWO).items]


async def test_some_items_of_several() -> None:
    """Of a request for several items those that are whole are asked for."""
    world = publishing()
    world.sources.serve(TWO.href)
    other = TWO.model_copy(update={"item": _same_bucket(ONE.item)})
    items = tuple(ItemVersion(item=each.item, version=VERSION, assets=1) for each in (ONE, other))

    await world.deliver(request(ONE, other, items=items))

    assert published(world) == [ASKED]


@pytest.mark.parametrize("on_failure", ["publish_without", "keep_href"])
async def test_a_failure_that_is_the_last(on_failure: str) -> None:
    """Where an item doesn't wait for assets that failed for good, the failure asks, after its row was written."""
    world = publishing(on_failure=on_failure)
    world.sources.serve(TWO.href)

    await world.deliver(asked(ONE))
    before = published(world)
    calls = await world.deliver(asked(TWO))

    assert (before, published(world)) == ([], [ASKED])
    assert calls.index("failures.record") < calls.index("queues.send")


@pytest.mark.parametrize("on_failure", ["publish_without", "keep_href"])
async def test_a_failure_that_was_before(on_failure: str) -> None:
    """The copy that comes after the failure asks."""
    world = publishing(on_failure=on_failure)
    world.sources.serve(TWO.href)

    await world.deliver(asked(TWO))
    before = published(world)
    await world.deliver(asked(ONE))

    assert (before, published(world)) == ([], [ASKED])


async def test_a_failure_that_is_tried_again() -> None:
    """What isn't for good settles nothing."""
    world = publishing(on_failure="publish_without")
    world.sources.serve(TWO.href, Version(error=StorageFailedError("500")))

    with pytest.raises(StorageFailedError):
        await world.deliver(asked(ONE, TWO))

    assert published(world) == []


async def test_a_dataset_that_does_not_publish() -> None:
    """Nothing is asked for, though discovery named the item when it still did."""
    world = World()
    world.serve(ONE, SMALL)

    await world.deliver(asked(ONE, count=1))

    assert published(world) == []


async def _die() -> None:
    raise CrashError


def _same_bucket(item: str) -> str:
    return next(name for name in (f"i{number}" for number in range(1000)) if bucket(name) == bucket(item))
