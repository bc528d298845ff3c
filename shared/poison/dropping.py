"""Poison put away: each message is written down whole before it is deleted, and can be sent back from there."""

import contextlib
import dataclasses
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from shared.model.errors import QueryInvalidError
from shared.model.messages import Queue
from shared.poison.choosing import Choice
from shared.poison.listing import chosen
from shared.poison.reading import Poison, Reading
from shared.poison.redriving import Order, Outcome, Tally, Tell, done_by
from shared.poison.walking import Walking
from shared.storage.mailbox import Received

logger = logging.getLogger(__name__)

_POISON_QUEUES = frozenset(each.poison for each in Queue)


class Dropped(BaseModel):
    """A message that was dropped, whole."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    queue: str
    id: str
    inserted_at: AwareDatetime
    expires_at: AwareDatetime
    deliveries: int
    #: As it stood on the wire; everything else is for people.
    text: str
    #: What that is, decoded.
    body: str
    error: str
    message: str
    dropped_at: AwareDatetime
    dropped_by: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Dropping:
    """Deletes poison for good."""

    walking: Walking
    reading: Reading
    clock: Callable[[], datetime]

    async def drop(
        self, choice: Choice, order: Order, *, keep: Callable[[Dropped], Awaitable[None]], tell: Tell
    ) -> Tally:
        """Drop what is meant, or tell what would be.

        ``keep`` returns once a message is kept as safely as in its queue. Raises StorageFailedError and what ``keep``
        raises; what was told of until then is done.
        """
        tally = Tally()
        try:
            async with self.walking.through(choice.queues, ends_at=order.ends_at) as walk:
                async with contextlib.aclosing(chosen(walk, choice, reading=self.reading)) as found:
                    async for poison in found:
                        if order.limit is not None and tally.done + tally.lost >= order.limit:
                            tally.more = True
                            break
                        outcome = Outcome.WOULD_BE_DONE
                        if not order.dry_run:
                            await keep(self._dropped(poison, by=order.by))
                            is_ours = await walk.remove(poison.received)
                            outcome = Outcome.DONE if is_ours else Outcome.LOST
                        tally.count(outcome)
                        tell(poison, outcome, None)
                tally.more |= walk.is_cut
        finally:
            extra = {"action": "poison_dropped", **done_by(choice, order, tally=tally)}
            logger.info("poison dropped", extra=extra)
        return tally

    def _dropped(self, poison: Poison, *, by: str) -> Dropped:
        received = poison.received
        return Dropped(
            queue=received.queue,
            id=received.id,
            inserted_at=received.inserted_at,
            expires_at=received.expires_at,
            deliveries=received.deliveries,
            text=received.text,
            body=poison.text,
            error=poison.reason.error,
            message=poison.reason.message,
            dropped_at=self.clock(),
            dropped_by=by,
        )


class Kept:
    """Messages that were dropped, as they were written down, one a line: a source that nothing is removed from."""

    is_cut = False

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines

    async def batches(self) -> AsyncGenerator[Sequence[Received]]:
        """Raises QueryInvalidError for a line that is none of ours."""
        for number, line in enumerate(self._lines, 1):
            if line.strip():
                yield (_received(line, number=number),)

    async def remove(self, received: Received) -> bool:
        """Leave it: it is ours whoever else sends it back."""
        del received
        return True


def _received(line: str, *, number: int) -> Received:
    try:
        dropped = Dropped.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(map(str, first["loc"])) or "the line"
        raise QueryInvalidError(f"line {number}: {field}: {first['msg']}", field="from") from error
    if dropped.queue not in _POISON_QUEUES:
        raise QueryInvalidError(f"line {number}: queue: {dropped.queue[:80]!r} is no poison queue", field="from")
    return Received(
        queue=dropped.queue,
        id=dropped.id,
        receipt="",
        text=dropped.text,
        inserted_at=dropped.inserted_at,
        expires_at=dropped.expires_at,
        next_visible_at=None,
        deliveries=dropped.deliveries,
    )
