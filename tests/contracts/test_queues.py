from datetime import date, timedelta

import pytest

from shared.model.errors import StorageFailedError
from shared.model.messages import MAX_MESSAGE_BYTES
from shared.storage.accounts import Account
from shared.storage.queues import AzureQueues, Queues
from tests.contracts.conftest import new_queue


async def test_messages_are_counted_visible_or_not(queues: Queues, queue: str) -> None:
    """A message that is hidden by its delay is outstanding like any other."""
    await queues.send(queue, "one")
    await queues.send(queue, "two", delay=timedelta(minutes=5))

    assert await queues.count(queue) == 2


async def test_an_empty_queue_counts_nothing(queues: Queues, queue: str) -> None:
    """A queue without messages counts zero."""
    assert await queues.count(queue) == 0


async def test_a_message_of_the_largest_size_is_sent(queues: Queues, queue: str) -> None:
    """48 KiB are exactly the 64 KiB in Base64 that a message can have."""
    await queues.send(queue, "x" * MAX_MESSAGE_BYTES)

    assert await queues.count(queue) == 1


async def test_a_message_that_is_too_large_is_refused(queues: Queues, queue: str) -> None:
    """One byte more is refused by the service (413) and not sent."""
    with pytest.raises(StorageFailedError):
        await queues.send(queue, "x" * (MAX_MESSAGE_BYTES + 1))

    assert await queues.count(queue) == 0


async def test_a_delay_of_more_than_a_week_is_refused(queues: Queues, queue: str) -> None:
    """Visibility can be put off for seven days at most."""
    with pytest.raises(StorageFailedError):
        await queues.send(queue, "late", delay=timedelta(days=7, seconds=1))


async def test_messages_never_expire(account: Account) -> None:
    """A message expires on the last day of the year 9999; by the SDK's default it lives a week."""
    queue = await new_queue(account)
    client = account.queues.get_queue_client(queue)

    await AzureQueues(account.queues).send(queue, "for ever")
    await client.send_message("for a week")

    ours, default = [each async for each in client.receive_messages()]
    assert ours.expires_on is not None
    assert ours.expires_on.date() == date(9999, 12, 31)
    assert default.expires_on is not None
    assert default.inserted_on is not None
    assert default.expires_on - default.inserted_on == timedelta(days=7)


async def test_a_delayed_message_is_hidden(account: Account) -> None:
    """A delay hides the message from those who receive, not from those who count."""
    queue = await new_queue(account)
    client = account.queues.get_queue_client(queue)
    adapter = AzureQueues(account.queues)

    await adapter.send(queue, "later", delay=timedelta(minutes=5))

    assert [each async for each in client.receive_messages()] == []
    assert await adapter.count(queue) == 1


async def test_bodies_are_base64_of_utf8(account: Account) -> None:
    """What the queue trigger decodes is what was sent."""
    queue = await new_queue(account)

    await AzureQueues(account.queues).send(queue, '{"é": 1}')

    messages = [each.content async for each in account.queues.get_queue_client(queue).receive_messages()]
    assert messages == ["eyLDqSI6IDF9"]


async def test_a_missing_queue_is_an_error(account: Account) -> None:
    """A queue that isn't there is neither empty nor silent."""
    adapter = AzureQueues(account.queues)

    with pytest.raises(StorageFailedError, match="404"):
        await adapter.count("nowhere")
    with pytest.raises(StorageFailedError, match="404"):
        await adapter.send("nowhere", "lost")
