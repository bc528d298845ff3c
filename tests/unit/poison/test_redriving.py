"""Poison, sent back."""

import dataclasses
import logging
from datetime import timedelta
from typing import Any

import pytest

from shared.model.datasets import Datasets
from shared.model.errors import StorageFailedError
from shared.model.messages import MAX_MESSAGE_BYTES, CopyRequest, PageRequest, PublishRequest, Queue
from shared.poison.choosing import Choice
from shared.poison.redriving import Order, Outcome, Tally
from shared.storage.mailbox import encoded
from tests.fakes.faults import Faults
from tests.fakes.mailbox import NEVER
from tests.unit.model.builders import NOON, asset, copy_request, dataset
from tests.unit.poison.desk import ALL, DOIT, Desk, poisoned
from tests.unit.poison.preserve_world import POISON


@pytest.mark.parametrize("queue", [Queue.COPY, Queue.COPY_LIVE, Queue.COPY_LATER])
async def test_a_request_goes_back_to_its_lane(queue: Queue) -> None:
    """As it was sent first: without reason, deferrals and progress, by the same cause, for ever."""
    desk = Desk()
    desk.put(poisoned(deferrals=4, deferred_since=NOON, staged_blocks=7), queue)

    tally = await desk.redrive()

    assert tally == Tally(done=1)
    assert desk.bodies(queue.poison) == []
    assert desk.bodies(queue) == [copy_request().encode()]
    assert [each.expires_at for each in desk.mailbox.all_of(queue)] == [NEVER]


async def test_pages_and_items_go_back_too() -> None:
    """Each to its own queue."""
    desk = Desk()
    page = PageRequest(dataset="s2", run="run-7", page=3)
    item = PublishRequest(dataset="s2", item="s2/T32", version="0" * 64, asked_at=NOON)
    desk.put(page.model_copy(update={"deferrals": 2, "deferred_since": NOON}), Queue.DISCOVER)
    desk.put(item, Queue.PUBLISH)

    await desk.redrive()

    assert desk.bodies("discover") == [page.encode()]
    assert desk.bodies("publish") == [item.encode()]


async def test_nothing_is_done_unless_it_is_asked_for() -> None:
    """An order is a dry run by itself: it tells what would be sent."""
    desk = Desk()
    desk.put(poisoned())

    tally = await desk.redrive(ALL, Order(by="ada"))

    assert (tally, desk.outcomes) == (Tally(done=1), [Outcome.WOULD_BE_DONE])
    assert (desk.visible(POISON), desk.bodies("copy")) == (1, [])


async def test_in_the_order_of_insertion() -> None:
    """What failed first is sent first."""
    desk = Desk()
    causes = [f"run-{number}" for number in range(70)]
    for each in causes:
        desk.put(poisoned(cause=each))
        desk.now += timedelta(seconds=1)

    await desk.redrive()

    assert [CopyRequest.model_validate_json(each).cause for each in desk.bodies("copy")] == causes


async def test_only_what_is_meant() -> None:
    """Everything else stays, and is visible."""
    desk = Desk()
    desk.put(poisoned("UrlRefusedError", cause="run-1"))
    desk.put(poisoned("BadNameError", cause="run-2"))

    await desk.redrive(Choice(error="UrlRefusedError"))

    assert [CopyRequest.model_validate_json(each).cause for each in desk.bodies("copy")] == ["run-1"]
    assert desk.visible(POISON) == 1


async def test_twice_is_once() -> None:
    """The second finds nothing."""
    desk = Desk()
    desk.put(poisoned())

    tallies = [await desk.redrive() for _ in range(2)]

    assert tallies == [Tally(done=1), Tally()]
    assert len(desk.bodies("copy")) == 1


async def test_junk_stays_and_says_why() -> None:
    """No function can read it, so nothing would come of it."""
    desk = Desk()
    desk.mailbox.put(POISON, encoded('{"v": 7}'))

    tally = await desk.redrive()

    ((_, outcome, why),) = desk.told
    assert (tally, outcome) == (Tally(left=1), Outcome.LEFT)
    assert why is not None
    assert why.startswith("no request that this queue carries: v: Input should be 1")
    assert (desk.visible(POISON), desk.bodies("copy")) == (1, [])


async def test_a_dataset_that_is_gone_stays() -> None:
    """It would be poison again at once."""
    desk = Desk()
    desk.put(poisoned(dataset="s3"))

    await desk.redrive()

    assert [each[1:] for each in desk.told] == [
        (Outcome.LEFT, "no dataset is called 's3'; these are defined: l8, s2"),
    ]
    assert desk.visible(POISON) == 1


async def test_a_dataset_that_came_back_is_sent() -> None:
    """Whatever was wrong may have been mended since."""
    desk = Desk(datasets=("l8",))
    desk.put(poisoned())
    await desk.redrive()
    desk.datasets = Datasets(datasets={"s2": dataset()})

    await desk.redrive()

    assert desk.outcomes == [Outcome.LEFT, Outcome.DONE]


async def test_what_was_not_in_base64_is_sent_as_it_ought_to_be() -> None:
    """Somebody put a request there by hand."""
    desk = Desk()
    desk.mailbox.put(POISON, copy_request().encode())

    await desk.redrive()

    assert desk.bodies("copy") == [copy_request().encode()]


async def test_a_request_that_fits_into_no_message_stays() -> None:
    """Not in Base64 it had more room: it doesn't keep others from being sent."""
    desk = Desk()
    href = f"https://data.example.org/{'x' * 8000}"
    large = copy_request(*(asset(key=f"B{number}", name=f"s2/{number}", href=href) for number in range(7)))
    assert len(large.encode()) > MAX_MESSAGE_BYTES
    desk.mailbox.put(POISON, large.encode())
    desk.put(poisoned())

    tally = await desk.redrive()

    assert tally == Tally(done=1, left=1)
    assert desk.told[0][2] == "it doesn't fit into a message"


async def test_a_receipt_that_is_somebody_elses_by_now() -> None:
    """It was sent, and the message isn't ours to delete any more: told of, and no error."""
    desk = Desk()
    desk.put(poisoned())
    # Somebody receives it while we send.
    desk.faults = Faults(pause=desk.expire)

    tally = await desk.redrive()

    assert (tally, desk.outcomes) == (Tally(lost=1), [Outcome.LOST])
    assert len(desk.bodies("copy")) == 1


@pytest.mark.parametrize(("limit", "tally"), [(2, Tally(done=2, more=True)), (3, Tally(done=3)), (9, Tally(done=3))])
async def test_a_limit(limit: int, tally: Tally) -> None:
    """So many are sent, and what is left is visible."""
    desk = Desk()
    for _ in range(3):
        desk.put(poisoned())

    found = await desk.redrive(ALL, dataclasses.replace(DOIT, limit=limit))

    assert found == tally
    assert (len(desk.bodies("copy")), desk.visible(POISON)) == (tally.done, 3 - tally.done)


async def test_a_rate() -> None:
    """So many a second; no more are received together than can be sent while they are hidden."""
    desk = Desk()
    for _ in range(10):
        desk.put(poisoned())

    tally = await desk.redrive(ALL, dataclasses.replace(DOIT, rate=0.1))

    assert tally == Tally(done=10)
    assert desk.slept == [10.0] * 10
    assert len(desk.bodies("copy")) == 10
    assert [dataclasses.replace(DOIT, rate=each).at_once for each in (0.001, 0.1, 1000, None)] == [1, 3, 32, 32]


async def test_a_time_to_end_at() -> None:
    """What wasn't sent by then is visible, and said to be there."""
    desk = Desk()
    for _ in range(5):
        desk.put(poisoned())
    order = dataclasses.replace(DOIT, rate=1, ends_at=desk.now + timedelta(seconds=3))

    tally = await desk.redrive(ALL, order)

    assert tally == Tally(done=3, more=True)
    assert desk.visible(POISON) == 2


async def test_the_failure_stays_until_the_asset_is_copied() -> None:
    """A redrive is no success: the row goes when the ledger has one that is newer."""
    desk = Desk()
    desk.put(poisoned())
    row = await desk.failed()

    await desk.redrive()

    assert await desk.failures.of("s2", "s2/T32", "B04") == row


@pytest.mark.parametrize("has_effect", [False, True])
async def test_whoever_is_killed_loses_nothing(*, has_effect: bool) -> None:
    """At any call, before its effect or after: each request stands in one of the two queues, and a second redrive ends.

    What was sent and not deleted is sent twice.
    """
    at, died = 0, True
    while died:
        desk = Desk(faults=Faults(at=at, has_effect=has_effect))
        causes = [f"run-{number}" for number in range(3)]
        for each in causes:
            desk.put(poisoned(cause=each))
        died = await desk.dies(desk.redrive())
        at += 1
        assert {*_causes(desk, POISON), *_causes(desk, "copy")} == set(causes)
        desk.faults, desk.now = Faults(), desk.now + timedelta(hours=1)
        await desk.redrive()
        assert _causes(desk, POISON) == []
        assert sorted(set(_causes(desk, "copy"))) == causes
        assert len(_causes(desk, "copy")) <= 4
    assert at > 10


async def test_storage_that_fails_keeps_what_was_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    """It is raised; what was done by then is written into the log, and the rest is visible."""
    sends = iter(range(10))
    faults = Faults(at=lambda call: call.method == "send" and next(sends) == 1, error=lambda: StorageFailedError("503"))
    desk = Desk(faults=faults)
    for _ in range(3):
        desk.put(poisoned())

    with caplog.at_level(logging.INFO), pytest.raises(StorageFailedError):
        await desk.redrive()

    assert _audit(caplog)["done"] == 1
    assert desk.visible(POISON) == 2


async def test_who_did_it_is_written_down(caplog: pytest.LogCaptureFixture) -> None:
    """Who, what by, and how much; the log says when."""
    desk = Desk()
    desk.put(poisoned())

    with caplog.at_level(logging.INFO):
        await desk.redrive(Choice(dataset="s2"))

    assert _audit(caplog) == {
        "action": "poison_redriven",
        "by": "ada",
        "dry_run": False,
        "filters": {"dataset": "s2"},
        "done": 1,
        "left": 0,
        "lost": 0,
        "more": False,
    }


def _audit(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    (record,) = [each for each in caplog.records if getattr(each, "action", "") == "poison_redriven"]
    names = ("action", "by", "dry_run", "filters", "done", "left", "lost", "more")
    return {name: vars(record)[name] for name in names}


def _causes(desk: Desk, queue: str) -> list[str]:
    return [CopyRequest.model_validate_json(each).cause for each in desk.bodies(queue)]
