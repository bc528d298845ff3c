"""An operator's desk: the poison queues in memory, and who mends what stands in them."""

import dataclasses
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from shared.model.messages import CopyRequest, Message, Queue, Reason
from shared.poison import Choice, Dropped, Kept, Mending, Order, Outcome, Poison, Tally, Walking
from shared.storage.mailbox import decoded, encoded
from shared.storage.queues import NOW
from tests.fakes import MemoryMailbox
from tests.fakes.faults import Faults, KilledError
from tests.unit.model.builders import NOON, copy_request
from tests.unit.poison.preserve_world import World

DOIT = Order(by="ada", dry_run=False)
ALL = Choice()


@dataclasses.dataclass(frozen=True, slots=True)
class MailboxQueues:
    """Queues that a mailbox is of: what is sent here is received there."""

    mailbox: MemoryMailbox

    async def send(self, queue: str, body: str, *, delay: timedelta = NOW) -> None:
        """Put a message, for ever."""
        assert delay == NOW
        self.mailbox.put(queue, encoded(body))

    async def count(self, queue: str) -> int:
        """Visible or not."""
        return len(self.mailbox.all_of(queue))


class Desk(World):
    """What an operator can do, and what was told of it."""

    def __init__(self, *, faults: Faults | None = None, datasets: tuple[str, ...] = ("s2", "l8")) -> None:
        super().__init__(faults=faults, datasets=datasets)
        self.told: list[tuple[Poison, Outcome, str | None]] = []
        #: What was written down before it was dropped.
        self.kept: list[Dropped] = []
        self.slept: list[float] = []

    @property
    def mending(self) -> Mending:
        """What an operator has."""
        return Mending.of(
            self.datasets,
            mailbox=self.faults.watch(self.mailbox),
            queues=self.queues,
            reasons=self.reasons,
            clock=self.clock,
            sleep=self.sleep,
        )

    @property
    def walking(self) -> Walking:
        """What goes through the queues."""
        return self.mending.listing.walking

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    async def expire(self) -> None:
        """Let everything be received by somebody else, who comes just before a message is deleted."""
        if self.faults.calls[-1].method != "delete":
            return
        held, self.now = self.now, self.now + timedelta(days=1)
        for queue in Queue:
            await self.mailbox.receive(queue.poison, hidden_for=timedelta(hours=1))
        self.now = held

    async def keep(self, dropped: Dropped) -> None:
        """Write a message down."""
        self.kept.append(dropped)

    async def dies(self, work: Coroutine[Any, Any, object]) -> bool:
        """Work until it ends or the process is killed."""
        try:
            await work
        except (KilledError, BaseExceptionGroup):
            return True
        return False

    def put(self, message: Message, queue: Queue = Queue.COPY) -> str:
        """Let a request of ours be poison; returns the message's id."""
        return self.mailbox.put(queue.poison, encoded(message.encode()))

    async def listed(self, choice: Choice = ALL, **values: Any) -> list[Poison]:
        """What a list shows."""
        found: list[Poison] = []
        await self.mending.listing.tell(choice, to=found.append, **values)
        return found

    async def redrive(self, choice: Choice = ALL, order: Order = DOIT, *, kept: Kept | None = None) -> Tally:
        """Send back; what is told stands in ``told``."""
        return await self.mending.redriving.redrive(choice, order, tell=self._tell, kept=kept)

    async def drop(self, choice: Choice = ALL, order: Order = DOIT) -> Tally:
        """Put away; what is told stands in ``told``."""
        return await self.mending.dropping.drop(choice, order, keep=self.keep, tell=self._tell)

    def bodies(self, queue: str) -> list[str]:
        """What a queue's messages say, visible or not, in the order in which they were put there."""
        found = sorted(self.mailbox.all_of(queue), key=lambda each: int(each.id.partition("-")[2]))
        return [(decoded(each.text) or each.text.encode()).decode() for each in found]

    def visible(self, queue: str) -> int:
        """How many of a queue's messages anybody may receive now."""
        return sum(
            each.next_visible_at is not None and each.next_visible_at <= self.now for each in self.mailbox.all_of(queue)
        )

    @property
    def outcomes(self) -> list[Outcome]:
        """What became of each message that was meant."""
        return [outcome for _, outcome, _ in self.told]

    @property
    def queues(self) -> MailboxQueues:
        """The same messages, as they are sent and counted."""
        return self.faults.watch(MailboxQueues(self.mailbox))

    def _tell(self, poison: Poison, outcome: Outcome, why: str | None) -> None:
        self.told.append((poison, outcome, why))


def poisoned(error: str = "AssetNotFoundError", message: str = "answered 404", **values: Any) -> CopyRequest:
    """A request as Sluice poisons it; ``values`` as in ``copy_request``."""
    return copy_request(**{"reason": Reason(error=error, message=message, at=NOON), **values})
