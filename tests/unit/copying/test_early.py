"""An event's file that isn't there yet is waited for, and that of anybody else isn't."""

from datetime import timedelta
from typing import Any

import pytest

from shared.copying.early import with_grace
from shared.model.causes import Cause
from shared.model.errors import AssetNotFoundError, TruncatedBodyError
from shared.model.messages import CopyRequest, Queue
from tests.fakes.senders import AUTH
from tests.fakes.sources import Version
from tests.unit.copying.world import SMALL, World, request
from tests.unit.model.builders import NOON, asset

_GRACE = timedelta(minutes=10)
_EVENT = Cause.of_event("s2", source="/a", identifier="1", at=NOON).name


def _world(**events: Any) -> World:
    return World(events={"accepts": ["stac"], "auth": AUTH, **events})


def _of_event(**values: Any) -> CopyRequest:
    return request(cause=_EVENT, **values)


async def test_a_file_that_isnt_there_yet() -> None:
    """It is put off in its lane with its cause, at no attempt's cost, and the failures table says until when."""
    world = _world()

    await world.deliver(_of_event(), lane=Queue.COPY_LIVE)

    ((queue, later, delay),) = world.sent_to_lanes()
    (failure,) = world.failures.rows.values()
    assert (queue, delay) == (Queue.COPY_LIVE, timedelta(seconds=15))
    assert (later.cause, later.asked_at, later.deferrals) == (_EVENT, NOON, 1)
    assert (failure.error, failure.fate) == ("AssetNotYetFoundError", "defer")
    assert failure.message.endswith("an event's file is waited for until 2024-06-01T12:10:00+00:00")
    assert world.sent(Queue.COPY_LIVE.poison) == []


async def test_a_file_that_comes() -> None:
    """The next delivery copies it."""
    world = _world()
    await world.deliver(_of_event(), lane=Queue.COPY_LIVE)
    ((_, later, delay),) = world.sent_to_lanes()
    world.serve(asset(), SMALL)
    world.clock.turn(delay)

    await world.deliver(later, lane=Queue.COPY_LIVE)

    assert world.bodies() == {asset().name: SMALL}


async def test_a_file_that_never_comes() -> None:
    """Looks become rare, go to the lane for what is put off, and end in its poison queue once the grace is over."""
    world = _world()
    lane, pending, looks = Queue.COPY_LIVE, _of_event(), 0
    while not world.sent(lane.poison):
        before = len(world.queues.sent)
        await world.deliver(pending, lane=lane)
        looks += 1
        for sent in world.queues.sent[before:]:
            if sent.queue in {Queue.COPY_LIVE, Queue.COPY_LATER}:
                lane, pending = Queue(sent.queue), CopyRequest.decode(sent.body.encode())
                world.clock.turn(sent.delay)

    (poison,) = world.sent(Queue.COPY_LATER.poison)
    assert (looks, world.clock() - NOON) == (7, timedelta(seconds=945))
    assert (poison.cause, poison.reason and poison.reason.error) == (_EVENT, "AssetNotFoundError")


@pytest.mark.parametrize(
    ("cause", "events", "age"),
    [
        ("run-1", {}, timedelta()),
        (_EVENT, {}, _GRACE),
        (_EVENT, {"not_found_grace": "PT0S"}, timedelta()),
        (_EVENT, {"not_found_grace": "PT30S"}, timedelta(seconds=30)),
    ],
    ids=["a run", "an old event", "no grace", "a short grace"],
)
async def test_who_isnt_waited_for(cause: str, events: dict[str, Any], age: timedelta) -> None:
    """A 404 is for good."""
    world = _world(**events)
    world.clock.turn(age)

    await world.deliver(request(cause=cause), lane=Queue.COPY_LIVE)

    assert [each.reason and each.reason.error for each in world.sent(Queue.COPY_LIVE.poison)] == ["AssetNotFoundError"]


async def test_a_dataset_that_takes_no_events_any_more() -> None:
    """Its table is gone, and with it the grace."""
    world = World()

    await world.deliver(_of_event(), lane=Queue.COPY_LIVE)

    assert len(world.sent(Queue.COPY_LIVE.poison)) == 1


async def test_other_failures_of_an_event() -> None:
    """They have the fate that they always have."""
    world = _world()
    world.serve(asset(), Version(error=TruncatedBodyError("the body ended early")))

    with pytest.raises(TruncatedBodyError):
        await world.deliver(_of_event(), lane=Queue.COPY_LIVE)


async def test_discovery_isnt_held_back() -> None:
    """Files that aren't there yet say nothing of their host."""
    world = _world()
    assets = [asset(key=f"k{number}", name=f"s2/{number}") for number in range(9)]

    await world.deliver(request(*assets, cause=_EVENT), lane=Queue.COPY_LIVE)

    assert len(world.sent_to_lanes()) == 1
    assert world.holds.entries == {}


async def test_the_error_keeps_its_cause() -> None:
    """Who reads a trace sees what the source answered."""
    world = _world()
    failed = {asset(): AssetNotFoundError("answered 404")}

    (later,) = with_grace(failed, request=_of_event(), dataset=world.dataset, now=NOON).values()

    assert later.__cause__ is failed[asset()]
