"""The list of what stands in the poison queues, and the way through them."""

import asyncio
from datetime import timedelta
from typing import Any, cast, override

import pytest

from shared.model.errors import StorageFailedError
from shared.model.messages import Queue
from shared.poison import walking
from shared.poison.choosing import Choice
from shared.poison.reading import Poison
from shared.poison.walking import HIDDEN_FOR
from shared.storage.mailbox import Received
from tests.fakes import MemoryMailbox
from tests.fakes.faults import Faults
from tests.unit.poison.desk import ALL, Desk, poisoned
from tests.unit.poison.preserve_world import POISON


async def test_more_than_a_peek_shows() -> None:
    """All of 100 messages come, by the time of their insertion, and anybody may receive them afterwards."""
    desk = Desk()
    names = [desk.put(poisoned()) for _ in range(100)]

    found = await desk.listed()

    assert [each.received.id for each in found] == names
    assert desk.visible(POISON) == 100


async def test_every_queue_in_turn() -> None:
    """In the order of their names in the pipeline."""
    desk = Desk()
    for queue in reversed(Queue):
        desk.mailbox.put(queue.poison, "junk")

    assert [each.queue for each in await desk.listed()] == list(Queue)


async def test_only_what_is_meant() -> None:
    """Other queues aren't touched, other messages not shown."""
    desk = Desk()
    wanted = desk.put(poisoned(error="UrlRefusedError"), Queue.COPY_LIVE)
    desk.put(poisoned(), Queue.COPY_LIVE)
    desk.put(poisoned(error="UrlRefusedError"))

    found = await desk.listed(Choice(queue=Queue.COPY_LIVE, error="UrlRefusedError"))

    assert [each.received.id for each in found] == [wanted]
    assert [each.deliveries for each in desk.mailbox.all_of(POISON)] == [0]


@pytest.mark.parametrize(("limit", "shown", "more"), [(2, 2, True), (3, 3, False), (None, 3, False)])
async def test_a_limit(limit: int | None, *, shown: int, more: bool) -> None:
    """So many are told of, and whether there are more."""
    desk = Desk()
    for _ in range(3):
        desk.put(poisoned())
    found: list[Poison] = []

    is_cut = await desk.mending.listing.tell(ALL, to=found.append, limit=limit)

    assert (len(found), is_cut) == (shown, more)
    assert desk.visible(POISON) == 3


async def test_a_time_to_end_at() -> None:
    """What was received by then is told of, and that there may be more."""
    desk = Desk()
    for _ in range(100):
        desk.put(poisoned())
    found: list[Poison] = []

    def tell(poison: Poison) -> None:
        found.append(poison)
        desk.now += timedelta(seconds=1)

    is_cut = await desk.mending.listing.tell(ALL, to=tell, ends_at=desk.now + timedelta(seconds=40))

    assert (len(found), is_cut) == (64, True)
    assert desk.visible(POISON) == 100


async def test_more_than_can_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: the way ends early, and says so."""
    monkeypatch.setattr(walking, "_MOST_HELD", 64)
    desk = Desk()
    for _ in range(100):
        desk.put(poisoned())
    found: list[Poison] = []

    is_cut = await desk.mending.listing.tell(ALL, to=found.append)

    assert (len(found), is_cut) == (64, True)


async def test_what_is_held_has_no_text() -> None:
    """Of a million messages only what shows them again stays in memory."""
    desk = Desk()
    desk.put(poisoned())

    async with desk.walking.through([Queue.COPY]) as walk:
        _ = [each async for each in walk.batches()]
        held = [received.text for received, _ in cast("Any", walk)._held.values()]

    assert held == [""]


async def test_a_message_that_comes_again_is_told_of_once() -> None:
    """A way that takes longer than messages stay hidden meets them again: they are held anew, and it goes on."""
    desk = Desk()
    names = {desk.put(poisoned()) for _ in range(64)}
    found: list[Received] = []

    async with desk.walking.through([Queue.COPY], at_once=8) as walk:
        async for batch in walk.batches():
            found += batch
            # So that those of six batches before are visible again.
            desk.now += HIDDEN_FOR / 6

    assert sorted(each.id for each in found) == sorted(names)
    assert not walk.is_cut
    assert desk.visible(POISON) == 64


async def test_a_way_in_a_circle_ends() -> None:
    """Where the service gives the same messages for ever, it ends at the third time and says that there may be more."""
    desk = Desk()
    desk.mailbox = _ByInsertion(clock=desk.clock)
    for _ in range(100):
        desk.put(poisoned())

    async with desk.walking.through([Queue.COPY, Queue.PUBLISH], at_once=10) as walk:
        found: list[Received] = []
        async for batch in walk.batches():
            found += batch
            desk.now += HIDDEN_FOR / 4

    assert walk.is_cut
    assert len(found) == 40


async def test_what_comes_meanwhile_does_not_keep_it_there() -> None:
    """As many as stood there at the beginning: whoever fails again while it goes on isn't followed."""
    desk = Desk()
    for _ in range(40):
        desk.put(poisoned())
    found: list[Poison] = []

    def tell(poison: Poison) -> None:
        found.append(poison)
        desk.put(poisoned())

    is_cut = await desk.mending.listing.tell(ALL, to=tell)

    assert (len(found), is_cut) == (40, False)


async def test_an_error_leaves_nothing_hidden() -> None:
    """What was received is shown again before it is raised."""
    desk = Desk()
    for _ in range(3):
        desk.put(poisoned())

    def fail(poison: Poison) -> None:
        raise StorageFailedError(poison.received.id)

    with pytest.raises(StorageFailedError, match="message-1"):
        await desk.mending.listing.tell(ALL, to=fail)

    assert desk.visible(POISON) == 3


async def test_what_can_not_be_shown_shows_itself() -> None:
    """A list that was had is no failure: the messages come back by themselves."""
    desk = Desk(faults=Faults(at=lambda call: call.method == "show", error=lambda: StorageFailedError("503")))
    desk.put(poisoned())

    found = await desk.listed()

    assert len(found) == 1
    assert desk.visible(POISON) == 0
    desk.now += HIDDEN_FOR
    assert desk.visible(POISON) == 1


@pytest.mark.parametrize("has_effect", [False, True])
async def test_a_list_that_is_killed_loses_nothing(*, has_effect: bool) -> None:
    """At any of its calls, before its effect or after: after a while all messages are visible."""
    at, died = 0, True
    while died:
        desk = Desk(faults=Faults(at=at, has_effect=has_effect))
        for _ in range(3):
            desk.put(poisoned())
        died = await desk.dies(desk.listed())
        at += 1
        desk.now += HIDDEN_FOR
        assert desk.visible(POISON) == 3
    assert at > 8


async def test_two_lists_at_once() -> None:
    """Neither loses a message, and none stays hidden; what one holds the other doesn't see."""
    desk = Desk(faults=Faults(pause=lambda: asyncio.sleep(0)))
    for _ in range(50):
        desk.put(poisoned())

    found = await asyncio.gather(desk.listed(), desk.listed())

    assert sum(len(each) for each in found) >= 50
    assert desk.visible(POISON) == 50


class _ByInsertion(MemoryMailbox):
    """A service that keeps to the order of insertion, whatever was shown again."""

    @override
    def _visible(self, queue: str) -> list[Received]:
        return sorted(super()._visible(queue), key=lambda each: int(each.id.partition("-")[2]))
