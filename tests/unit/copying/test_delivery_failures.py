"""Deliveries that fail: what is written down, what is sent on, and what the runtime gets to see."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from shared.model.assets import Asset
from shared.model.errors import SourceChangedError, StorageFailedError
from shared.model.messages import PageRequest, Queue, Reason
from tests.fakes.sources import Version
from tests.unit.copying.wire import Action
from tests.unit.copying.world import BLOCK, CHUNK, DEADLINE, World, keys, request, sha256, tiff
from tests.unit.model.builders import NOON, asset

_SMALL = tiff(10)
_LARGE = tiff(6 * BLOCK)


async def test_one_assets_failure_is_not_its_siblings(world: World) -> None:
    """The others are copied and written down; the request's failures are settled by themselves."""
    asked = world.serve_two()
    gone, tired = asset(key="gone", name="s2/gone"), asset(key="tired", name="s2/tired")
    world.serve(tired, Version(error=SourceChangedError("another ETag")))

    await world.deliver(asked.of([gone, *asked.assets, tired]))

    assert world.ledger.rows == world.rows_of(asked)
    assert keys(world.sent("copy-poison")) == [["gone"]]
    assert keys(world.sent("copy")) == [["tired"]]


async def test_a_failure_that_is_not_ours_is_retried(world: World) -> None:
    """Anything unforeseen escapes as it is, after it was written down."""
    error = ZeroDivisionError("a defect")
    world.serve(asset(), _SMALL)
    world.wire.fail("blobs.put", "before", error)

    with pytest.raises(ZeroDivisionError) as raised:
        await world.deliver(request())

    assert raised.value is error
    assert [(each.error, each.fate) for each in world.failures.rows.values()] == [("ZeroDivisionError", "retry")]


@pytest.mark.parametrize("call", ["ledger.of", "ledger.record"])
async def test_a_ledger_that_fails_is_a_failure_of_all(world: World, call: str) -> None:
    """The runtime retries, and what it may poison one day isn't said never to have begun."""
    asked = world.serve_two()
    world.wire.fail(call, "before", StorageFailedError("503"))

    with pytest.raises(StorageFailedError, match="503"):
        await world.deliver(asked)

    assert [(each.key, each.error, each.fate) for each in world.failures.rows.values()] == [
        ("one", "StorageFailedError", "retry"),
        ("two", "StorageFailedError", "retry"),
    ]
    assert (world.ledger.rows, world.queues.sent) == ([], [])


@pytest.mark.parametrize("lane", [Queue.COPY, Queue.COPY_LIVE, Queue.COPY_LATER])
async def test_a_dataset_that_is_not_defined_is_poison(world: World, lane: Queue) -> None:
    """At once, in the lane's own poison queue, one message for each asset, with its reason."""
    asked = request(asset(key="one", name="s2/one"), asset(key="two", name="s2/two"), dataset="nobodys")

    calls = await world.deliver(asked, lane=lane)

    said = "no dataset is called 'nobodys'; these are defined: s2"
    reason = Reason(error="UnknownDatasetError", message=said, at=NOON)
    assert world.sent(lane.poison) == [asked.of([each]).model_copy(update={"reason": reason}) for each in asked.assets]
    assert "ledger.of" not in calls


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"{}",
        "Grüße, {\0}".encode(),
        b'{"dataset":"s2"',
        PageRequest(dataset="s2", run="r").encode().encode(),
        request().encode().replace('"v":1', '"v":2').encode(),
        request().encode().replace('"name":"s2/T32/B04"', '"name":"s2/../B04"').encode(),
        b"[" * 10_000,
    ],
)
async def test_what_is_no_copy_request_goes_to_poison_as_it_is(world: World, body: bytes) -> None:
    """Junk, another queue's message, another version, a name that climbs: kept word by word; nothing else is done."""
    await world.copying.deliver(body, lane=Queue.COPY_LIVE)

    assert [(each.queue, each.body.encode()) for each in world.queues.sent] == [("copy-live-poison", body)]
    assert world.wire.calls == ["queues.send"]


async def test_what_is_no_text_goes_to_poison_readably(world: World) -> None:
    """A queue's message is text: bytes that aren't are shown."""
    await world.copying.deliver(b"\xff\xfe\x00a", lane=Queue.COPY)

    assert world.queues.bodies("copy-poison") == ["\\xff\\xfe\x00a"]


async def test_a_poison_queue_that_fails_loses_nothing(world: World) -> None:
    """The message isn't acknowledged then."""
    world.queues.broken.add("copy-poison")

    with pytest.raises(StorageFailedError):
        await world.copying.deliver(b"hello", lane=Queue.COPY)


async def test_a_cancelled_delivery_is_cancelled(world: World) -> None:
    """The host gives up: nothing is settled, so that the message comes back."""
    world.serve(asset(), _LARGE)
    delivery = asyncio.create_task(world.deliver(request()))
    world.wire.on("blobs.stage", "before", _cancelling(delivery))

    with pytest.raises(asyncio.CancelledError):
        await delivery

    assert (world.failures.rows, world.queues.sent, world.ledger.rows) == ({}, [], [])


def _cancelling(task: asyncio.Task[Any]) -> Action:
    async def cancel() -> None:
        task.cancel()

    return cancel


@pytest.mark.parametrize(
    ("each", "served", "error", "said"),
    [
        (asset(size=11), _SMALL, "LengthMismatchError", "the catalog states 11 bytes, the source 10"),
        (
            asset(checksum=sha256(b"")),
            _SMALL,
            "ChecksumMismatchError",
            f"the catalog states {sha256(b'')}, the bytes have",
        ),
        (asset(), b"<html><body>Down</body></html>", "ContentMismatchError", "an HTML page came for .tif"),
    ],
    ids=["length", "checksum", "page"],
)
async def test_wrong_bytes_are_poison_at_once(world: World, each: Asset, served: bytes, error: str, said: str) -> None:
    """After they were fetched once more: no blob, no row, and message and failure say why, each with its own reason."""
    world.serve(each, served)

    await world.deliver(request(each))

    (poison,), (failure,) = world.sent("copy-poison"), world.failures.rows.values()
    assert poison.reason is not None
    assert (poison.reason.error, failure.error, failure.fate) == (error, error, "poison")
    assert poison.reason.message.startswith(said)
    assert poison.reason.message == failure.message
    assert poison.model_copy(update={"reason": None}) == request(each)
    assert (world.bodies(), world.ledger.rows, len(world.sources.opened)) == ({}, [], 2)


async def test_an_asset_that_takes_longer_than_a_delivery_ends_all_the_same(world: World) -> None:
    """Delivery after delivery it goes on where the last one had to stop, and sends no block twice."""
    world.serve(asset(), _LARGE)
    world.wire.on("source.read", "before", _turn(world), nth=1 + 4 * BLOCK // CHUNK)
    await world.deliver(request())
    ((lane, rest, delay),) = world.sent_to_lanes()

    calls = await world.deliver(rest)

    assert (lane, rest, delay) == ("copy", request(staged_blocks=3), timedelta())
    assert calls.count("blobs.stage") == 6 - 3
    assert world.bodies() == {asset().name: _LARGE}
    assert [each.length for each in world.ledger.rows] == [len(_LARGE)]


def _turn(world: World) -> Action:
    async def turn() -> None:
        world.clock.turn(DEADLINE)

    return turn
