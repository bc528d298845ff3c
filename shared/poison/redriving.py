"""Poison sent back to where it failed, in the order in which it came.

A message is sent before its original is deleted: whoever is killed in between leaves both, and the second comes to the
same blob and the same row. So a redrive may be begun again at any time, by several people at once.
"""

import contextlib
import dataclasses
import logging
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime
from enum import StrEnum

from pydantic import JsonValue

from shared.model.datasets import Datasets
from shared.model.errors import UnknownDatasetError
from shared.model.messages import MAX_MESSAGE_BYTES
from shared.poison.choosing import Choice
from shared.poison.listing import chosen
from shared.poison.reading import Poison, Reading, Request
from shared.poison.walking import HIDDEN_FOR, Source, Walking
from shared.storage.mailbox import MOST
from shared.storage.queues import Queues

logger = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What became of a message that was meant."""

    #: Sent back, and out of the poison queue; or dropped.
    DONE = "done"
    #: A dry run: would be done.
    WOULD_BE_DONE = "would_be_done"
    #: Left where it is, as it can't ever work; why is told beside it.
    LEFT = "left"
    #: Sent back, but somebody else had the original by then, so that it may be worked twice, which is harmless; or
    #: written down, and not deleted by us.
    LOST = "lost"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How it is to be done."""

    #: Who asks.
    by: str
    #: Nothing is sent and nothing deleted.
    dry_run: bool = True
    #: At most so many a second.
    rate: float | None = None
    #: At most so many in all.
    limit: int | None = None
    ends_at: datetime | None = None

    @property
    def at_once(self) -> int:
        """How many messages are received together: what is hidden must be worked in time."""
        seconds = HIDDEN_FOR.total_seconds() / 4
        return MOST if self.rate is None else max(1, min(MOST, math.floor(self.rate * seconds)))


@dataclasses.dataclass(slots=True, kw_only=True)
class Tally:
    """How much was done."""

    #: Done, or would be.
    done: int = 0
    left: int = 0
    lost: int = 0
    #: Whether there may be more to do.
    more: bool = False

    def count(self, outcome: Outcome) -> None:
        """One more."""
        self.left += outcome is Outcome.LEFT
        self.lost += outcome is Outcome.LOST
        self.done += outcome in {Outcome.DONE, Outcome.WOULD_BE_DONE}


#: Told of each message that was meant: what became of it, and why where it was left.
type Tell = Callable[[Poison, Outcome, str | None], None]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Redriving:
    """Sends poison back."""

    walking: Walking
    reading: Reading
    queues: Queues
    datasets: Datasets
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]

    async def redrive(self, choice: Choice, order: Order, *, tell: Tell, kept: Source | None = None) -> Tally:
        """Send back what is meant, or tell what would be; ``kept``: what was dropped once, in place of the queues.

        Raises StorageFailedError; what was told of until then is done.
        """
        tally = Tally()
        try:
            async with self._source(choice, order, kept=kept) as source:
                async with contextlib.aclosing(chosen(source, choice, reading=self.reading)) as found:
                    async for poison in found:
                        if self._is_enough(order, tally):
                            tally.more = True
                            break
                        outcome, why = await self._redrive(poison, order, source=source)
                        tally.count(outcome)
                        tell(poison, outcome, why)
                tally.more |= source.is_cut
        finally:
            extra = {"action": "poison_redriven", **done_by(choice, order, tally=tally)}
            logger.info("poison redriven", extra=extra)
        return tally

    @contextlib.asynccontextmanager
    async def _source(self, choice: Choice, order: Order, *, kept: Source | None) -> AsyncGenerator[Source]:
        if kept is not None:
            yield kept
            return
        async with self.walking.through(choice.queues, ends_at=order.ends_at, at_once=order.at_once) as walk:
            yield walk

    def _is_enough(self, order: Order, tally: Tally) -> bool:
        """``ends_at`` is looked at here too: with a rate, one batch takes its time."""
        is_late = order.ends_at is not None and self.clock() >= order.ends_at
        return is_late or (order.limit is not None and tally.done + tally.lost >= order.limit)

    async def _redrive(self, poison: Poison, order: Order, *, source: Source) -> tuple[Outcome, str | None]:
        if poison.request is None:
            return Outcome.LEFT, f"no request that this queue carries: {poison.reason.message}"
        body = fresh(poison.request).encode()
        if why := self._why_not(poison.request, body):
            return Outcome.LEFT, why
        if order.dry_run:
            return Outcome.WOULD_BE_DONE, None
        await self.queues.send(poison.queue, body)
        is_ours = await source.remove(poison.received)
        if order.rate is not None:
            await self._pause(1 / order.rate, ends_at=order.ends_at)
        return (Outcome.DONE if is_ours else Outcome.LOST), None

    async def _pause(self, seconds: float, *, ends_at: datetime | None) -> None:
        left = seconds if ends_at is None else (ends_at - self.clock()).total_seconds()
        await self.sleep(max(0.0, min(seconds, left)))

    def _why_not(self, request: Request, body: str) -> str | None:
        try:
            self.datasets.named(request.dataset)
        except UnknownDatasetError as error:
            return str(error)
        # Only somebody else's message, not in Base64, was ever larger.
        return "it doesn't fit into a message" if len(body.encode()) > MAX_MESSAGE_BYTES else None


def fresh(request: Request) -> Request:
    """The request as it was sent first: without its deferrals, its progress and its reason."""
    again = {"reason": None, "deferrals": 0, "deferred_since": None}
    if request.kind == "copy":
        return request.model_copy(update={**again, "staged_blocks": None})
    return request.model_copy(update=again)


def told_of(poison: Poison, outcome: Outcome, why: str | None) -> dict[str, JsonValue]:
    """What became of a message, for programs."""
    return {
        "queue": poison.queue.poison,
        "id": poison.received.id,
        "dataset": poison.traits.dataset,
        "items": list(poison.items),
        "error": poison.reason.error,
        "outcome": outcome.value,
        "why": why,
        "note": poison.note,
    }


def done_by(choice: Choice, order: Order, *, tally: Tally) -> dict[str, object]:
    """Who did how much with which poison, for the log; when, that says itself."""
    return {"by": order.by, "dry_run": order.dry_run, "filters": choice.filters, **dataclasses.asdict(tally)}
