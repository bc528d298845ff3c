"""Queues as the service has them: visibility, receipts, counts of deliveries, and messages that expire."""

import dataclasses
import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta

from shared.model.errors import StorageFailedError
from shared.model.messages import MAX_MESSAGE_BYTES

#: What the runtime's own sends live for.
WEEK_SECONDS = 7 * 86400.0
_LONGEST_DELAY = timedelta(days=7)


@dataclasses.dataclass(slots=True, kw_only=True, eq=False)
class Message:
    """A message that stands in a queue."""

    number: int
    queue: str
    body: str
    inserted_at: float
    #: Infinite: never.
    expires_at: float
    visible_at: float
    #: How often it was received.
    deliveries: int = 0
    #: Changes whenever it is received or hidden again.
    receipt: int = 0


class MessageStore:
    """All queues."""

    def __init__(
        self,
        now: Callable[[], float],
        *,
        sent: Callable[[Message], None] = lambda _: None,
        removed: Callable[[Message], None] = lambda _: None,
    ) -> None:
        """``sent`` and ``removed`` are told of every message that comes and goes, right after it."""
        self.queues: defaultdict[str, dict[int, Message]] = defaultdict(dict)
        self._now = now
        self._sent = sent
        self._removed = removed
        self._numbers = itertools.count(1)

    def send(self, queue: str, body: str, *, delay: timedelta = timedelta(), lives: float = math.inf) -> Message:
        """Put Message; raises StorageFailedError for one that the service refuses."""
        if len(body.encode()) > MAX_MESSAGE_BYTES or not timedelta() <= delay <= _LONGEST_DELAY:
            raise StorageFailedError(f"queue {queue}: the service refuses such a message")
        now = self._now()
        message = Message(
            number=next(self._numbers),
            queue=queue,
            body=body,
            inserted_at=now,
            expires_at=now + lives,
            visible_at=now + math.ceil(delay.total_seconds()),
        )
        self.queues[queue][message.number] = message
        self._sent(message)
        return message

    def receive(self, queue: str, *, most: int, hidden_for: float) -> list[tuple[Message, int]]:
        """Get Messages: those that are visible, each with its receipt."""
        now = self._now()
        received: list[tuple[Message, int]] = []
        for each in self.visible(queue)[:most]:
            each.deliveries += 1
            each.receipt += 1
            each.visible_at = now + hidden_for
            received.append((each, each.receipt))
        return received

    def visible(self, queue: str) -> list[Message]:
        """Peek Messages: those that are visible, first in, first out."""
        self._expire(queue)
        now = self._now()
        return [each for each in self.queues[queue].values() if each.visible_at <= now]

    def hide(self, message: Message, receipt: int, *, hidden_for: float) -> int | None:
        """Update Message, with its new receipt; None: it is somebody else's by now, or gone."""
        if not self._is_held(message, receipt):
            return None
        message.receipt += 1
        message.visible_at = self._now() + hidden_for
        return message.receipt

    def delete(self, message: Message, receipt: int) -> bool:
        """Delete Message; False: it is somebody else's by now, or gone."""
        if not self._is_held(message, receipt):
            return False
        self._remove(message)
        return True

    def count(self, queue: str) -> int:
        """How many messages there are, visible or not."""
        self._expire(queue)
        return len(self.queues[queue])

    @property
    def poison(self) -> Iterator[Message]:
        """All that stands in poison queues."""
        return (each for name, queue in self.queues.items() if name.endswith("-poison") for each in queue.values())

    def bodies(self, *queues: str) -> Iterator[str]:
        """The bodies of all messages in some queues."""
        for queue in queues:
            for each in self.queues[queue].values():
                yield each.body

    def _is_held(self, message: Message, receipt: int) -> bool:
        return message.number in self.queues[message.queue] and message.receipt == receipt

    def _expire(self, queue: str) -> None:
        now = self._now()
        for each in [each for each in self.queues[queue].values() if each.expires_at <= now]:
            self._remove(each)

    def _remove(self, message: Message) -> None:
        del self.queues[message.queue][message.number]
        self._removed(message)
