"""The queues as poison is received and looked at: over the same messages, in Base64 as on the wire."""

import base64
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from shared.storage.mailbox import MOST, Received, decoded
from tests.simulation.messages import Message, MessageStore
from tests.simulation.scenario import START

_NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class StoreMailbox:
    """A Mailbox."""

    def __init__(self, messages: MessageStore) -> None:
        self._messages = messages

    async def receive(self, queue: str, *, hidden_for: timedelta, most: int = MOST) -> Sequence[Received]:
        """The next visible messages, hidden for so long."""
        found = self._messages.receive(queue, most=most, hidden_for=hidden_for.total_seconds())
        return [_received(each, receipt=str(receipt)) for each, receipt in found]

    async def delete(self, received: Received) -> bool:
        """Delete a message, if it is still ours."""
        message = self._found(received)
        return message is not None and self._messages.delete(message, int(received.receipt))

    async def show(self, received: Received) -> bool:
        """Make a message visible again, if it is still ours."""
        message = self._found(received)
        return message is not None and self._messages.hide(message, int(received.receipt), hidden_for=0.0) is not None

    async def peek(self, queue: str, *, most: int = MOST) -> Sequence[Received]:
        """The next visible messages."""
        return [_received(each, receipt="") for each in self._messages.visible(queue)[:most]]

    async def send_as_it_is(self, queue: str, text: str) -> None:
        """Send a message that never expires."""
        body = decoded(text)
        assert body is not None, "whatever stands in these queues is in Base64"
        self._messages.send(queue, body.decode())

    def _found(self, received: Received) -> Message | None:
        return self._messages.queues[received.queue].get(int(received.id))


def _received(message: Message, *, receipt: str) -> Received:
    return Received(
        queue=message.queue,
        id=str(message.number),
        receipt=receipt,
        text=base64.b64encode(message.body.encode()).decode(),
        inserted_at=_moment(message.inserted_at),
        expires_at=_moment(message.expires_at),
        next_visible_at=_moment(message.visible_at) if receipt else None,
        deliveries=message.deliveries,
    )


def _moment(seconds: float) -> datetime:
    return _NEVER if math.isinf(seconds) else START + timedelta(seconds=seconds)
