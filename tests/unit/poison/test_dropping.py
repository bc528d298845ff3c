"""Poison, put away: written down first, and from there sent back."""

import logging
from datetime import timedelta
from typing import Any

import pytest

from shared.model.errors import QueryInvalidError
from shared.model.messages import Queue
from shared.poison.choosing import Choice
from shared.poison.dropping import Dropped, Kept
from shared.poison.redriving import Order, Outcome, Tally
from shared.storage.mailbox import encoded
from tests.fakes.faults import Faults
from tests.fakes.mailbox import NEVER
from tests.unit.model.builders import copy_request
from tests.unit.poison.desk import ALL, Desk, poisoned
from tests.unit.poison.preserve_world import POISON


async def test_a_message_is_written_down_whole() -> None:
    """All that stood in the queue, why it failed, who dropped it and when; then it is gone."""
    desk = Desk()
    request = poisoned()
    name = desk.put(request)

    tally = await desk.drop()

    assert (tally, desk.outcomes) == (Tally(done=1), [Outcome.DONE])
    assert desk.kept == [
        Dropped(
            queue=POISON,
            id=name,
            inserted_at=desk.now,
            expires_at=NEVER,
            deliveries=1,
            text=encoded(request.encode()),
            body=request.encode(),
            error="AssetNotFoundError",
            message="answered 404",
            dropped_at=desk.now,
            dropped_by="ada",
        )
    ]
    assert desk.bodies(POISON) == []


async def test_nothing_is_dropped_unless_it_is_asked_for() -> None:
    """An order is a dry run by itself."""
    desk = Desk()
    desk.put(poisoned())

    tally = await desk.drop(ALL, Order(by="ada"))

    assert (tally, desk.outcomes, desk.kept) == (Tally(done=1), [Outcome.WOULD_BE_DONE], [])
    assert desk.visible(POISON) == 1


async def test_only_what_is_meant_and_not_more_than_that() -> None:
    """Junk can be dropped too; a limit holds."""
    desk = Desk()
    desk.put(poisoned())
    for text in ("junk 1", "junk 2"):
        desk.mailbox.put(POISON, text)

    tally = await desk.drop(Choice(text="junk"), Order(by="ada", dry_run=False, limit=1))

    assert tally == Tally(done=1, more=True)
    assert [each.text for each in desk.kept] == ["junk 1"]
    assert desk.visible(POISON) == 2


async def test_what_can_not_be_written_down_stays() -> None:
    """A full disk drops nothing."""
    desk = Desk()
    desk.put(poisoned())

    async def keep(dropped: Dropped) -> None:
        raise OSError(dropped.id)

    desk.keep = keep
    with pytest.raises(OSError, match="message-1"):
        await desk.drop()

    assert desk.visible(POISON) == 1


async def test_a_receipt_that_is_somebody_elses_by_now() -> None:
    """It was written down, and isn't ours to delete any more."""
    desk = Desk()
    desk.put(poisoned())
    desk.faults = Faults(pause=desk.expire)

    tally = await desk.drop()

    assert (tally, desk.outcomes) == (Tally(lost=1), [Outcome.LOST])


@pytest.mark.parametrize("has_effect", [False, True])
async def test_whoever_is_killed_loses_nothing(*, has_effect: bool) -> None:
    """At any call: each message stands in its queue, or is written down."""
    at, died = 0, True
    while died:
        desk = Desk(faults=Faults(at=at, has_effect=has_effect))
        names = {desk.put(poisoned()) for _ in range(3)}
        died = await desk.dies(desk.drop())
        at += 1
        assert {each.id for each in desk.mailbox.all_of(POISON)} | {each.id for each in desk.kept} == names
        desk.faults, desk.now = Faults(), desk.now + timedelta(hours=1)
        await desk.drop()
        assert desk.bodies(POISON) == []
    assert at > 8


async def test_who_did_it_is_written_down(caplog: pytest.LogCaptureFixture) -> None:
    """In the log, under an action of its own."""
    desk = Desk()
    desk.put(poisoned())

    with caplog.at_level(logging.INFO):
        await desk.drop(Choice(queue=Queue.COPY))

    told: list[dict[str, Any]] = [vars(each) for each in caplog.records if hasattr(each, "by")]
    assert [(each["action"], each["by"], each["filters"], each["done"]) for each in told] == [
        ("poison_dropped", "ada", {"queue": "copy"}, 1)
    ]


async def test_what_was_dropped_can_be_sent_back() -> None:
    """From what was written down: the same request; filters hold there too, and junk stays junk."""
    desk = Desk()
    desk.put(poisoned())
    desk.put(poisoned("UrlRefusedError", cause="run-2"), Queue.COPY_LIVE)
    desk.mailbox.put(POISON, "junk")
    await desk.drop()
    desk.told.clear()

    lines = [each.model_dump_json() for each in desk.kept]
    tally = await desk.redrive(Choice(queue=Queue.COPY), kept=Kept([*lines, "\n"]))

    assert (tally, desk.outcomes) == (Tally(done=1, left=1), [Outcome.DONE, Outcome.LEFT])
    assert desk.bodies("copy") == [copy_request().encode()]
    assert desk.bodies("copy-live") == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{}", "line 2: queue: Field required"),
        ("[", "line 2: the line: Invalid JSON: EOF while parsing a list at line 1 column 1"),
    ],
)
async def test_a_line_that_is_none_of_ours(line: str, says: str) -> None:
    """Which line, which field."""
    desk = Desk()
    desk.put(poisoned())
    await desk.drop()

    with pytest.raises(QueryInvalidError) as raised:
        await desk.redrive(kept=Kept([desk.kept[0].model_dump_json(), line]))

    assert (str(raised.value), raised.value.field) == (says, "from")


async def test_a_line_of_another_queue() -> None:
    """What isn't from a poison queue goes nowhere."""
    desk = Desk()
    desk.put(poisoned())
    await desk.drop()
    line = desk.kept[0].model_copy(update={"queue": "billing"}).model_dump_json()

    with pytest.raises(QueryInvalidError, match="line 1: queue: 'billing' is no poison queue"):
        await desk.redrive(kept=Kept([line]))
