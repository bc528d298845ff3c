"""The hourly pass over the poison queues."""

import logging
from datetime import timedelta
from typing import Any

import pytest

from shared.model.errors import StorageFailedError
from shared.model.messages import CopyRequest, PublishRequest, Queue
from shared.storage.mailbox import encoded
from tests.fakes.faults import Faults
from tests.fakes.mailbox import WEEK
from tests.unit.model.builders import NOON, copy_request
from tests.unit.poison.preserve_world import HOUR, POISON, World, kept

DAY = timedelta(days=1)


@pytest.mark.parametrize("queue", Queue)
async def test_what_the_runtime_poisoned_never_expires(queue: Queue) -> None:
    """A message of a week is there after 8 days and after 400, in the same queue, once."""
    world = World()
    text = world.poisoned("junk", queue=queue.poison)

    await world.run_at(HOUR)

    for days in (8, 400):
        world.now = NOON + days * DAY
        assert kept(world.mailbox.all_of(queue.poison)) == [(text, False)]


async def test_without_the_pass_it_is_gone() -> None:
    """The reason for all this: nobody came, and after a week there is no message."""
    world = World()
    world.poisoned("junk")

    await world.run_at(WEEK)

    assert world.mailbox.all_of(POISON) == []


async def test_an_hourly_pass_for_weeks() -> None:
    """However often it fires, there is one copy of each message, and each has come to stay."""
    world = World()
    texts = [world.poisoned(copy_request(cause=f"run-{number}").encode()) for number in range(3)]

    for hour in range(1, 24 * 20):
        await world.run_at(hour * HOUR)
        if hour == 100:
            texts.append(world.poisoned(copy_request(cause="run-3").encode()))

    assert sorted(each.cause for each in world.requests()) == ["run-0", "run-1", "run-2", "run-3"]
    assert not any(each.expires for each in world.mailbox.all_of(POISON))


async def test_a_request_is_explained() -> None:
    """A request gets its reason from the failures table, and is the same otherwise."""
    world = World()
    row = await world.failed()
    world.poisoned(copy_request().encode())

    await world.run_at(HOUR)

    (found,) = world.requests()
    assert found.model_copy(update={"reason": None}) == copy_request()
    assert found.reason is not None
    assert found.reason.model_dump() == {"error": row.error, "message": row.message, "at": row.last_at}


async def test_what_is_preserved_stays_as_it_is() -> None:
    """Our own poison is judged by its expiry alone: the same message, visible at once, whatever its body."""
    world = World()
    await world.mailbox.send_as_it_is(POISON, "not base64 !!")
    world.poisoned(copy_request().encode())
    before = world.mailbox.all_of(POISON)[0]

    await world.run_at(HOUR)

    after = {each.id: each for each in await world.mailbox.peek(POISON)}
    assert (after[before.id].text, after[before.id].inserted_at) == (before.text, before.inserted_at)
    assert len(after) == 2


async def test_a_second_pass_changes_nothing() -> None:
    """What was preserved is neither sent again nor hidden."""
    world = World()
    for queue in Queue:
        world.poisoned("junk", queue=queue.poison)
        world.poisoned(copy_request().encode(), queue=queue.poison)
    await world.run_at(HOUR)
    before = {queue: {each.id: each.text for each in world.mailbox.all_of(queue.poison)} for queue in Queue}

    await world.run_at(2 * HOUR)

    visible = {queue: {each.id: each.text for each in await world.mailbox.peek(queue.poison)} for queue in Queue}
    assert visible == before
    assert {len(each) for each in before.values()} == {2}


async def test_what_stands_behind_much_poison_is_found() -> None:
    """Preserved messages are no wall: what the runtime put behind a hundred of them is preserved as well."""
    world = World()
    for number in range(100):
        await world.mailbox.send_as_it_is(POISON, f"old {number}")
    text = world.poisoned("new")

    await world.run_at(HOUR)

    assert (text, False) in kept(world.mailbox.all_of(POISON))
    assert not any(each.expires for each in world.mailbox.all_of(POISON))
    assert len(await world.mailbox.peek(POISON)) == 32


async def test_nothing_else_is_touched() -> None:
    """The queues of work, and queues that aren't ours, are left alone."""
    world = World()
    texts = {name: world.poisoned("junk", queue=name) for name in ("copy", "else-poison")}

    await world.run_at(HOUR)

    assert {name: kept(world.mailbox.all_of(name)) for name in texts} == {
        name: [(text, True)] for name, text in texts.items()
    }


async def test_a_message_that_comes_meanwhile_ends_the_pass() -> None:
    """Whoever fills a poison queue without end doesn't keep the pass at it: what is new is the next pass's."""
    world = World()
    world.faults = Faults(pause=_busy(world))
    world.poisoned("first")

    await world.run_at(HOUR)

    received = [each for each in world.faults.calls if each.method == "receive" and each.args == (POISON,)]
    assert len(received) == 1
    assert [each.expires for each in world.mailbox.all_of(POISON) if each.text == encoded("first")] == [False]


async def test_a_message_that_comes_again_ends_the_pass() -> None:
    """What was seen before is handled once: the pass has come round."""
    world = World()
    world.poisoned("junk")
    # Each deletion is refused, as if somebody else had the message, and hiding lasts no time.
    world.faults = Faults(at=lambda call: call.method == "delete", error=_refused, pause=_later(world))

    await world.run_at(HOUR)

    received = [each for each in world.faults.calls if each.method == "receive" and each.args == (POISON,)]
    assert len(received) == 2
    assert len(world.mailbox.all_of(POISON)) == len(await world.mailbox.peek(POISON)) == 2


async def test_what_is_visible_by_itself_isnt_shown() -> None:
    """In a pass that takes longer than it hides, a message is shown once at most, by the receipt that counts."""
    world = World()
    for number in range(64):
        await world.mailbox.send_as_it_is(POISON, f"old {number}")
    world.faults = Faults(pause=_slow(world, timedelta(seconds=50)))

    await world.run_at(HOUR)

    shown = [each.args[0].id for each in world.faults.calls if each.method == "show"]
    assert (len(shown), len(set(shown))) == (64, 64)


async def test_a_pass_has_a_time_budget() -> None:
    """A pass that would take an hour ends at a queue, and still goes to the next."""
    world = World()
    for _ in range(200):
        world.poisoned("junk")
    text = world.poisoned("junk", queue=Queue.PUBLISH.poison)
    world.faults = Faults(pause=_slow(world, timedelta(seconds=1)))

    await world.run_at(HOUR)

    left = [each for each in world.mailbox.all_of(POISON) if each.expires]
    assert 0 < len(left) < 200
    assert kept(world.mailbox.all_of(Queue.PUBLISH.poison)) == [(text, False)]


async def test_what_a_pass_leaves_the_next_ones_preserve() -> None:
    """Passes that are cut short come to the end of a queue all the same, in time."""
    world = World()
    for _ in range(200):
        world.poisoned("junk")
    world.faults = Faults(pause=_slow(world, timedelta(seconds=1)))

    for hour in range(1, 24):
        await world.run_at(hour * HOUR)

    world.now = NOON + 400 * DAY
    assert len(world.mailbox.all_of(POISON)) >= 200


@pytest.mark.parametrize("method", ["send_as_it_is", "delete"])
async def test_a_call_that_fails_loses_nothing(method: str, caplog: pytest.LogCaptureFixture) -> None:
    """The message stays, shown again, the others are preserved, and the next pass comes to it."""
    world = World(faults=Faults(at=lambda call: call.method == method, error=_refused))
    texts = [world.poisoned(f"junk {number}") for number in range(3)]

    await world.run_at(HOUR)
    left = [each.text for each in await world.mailbox.peek(POISON) if each.expires]
    await world.run_at(2 * HOUR)

    assert len(left) == 1
    assert {each.text for each in world.mailbox.all_of(POISON)} == set(texts)
    assert not any(each.expires for each in world.mailbox.all_of(POISON))
    (told,) = [vars(each) for each in caplog.records if each.levelno == logging.ERROR]
    assert told["action"] == "poison_not_preserved"
    assert told["queue"] == "copy"
    assert told["expires_at"] == (NOON + HOUR + WEEK).isoformat()


async def test_what_the_service_refuses_keeps_nobody_waiting() -> None:
    """A text that can't be sent stays where it is; those behind it are preserved."""
    world = World()
    refused, other = world.poisoned("refused"), world.poisoned("other")
    world.mailbox.refused = {refused}

    await world.run_at(HOUR)

    assert sorted(kept(await _peeked(world))) == sorted([(refused, True), (other, False)])


async def test_a_queue_that_cant_be_read_keeps_no_other_waiting(caplog: pytest.LogCaptureFixture) -> None:
    """The pass says so, and goes on to the queues behind it."""
    world = World()
    text = world.poisoned("junk", queue=Queue.PUBLISH.poison)
    world.mailbox.broken = {POISON}

    await world.run_at(HOUR)

    assert kept(world.mailbox.all_of(Queue.PUBLISH.poison)) == [(text, False)]
    (told,) = [vars(each) for each in caplog.records if each.levelno == logging.ERROR]
    assert (told["action"], told["queue"]) == ("poison_not_preserved", "copy")


async def test_a_message_that_cant_be_shown_is_seen_later() -> None:
    """Showing again is a courtesy: where it fails, the message comes back by itself, and nobody is troubled."""
    world = World(faults=Faults(at=lambda call: call.method == "show", error=_refused))
    await world.mailbox.send_as_it_is(POISON, "old")

    await world.run_at(HOUR)
    hidden = await world.mailbox.peek(POISON)
    world.now += timedelta(minutes=1)

    assert (list(hidden), [each.text for each in await world.mailbox.peek(POISON)]) == ([], ["old"])


async def test_a_reason_that_cant_be_had_now_is_waited_for() -> None:
    """While the failures table is out of reach, a request stays; the next pass preserves it with its reason."""
    world = World(faults=Faults(at=lambda call: call.method == "of" and len(call.args) == 3, error=_refused))
    row = await world.failed()
    text = world.poisoned(copy_request().encode())

    await world.run_at(HOUR)
    waiting = kept(await _peeked(world))
    await world.run_at(2 * HOUR)

    assert waiting == [(text, True)]
    assert (reason := world.reason()) is not None
    assert (reason.error, reason.message) == (row.error, row.message)


async def test_a_reason_is_waited_for_only_so_long() -> None:
    """On its last day a request is preserved without its reason: it is worth more than that."""
    world = World(faults=Faults(at=lambda call: call.method == "of" and len(call.args) == 3, error=_refused))
    text = world.poisoned(copy_request().encode())

    await world.run_at(WEEK - 12 * HOUR)

    assert kept(world.mailbox.all_of(POISON)) == [(text, False)]


async def test_a_row_that_cant_be_understood_costs_the_reason_alone() -> None:
    """What another version wrote, and whatever else nobody foresaw, keeps no message from being preserved."""
    world = World(faults=Faults(at=lambda call: call.method == "of", error=lambda: ValueError("odd row")))
    text = world.poisoned(copy_request().encode())

    await world.run_at(HOUR)

    assert kept(world.mailbox.all_of(POISON)) == [(text, False)]


async def test_the_pass_sweeps_failures() -> None:
    """The same timer removes the failures of assets that were copied since."""
    world = World()
    await world.failed(last_at=NOON)
    await world.copied(completed_at=NOON + HOUR)

    await world.run_at(HOUR)

    assert world.failures.rows == {}


async def test_the_log_says_what_was_preserved(caplog: pytest.LogCaptureFixture) -> None:
    """Each message with its queue, id, dataset and reason; of junk there is no more than queue and id."""
    caplog.set_level(logging.INFO)
    world = World()
    await world.failed()
    ids = [_sent(world, copy_request().encode()), _sent(world, "junk")]

    await world.run_at(HOUR)

    told = [vars(each) for each in caplog.records if vars(each).get("action") == "poison_preserved"]
    fields = ("queue", "message_id", "dataset", "error")
    assert {tuple(each[name] for name in fields) for each in told} == {
        ("copy", ids[0], "s2", "TruncatedBodyError"),
        ("copy", ids[1], None, None),
    }


async def test_a_duplicate_asks_for_the_same() -> None:
    """What a crash leaves twice are two requests for one asset by one cause: the second redriven has nothing to do."""
    world = World(faults=Faults(at=lambda call: call.method == "delete"))
    world.poisoned(copy_request().encode())
    with pytest.raises(BaseExceptionGroup):
        await world.run_at(HOUR)

    world.faults = Faults()
    await world.run_at(2 * HOUR)

    one, other = (each.model_copy(update={"reason": None}) for each in world.requests())
    assert one == other == CopyRequest.decode(copy_request().encode().encode())


async def test_a_publish_request_says_where_to_look() -> None:
    """Publishing leaves no failure behind: the reason says so, and when it was."""
    world = World()
    request = PublishRequest(dataset="s2", item="s2/T32", version="0" * 64, asked_at=NOON)
    world.poisoned(request.encode(), queue=Queue.PUBLISH.poison)

    await world.run_at(HOUR)

    (found,) = world.mailbox.all_of(Queue.PUBLISH.poison)
    kept_request = PublishRequest.decode(found.body)
    assert kept_request.model_copy(update={"reason": None}) == request
    assert kept_request.reason is not None
    assert kept_request.reason.model_dump() == {
        "error": "NotRecorded",
        "message": "why its attempts failed stands in the log alone, shortly before 2024-06-01T13:00:00+00:00",
        "at": NOON + HOUR,
    }


def _refused() -> Exception:
    return StorageFailedError("refused")


def _busy(world: World) -> Any:
    """At each call somebody poisons another message, and a second passes."""

    async def pause() -> None:
        world.now += timedelta(seconds=1)
        world.poisoned("another")

    return pause


def _later(world: World) -> Any:
    """Where a deletion begins, so much time passes that what was received is visible again."""

    async def pause() -> None:
        if world.faults.calls[-1].method == "delete":
            world.now += timedelta(seconds=61)

    return pause


def _slow(world: World, lasts: timedelta) -> Any:
    """Each call takes its time."""

    async def pause() -> None:
        world.now += lasts

    return pause


def _sent(world: World, body: str) -> str:
    world.poisoned(body)
    return world.mailbox.all_of(POISON)[-1].id


async def _peeked(world: World) -> Any:
    return list(await world.mailbox.peek(POISON))
