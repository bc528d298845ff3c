"""Queues in memory, whose messages are hidden and expire by a clock of the test's own."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from shared.model.errors import StorageFailedError
from shared.storage.mailbox import MOST, Received, check_is_nobodys

NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
#: What the runtime's own sends live, and an SDK's by default.
WEEK = timedelta(days=7)

_MAX_TEXT_BYTES = 64 * 1024


class MemoryMailbox:
    """Messages in the order in which they are visible, each with a receipt that the next delivery makes worthless."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self._messages: list[Received] = []
        #: Queues that can't be read or written.
        self.broken: set[str] = set()
        #: Texts that can't be sent.
        self.refused: set[str] = set()

    def put(self, queue: str, text: str, *, lives: timedelta | None = None, hidden_for: timedelta = timedelta()) -> str:
        """Put a message into a queue as somebody else does, by default for ever; returns its id."""
        now, number = self._clock(), next(self._numbers)
        message = Received(
            queue=queue,
            id=f"message-{number}",
            receipt="",
            text=text,
            inserted_at=now,
            expires_at=NEVER if lives is None else now + lives,
            next_visible_at=now + hidden_for,
            deliveries=0,
        )
        self._messages.append(message)
        return message.id

    def all_of(self, queue: str) -> list[Received]:
        """Every message of a queue that hasn't expired, visible or not."""
        self._messages = [each for each in self._messages if each.expires_at > self._clock()]
        return [each for each in self._messages if each.queue == queue]

    def texts(self, queue: str) -> list[str]:
        """The texts of a queue's messages, visible or not."""
        return [each.text for each in self.all_of(queue)]

    async def receive(self, queue: str, *, hidden_for: timedelta, most: int = MOST) -> Sequence[Received]:
        """Those that have been visible for the longest time come first."""
        until = self._clock() + hidden_for
        return [
            self._replace(each, receipt=self._receipt(), next_visible_at=until, deliveries=each.deliveries + 1)
            for each in self._visible(queue)[:most]
        ]

    async def delete(self, received: Received) -> bool:
        """By the receipt of the last delivery."""
        if message := self._held(received):
            self._messages.remove(message)
        return message is not None

    async def show(self, received: Received) -> bool:
        """It goes behind what is visible already, and its receipt is worthless."""
        check_is_nobodys(received)
        if message := self._held(received):
            self._replace(message, receipt=self._receipt(), next_visible_at=self._clock())
        return message is not None

    async def peek(self, queue: str, *, most: int = MOST) -> Sequence[Received]:
        """As they would be received."""
        return [dataclasses.replace(each, receipt="", next_visible_at=None) for each in self._visible(queue)[:most]]

    async def send_as_it_is(self, queue: str, text: str) -> None:
        """Put a message that never expires."""
        self._check(queue)
        if len(text.encode()) > _MAX_TEXT_BYTES or text in self.refused:
            raise StorageFailedError(f"queue {queue}: the service refuses such a message")
        self.put(queue, text)

    def _visible(self, queue: str) -> list[Received]:
        self._check(queue)
        since = [(each.next_visible_at, each) for each in self.all_of(queue) if each.next_visible_at]
        visible = [(at, each) for at, each in since if at <= self._clock()]
        return [each for _, each in sorted(visible, key=lambda pair: pair[0])]

    def _held(self, received: Received) -> Received | None:
        self._check(received.queue)
        there = (each for each in self.all_of(received.queue) if each.id == received.id)
        return next((each for each in there if each.receipt and each.receipt == received.receipt), None)

    def _replace(
        self, message: Received, *, receipt: str, next_visible_at: datetime, deliveries: int | None = None
    ) -> Received:
        """Put a message as it is now behind all others."""
        self._messages.remove(message)
        counted = message.deliveries if deliveries is None else deliveries
        now = dataclasses.replace(message, receipt=receipt, next_visible_at=next_visible_at, deliveries=counted)
        self._messages.append(now)
        return now

    def _receipt(self) -> str:
        return f"receipt-{next(self._numbers)}"

    def _check(self, queue: str) -> None:
        if queue in self.broken:
            raise StorageFailedError(f"queue {queue}: it is broken")
