"""The way through poison queues, for people: every message once, and each is visible again afterwards."""

import contextlib
import dataclasses
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from shared.model.errors import StorageFailedError
from shared.model.messages import Queue
from shared.storage.answers import each_of
from shared.storage.mailbox import MOST, Mailbox, Received
from shared.storage.queues import Queues

#: Who is killed underway hides messages for so long and no longer: a peek doesn't show them meanwhile.
HIDDEN_FOR = timedelta(minutes=2)
#: A message that was held for longer comes again, and is held again; at the third time the way goes in a circle.
_MOST_TIMES = 3
#: Held at once: each is half a kilobyte.
_MOST_HELD = 50_000


class Source(Protocol):
    """Where messages are from."""

    @property
    def is_cut(self) -> bool:
        """Whether there may be more than came."""
        ...

    def batches(self) -> AsyncGenerator[Sequence[Received]]:
        """The messages, roughly by the time of their insertion, a few at a time."""
        ...

    async def remove(self, received: Received) -> bool:
        """Delete a message; False where somebody else has received it meanwhile."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Walking:
    """Goes through poison queues."""

    mailbox: Mailbox
    queues: Queues
    clock: Callable[[], datetime]

    @contextlib.asynccontextmanager
    async def through(
        self, queues: Sequence[Queue], *, ends_at: datetime | None = None, at_once: int = MOST
    ) -> AsyncGenerator["Walk"]:
        """The way through the poison of some queues, until a time; what it holds is shown again at the end."""
        walk = Walk(walking=self, queues=queues, ends_at=ends_at, at_once=at_once)
        try:
            yield walk
        finally:
            await walk.show()


@dataclasses.dataclass(slots=True, kw_only=True)
class Walk:
    """One way.

    A peek shows 32 messages and never the next, so they are received. Each is held until the end: the service doesn't
    say where in its queue a message comes to stand that is shown again, so that a walk could meet it at once, and
    forever. Shown at the end, or by itself where the process is killed.
    """

    walking: Walking
    queues: Sequence[Queue]
    ends_at: datetime | None
    at_once: int
    is_cut: bool = False
    #: By id, without their bodies: what is hidden from others, and how often it came.
    _held: dict[str, tuple[Received, int]] = dataclasses.field(default_factory=dict[str, tuple[Received, int]])

    async def batches(self) -> AsyncGenerator[Sequence[Received]]:
        """Every message that stands in the queues now, once; raises StorageFailedError."""
        for queue in self.queues:
            # Never lower than it is (https://learn.microsoft.com/rest/api/storageservices/get-queue-metadata); what
            # comes meanwhile, such as a message that was sent back and failed again, doesn't keep us here.
            left = await self.walking.queues.count(queue.poison)
            while left > 0 and not self._ends():
                received = await self._receive(queue.poison, most=min(self.at_once, left))
                if not received:
                    break
                fresh = [each for each in received if self._hold(each)]
                left -= len(fresh)
                yield sorted(fresh, key=lambda each: each.inserted_at)

    async def remove(self, received: Received) -> bool:
        """Delete a message, with the receipt that it came with."""
        self._held.pop(received.id, None)
        return await self.walking.mailbox.delete(received)

    async def show(self) -> None:
        """Show what is held; what can't be shown shows itself a little later."""
        held = [received for received, _ in self._held.values()]
        self._held.clear()
        with contextlib.suppress(StorageFailedError):
            await each_of(held, self.walking.mailbox.show)

    def _ends(self) -> bool:
        if self.is_cut:
            return True
        is_late = self.ends_at is not None and self.walking.clock() >= self.ends_at
        self.is_cut = is_late or len(self._held) >= _MOST_HELD
        return self.is_cut

    async def _receive(self, queue: str, *, most: int) -> Sequence[Received]:
        return await self.walking.mailbox.receive(queue, hidden_for=HIDDEN_FOR, most=most)

    def _hold(self, received: Received) -> bool:
        """Note that a message is hidden; tell whether it is the first time."""
        _, times = self._held.get(received.id, (None, 0))
        self._held[received.id] = dataclasses.replace(received, text=""), times + 1
        self.is_cut |= times + 1 >= _MOST_TIMES
        return times == 0
