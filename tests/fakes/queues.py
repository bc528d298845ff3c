"""Queues that remember what was sent to them."""

import dataclasses
from collections import Counter
from datetime import timedelta

from shared.model.errors import StorageFailedError
from shared.model.messages import MAX_MESSAGE_BYTES
from shared.storage.queues import NOW

_LONGEST_DELAY = timedelta(days=7)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message as it was sent."""

    queue: str
    body: str
    delay: timedelta


class MemoryQueues:
    """Every message ever sent, in order; a queue counts its messages until a test takes them."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        #: What counting a queue answers; a test may set it.
        self.counts: Counter[str] = Counter()
        #: Queues that can't be read or written.
        self.broken: set[str] = set()

    async def send(self, queue: str, body: str, *, delay: timedelta = NOW) -> None:
        """Remember a message."""
        self._check(queue)
        if len(body.encode()) > MAX_MESSAGE_BYTES or not NOW <= delay <= _LONGEST_DELAY:
            raise StorageFailedError(f"queue {queue}: the service refuses such a message")
        self.sent.append(Sent(queue=queue, body=body, delay=delay))
        self.counts[queue] += 1

    async def count(self, queue: str) -> int:
        """How many messages weren't taken yet."""
        self._check(queue)
        return self.counts[queue]

    def bodies(self, queue: str) -> list[str]:
        """The bodies that were sent to a queue."""
        return [each.body for each in self.sent if each.queue == queue]

    def _check(self, queue: str) -> None:
        if queue in self.broken:
            raise StorageFailedError(f"queue {queue}: it is broken")
