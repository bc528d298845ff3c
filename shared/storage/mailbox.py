"""Queues as their messages are received, looked at and put aside by hand: the poison queues."""

import base64
import binascii
import dataclasses
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol, cast

from azure.core.exceptions import HttpResponseError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from shared.model.messages import Queue
from shared.storage.answers import code_of, translated
from shared.storage.queues import put_message

#: Messages of one answer (https://learn.microsoft.com/rest/api/storageservices/get-messages).
MOST = 32

#: What the service writes of a message that never expires: the last day that it knows.
_NEVER = 9999
_NOT_OURS_ANY_MORE = frozenset({"MessageNotFound", "PopReceiptMismatch"})
# .NET's decoder, which the host uses, takes white space anywhere.
_WHITE_SPACE = str.maketrans("", "", " \t\r\n")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message as it stands in a queue."""

    queue: str
    id: str
    #: What deletes and shows it; empty after a peek.
    receipt: str
    #: The text as it stands on the wire.
    text: str
    inserted_at: datetime
    #: In the year 9999: never.
    expires_at: datetime
    #: Until when it is hidden; None after a peek.
    next_visible_at: datetime | None
    #: How often it was received.
    deliveries: int

    @property
    def is_base64(self) -> bool:
        """Whether the host can decode it."""
        return decoded(self.text) is not None

    @property
    def body(self) -> bytes:
        """What the host hands to a function; the text as it is where the host can't decode it."""
        found = decoded(self.text)
        return self.text.encode() if found is None else found

    @property
    def expires(self) -> bool:
        """Whether it will be gone one day."""
        return self.expires_at.year < _NEVER


class Mailbox(Protocol):
    """The messages of the data account's queues. All methods raise StorageFailedError."""

    async def receive(self, queue: str, *, hidden_for: timedelta, most: int = MOST) -> Sequence[Received]:
        """The next visible messages, 32 at most, hidden from everybody else for so long. Nothing: none is visible."""
        ...

    async def delete(self, received: Received) -> bool:
        """Delete a message; tell whether it was there and still ours."""
        ...

    async def show(self, received: Received) -> bool:
        """Make a message visible again, as it is; tell whether it was there and still ours.

        Raises ValueError for a message of a queue that a function listens to: the host could no longer delete it.
        """
        ...

    async def peek(self, queue: str, *, most: int = MOST) -> Sequence[Received]:
        """The next visible messages, 32 at most, without hiding them."""
        ...

    async def send_as_it_is(self, queue: str, text: str) -> None:
        """Send a text that never expires, without encoding it; a message of ours is Base64 already."""
        ...


class AzureMailbox:
    """Queues in Azure Storage.

    A text is sent as it was received, but for a carriage return, which XML makes a line feed: no Base64 has one that
    means anything.
    """

    def __init__(self, service: QueueServiceClient) -> None:
        self._service = service
        self._clients: dict[str, QueueClient] = {}

    async def receive(self, queue: str, *, hidden_for: timedelta, most: int = MOST) -> Sequence[Received]:
        """Get Messages, once."""
        seconds = math.ceil(hidden_for.total_seconds())
        with translated(f"queue {queue}: receive"):
            # The SDK's iterator would go on and receive what wasn't asked for.
            pages = self._client(queue).receive_messages(
                messages_per_page=most, max_messages=most, visibility_timeout=seconds
            )
            async for page in pages.by_page():
                return [_received(queue, each) async for each in page]
        return []

    async def delete(self, received: Received) -> bool:
        """Delete Message. Also false for a retry whose first answer was lost."""
        with translated(f"queue {received.queue}: delete"):
            try:
                await self._client(received.queue).delete_message(received.id, received.receipt)
            except HttpResponseError as error:
                return _is_not_ours(error)
        return True

    async def show(self, received: Received) -> bool:
        """Update Message without a text: the one that stands there stays."""
        check_is_nobodys(received)
        with translated(f"queue {received.queue}: show"):
            try:
                await self._client(received.queue).update_message(received.id, received.receipt, visibility_timeout=0)
            except HttpResponseError as error:
                return _is_not_ours(error)
        return True

    async def peek(self, queue: str, *, most: int = MOST) -> Sequence[Received]:
        """Peek Messages."""
        with translated(f"queue {queue}: peek"):
            return [_received(queue, each) for each in await self._client(queue).peek_messages(most)]

    async def send_as_it_is(self, queue: str, text: str) -> None:
        """Put Message."""
        with translated(f"queue {queue}: send"):
            await put_message(self._client(queue), text)

    def _client(self, queue: str) -> QueueClient:
        # Without a policy for Base64: an undecodable text would cost a whole answer.
        if queue not in self._clients:
            self._clients[queue] = self._service.get_queue_client(queue)
        return self._clients[queue]


def check_is_nobodys(received: Received) -> None:
    """Raise ValueError for a message that the host may hold: an update takes its receipt from it."""
    if received.queue in frozenset(Queue):
        raise ValueError(f"messages of the queue {received.queue} are the host's")


def encoded(body: str) -> str:
    """A body as the queue trigger expects it."""
    return base64.b64encode(body.encode()).decode()


def decoded(text: str) -> bytes | None:
    """What the host decodes a text to; None where it can't."""
    try:
        return binascii.a2b_base64(text.translate(_WHITE_SPACE), strict_mode=True)
    except ValueError:
        return None


def _received(queue: str, message: QueueMessage) -> Received:
    assert message.inserted_on is not None
    assert message.expires_on is not None
    return Received(
        queue=queue,
        id=message.id,
        receipt=message.pop_receipt or "",
        # The SDK knows no other text without a policy, and says nothing of an empty one.
        text=cast("str | None", message.content) or "",
        inserted_at=message.inserted_on,
        expires_at=message.expires_on,
        next_visible_at=message.next_visible_on,
        deliveries=message.dequeue_count or 0,
    )


def _is_not_ours(error: HttpResponseError) -> bool:
    """False for a message that is gone or that somebody else has received; raises any other error."""
    if code_of(error) not in _NOT_OURS_ANY_MORE:
        raise error
    return False
