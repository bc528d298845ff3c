import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import cast

import pytest

from shared.model.errors import StorageFailedError
from shared.model.messages import Queue
from shared.storage.accounts import Account
from shared.storage.mailbox import AzureMailbox, Mailbox, Received, encoded
from shared.storage.queues import AzureQueues
from tests.contracts.conftest import new_queue
from tests.fakes.mailbox import WEEK, MemoryMailbox

type Put = Callable[[str, timedelta], Awaitable[str]]

_MINUTE = timedelta(minutes=1)
_WAIT_SECONDS = 15
_MOST_TEXT = 64 * 1024


@pytest.fixture
def put(real: Account | None, mailbox: Mailbox, queue: str) -> Put:
    """Puts a message that expires into the queue, as somebody else does; returns its id."""

    async def put(text: str, lives: timedelta) -> str:
        if real is None:
            return cast("MemoryMailbox", mailbox).put(queue, text, lives=lives)
        seconds = int(lives.total_seconds())
        return (await real.queues.get_queue_client(queue).send_message(text, time_to_live=seconds)).id

    return put


async def test_a_message_comes_back_as_it_was_sent(mailbox: Mailbox, queue: str) -> None:
    """Its text, when it came and that it never expires, that it is hidden now and for how long."""
    before = datetime.now(UTC)
    await mailbox.send_as_it_is(queue, encoded('{"é": 1}'))

    (found,) = await mailbox.receive(queue, hidden_for=_MINUTE)

    assert found.next_visible_at is not None
    told = (found.queue, found.text, found.body, found.is_base64, found.deliveries)
    assert told == (queue, "eyLDqSI6IDF9", '{"é": 1}'.encode(), True, 1)
    assert (found.expires, found.expires_at.date()) == (False, date(9999, 12, 31))
    assert abs(found.inserted_at - before) < _MINUTE
    assert abs(found.next_visible_at - before - _MINUTE) < _MINUTE / 2
    assert (bool(found.id), bool(found.receipt)) == (True, True)


async def test_what_somebody_else_sent_expires(mailbox: Mailbox, queue: str, put: Put) -> None:
    """After a week, as whatever the runtime moves to poison."""
    message_id = await put("for a week", WEEK)

    (found,) = await mailbox.receive(queue, hidden_for=_MINUTE)

    assert (found.id, found.expires, found.expires_at - found.inserted_at) == (message_id, True, WEEK)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base64 !!",
        "QQ=",
        "<a>&amp;]]></a>",
        "é\u2028 ☃",
        " \tQUI=\n ",
        "x" * _MOST_TEXT,
    ],
    ids=["empty", "no-base64", "half-a-padding", "markup", "unicode", "white-space", "largest"],
)
async def test_any_text_is_sent_as_it_is(mailbox: Mailbox, queue: str, text: str) -> None:
    """Nothing is encoded, decoded, trimmed or cut on the way in and out."""
    await mailbox.send_as_it_is(queue, text)
    (received,) = await mailbox.receive(queue, hidden_for=_MINUTE)
    await mailbox.send_as_it_is(queue, received.text)
    (again,) = await mailbox.receive(queue, hidden_for=_MINUTE)

    assert (received.text, again.text) == (text, text)


async def test_a_text_that_is_too_large_is_refused(mailbox: Mailbox, queue: str) -> None:
    """One byte more than 64 KiB isn't sent."""
    with pytest.raises(StorageFailedError):
        await mailbox.send_as_it_is(queue, "x" * (_MOST_TEXT + 1))

    assert await mailbox.peek(queue) == []


async def test_what_is_received_is_hidden(mailbox: Mailbox, queue: str) -> None:
    """Nobody else receives or sees it, until it is shown; then as it was, with another receipt."""
    await mailbox.send_as_it_is(queue, "one")
    (received,) = await mailbox.receive(queue, hidden_for=_MINUTE)
    hidden = (await mailbox.receive(queue, hidden_for=_MINUTE), await mailbox.peek(queue))

    shown = await mailbox.show(received)

    (again,) = await mailbox.receive(queue, hidden_for=_MINUTE)
    assert (list(hidden[0]), list(hidden[1]), shown) == ([], [], True)
    later = {"receipt": again.receipt, "next_visible_at": again.next_visible_at, "deliveries": 2}
    assert again == dataclasses.replace(received, **later)
    assert again.receipt != received.receipt


@pytest.mark.parametrize("function_queue", Queue)
async def test_what_the_host_may_hold_isnt_touched(mailbox: Mailbox, queue: str, function_queue: Queue) -> None:
    """A message of a queue that a function listens to isn't shown: its receipt would change under the host."""
    await mailbox.send_as_it_is(queue, "one")
    (received,) = await mailbox.receive(queue, hidden_for=_MINUTE)

    with pytest.raises(ValueError, match=f"{function_queue} are the host's"):
        await mailbox.show(dataclasses.replace(received, queue=function_queue))


async def test_hiding_ends_by_itself(mailbox: Mailbox, queue: str) -> None:
    """Whoever received a message and died keeps it from nobody; a receipt from before is worth nothing then."""
    await mailbox.send_as_it_is(queue, "one")
    (first,) = await mailbox.receive(queue, hidden_for=timedelta(seconds=1))

    again = await _received(mailbox, queue)

    assert (again.id, again.deliveries) == (first.id, 2)
    assert (await mailbox.delete(first), await mailbox.show(first)) == (False, False)
    assert await mailbox.delete(again)


async def test_deleted_is_gone(mailbox: Mailbox, queue: str) -> None:
    """Once; whoever deletes or shows it again is told that it isn't there."""
    await mailbox.send_as_it_is(queue, "one")
    (received,) = await mailbox.receive(queue, hidden_for=_MINUTE)

    deleted = await mailbox.delete(received)

    assert (deleted, await mailbox.delete(received), await mailbox.show(received)) == (True, False, False)
    assert await mailbox.receive(queue, hidden_for=_MINUTE) == []


async def test_peeking_takes_nothing(mailbox: Mailbox, queue: str) -> None:
    """A message that was looked at can be received, and a look gives nothing to delete it by."""
    await mailbox.send_as_it_is(queue, "one")

    (seen,) = await mailbox.peek(queue)

    (received,) = await mailbox.receive(queue, hidden_for=_MINUTE)
    assert (seen.receipt, seen.next_visible_at, seen.deliveries) == ("", None, 0)
    taken = {"receipt": received.receipt, "next_visible_at": received.next_visible_at, "deliveries": 1}
    assert received == dataclasses.replace(seen, **taken)


async def test_an_answer_holds_32_messages_at_most(mailbox: Mailbox, queue: str) -> None:
    """And no more are received than come back, so none is hidden from everybody; fewer if fewer are asked for."""
    for number in range(35):
        await mailbox.send_as_it_is(queue, f"{number}")

    peeked = await mailbox.peek(queue)
    batches = [await mailbox.receive(queue, hidden_for=_MINUTE, most=most) for most in (32, 1, 32, 32)]

    assert [each.text for each in peeked] == [f"{number}" for number in range(32)]
    assert [len(each) for each in batches] == [32, 1, 2, 0]
    assert [each.text for batch in batches for each in batch] == [f"{number}" for number in range(35)]


async def test_what_was_shown_comes_last(mailbox: Mailbox, queue: str) -> None:
    """The order is that of visibility, so whoever shows what he received comes to the end of a queue all the same."""
    for text in ("one", "two"):
        await mailbox.send_as_it_is(queue, text)
    (first,) = await mailbox.receive(queue, hidden_for=_MINUTE, most=1)

    await mailbox.show(first)

    assert [each.text for each in await mailbox.receive(queue, hidden_for=_MINUTE)] == ["two", "one"]


async def test_a_missing_queue_is_no_empty_one(account: Account) -> None:
    """Whatever is asked of it fails."""
    mailbox = AzureMailbox(account.queues)

    for asks in (mailbox.receive("nowhere", hidden_for=_MINUTE), mailbox.peek("nowhere")):
        with pytest.raises(StorageFailedError, match="404"):
            await asks
    with pytest.raises(StorageFailedError, match="404"):
        await mailbox.send_as_it_is("nowhere", "one")


async def test_a_message_of_a_missing_queue(account: Account) -> None:
    """That a queue is gone is no answer to whether its message was deleted or shown."""
    mailbox, queue = AzureMailbox(account.queues), await new_queue(account)
    await mailbox.send_as_it_is(queue, "one")
    (received,) = await mailbox.receive(queue, hidden_for=_MINUTE)
    await account.queues.delete_queue(queue)

    for asks in (mailbox.delete(received), mailbox.show(received)):
        with pytest.raises(StorageFailedError, match="404"):
            await asks


async def test_what_the_pipeline_sends_is_decoded(account: Account) -> None:
    """A body that was sent for a function comes back as the function gets it."""
    queue = await new_queue(account)
    await AzureQueues(account.queues).send(queue, '{"é": 1}')

    (found,) = await AzureMailbox(account.queues).peek(queue)

    assert (found.body, found.text) == ('{"é": 1}'.encode(), encoded('{"é": 1}'))


async def _received(mailbox: Mailbox, queue: str) -> Received:
    """Wait until a message is visible."""
    async with asyncio.timeout(_WAIT_SECONDS):
        while True:
            for each in await mailbox.receive(queue, hidden_for=_MINUTE):
                return each
            await asyncio.sleep(0.1)
