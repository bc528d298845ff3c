"""Poison never expires: what the runtime put aside for a week is sent again for ever, with its reason.

The runtime's own move can be given no other time-to-live
(https://github.com/Azure/azure-webjobs-sdk-extensions/issues/891), and says not why. A copy is sent before its original
is deleted, so that a crash at any moment leaves one of them at least; where it leaves both, the second is harmless: a
redrive of either comes to the same blob and the same row.
"""

import contextlib
import dataclasses
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from shared.model.errors import StorageFailedError
from shared.model.messages import Queue
from shared.poison.reasons import Explained, Reasons
from shared.poison.sweeping import Sweeping
from shared.redaction import told
from shared.storage.answers import each_of
from shared.storage.mailbox import Mailbox, Received

logger = logging.getLogger(__name__)

#: For so long nobody else sees what a pass that died had received.
_HIDDEN_FOR = timedelta(seconds=60)
#: How long a pass stays at one queue at most, but for its last few calls; all within the host's ``functionTimeout``.
_BUDGET = timedelta(minutes=2)
#: A message that lives no longer than this isn't left for a later pass because its reason can't be had now.
_PATIENCE = timedelta(days=1)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Preserving:
    """The use case behind the hourly timer."""

    mailbox: Mailbox
    reasons: Reasons
    sweeping: Sweeping
    clock: Callable[[], datetime]

    async def run(self) -> None:
        """Go once through every poison queue, then through the failures that are over.

        Raises nothing but what ends the process: nothing in a message, and no trouble of the storage, keeps it from the
        queues that follow. What failed is logged as an error, and the next pass comes to it again.
        """
        for queue in Queue:
            await self._go_through(queue)
        await self.sweeping.sweep()

    async def _go_through(self, queue: Queue) -> None:
        """Receive a poison queue's messages to its end; what needs nothing is hidden meanwhile, and then shown again.

        Shown at once, it would come again before what stands behind it if the service kept to the order of insertion;
        it promises none.
        """
        walk = _Walk(began=self.clock())
        try:
            while not walk.is_over and (batch := await self.mailbox.receive(queue.poison, hidden_for=_HIDDEN_FOR)):
                new = walk.new(batch, now=self.clock())
                stay = await each_of(new, lambda each: self._stays(each, queue=queue))
                walk.hold((each for each, stays in zip(new, stay, strict=True) if stays))
        except StorageFailedError as error:
            _log_failed(error, queue=queue)
        await each_of(walk.hidden(now=self.clock()), self._show)

    async def _stays(self, received: Received, *, queue: Queue) -> bool:
        """Send a message that expires again and delete it; tell whether it is to be shown again instead."""
        if not received.expires:
            return True
        try:
            explained = await self._explained(received, queue=queue)
            await self.mailbox.send_as_it_is(received.queue, explained.text)
            await self.mailbox.delete(received)
        except StorageFailedError as error:
            _log_failed(error, queue=queue, received=received)
            return True
        _log_preserved(received, explained, queue=queue)
        return False

    async def _explained(self, received: Received, *, queue: Queue) -> Explained:
        as_it_is = Explained(text=received.text, request=None)
        try:
            return await self.reasons.explained(received, queue=queue)
        except StorageFailedError:
            if received.expires_at - self.clock() > _PATIENCE:
                raise
        except Exception:
            # A row that another version wrote, say: the message is worth more than its reason.
            extra = {"action": "poison_unexplained", "queue": queue.value, "message_id": received.id}
            logger.exception("poison can't be explained", extra=extra)
        return as_it_is

    async def _show(self, received: Received) -> None:
        with contextlib.suppress(StorageFailedError):
            await self.mailbox.show(received)


class _Walk:
    """One way through one queue."""

    def __init__(self, *, began: datetime) -> None:
        self._began = began
        self._seen: set[str] = set()
        #: What was received and stays, without its text: a queue can hold a million.
        self._held: deque[Received] = deque()
        #: Whether all was seen that stood there when it began, or its time is over.
        self.is_over = False

    def new(self, batch: Sequence[Received], *, now: datetime) -> list[Received]:
        """Those messages of a batch that come for the first time; the others are held."""
        new = [each for each in batch if each.id not in self._seen]
        self.hold(each for each in batch if each.id in self._seen)
        self._seen.update(each.id for each in batch)
        has_come_round = len(new) < len(batch) or any(each.inserted_at > self._began for each in batch)
        self.is_over = has_come_round or now - self._began >= _BUDGET
        self.hidden(now=now)
        return new

    def hidden(self, *, now: datetime) -> Sequence[Received]:
        """What is held and not yet visible by itself; the rest is forgotten."""
        while self._held and self._held[0].next_visible_at is not None and self._held[0].next_visible_at <= now:
            self._held.popleft()
        return self._held

    def hold(self, received: Iterable[Received]) -> None:
        """Keep in mind what is to be shown at the end."""
        self._held.extend(dataclasses.replace(each, text="") for each in received)


def _log_preserved(received: Received, explained: Explained, *, queue: Queue) -> None:
    request = explained.request
    extra = {
        "action": "poison_preserved",
        "queue": queue.value,
        "message_id": received.id,
        "dataset": request.dataset if request else None,
        "error": request.reason.error if request and request.reason else None,
    }
    logger.info("poison preserved", extra=extra)


def _log_failed(error: StorageFailedError, *, queue: Queue, received: Received | None = None) -> None:
    """Tell of a message that will expire, or of a whole queue that can't be read."""
    extra = {
        "action": "poison_not_preserved",
        "queue": queue.value,
        "error": told(error, limit=500),
        "message_id": received.id if received else None,
        "expires_at": received.expires_at.isoformat() if received else None,
    }
    logger.error("poison not preserved", extra=extra)
