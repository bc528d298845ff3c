"""Discovery waits while copies are outstanding, as Dask's scheduler withholds root tasks (``worker-saturation``)."""

import dataclasses
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from shared.model.errors import StorageFailedError
from shared.model.messages import Queue
from shared.model.rows import Hold
from shared.model.saturation import mark
from shared.storage.holds import Holds
from shared.storage.queues import Queues

logger = logging.getLogger(__name__)

#: A look comes back well within the shortest time after which a run counts as stalled.
_LONGEST = timedelta(minutes=45)
#: A queue hides a message for whole seconds.
_SHORTEST = timedelta(seconds=1)
_SHORT_PART = 8


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """Why a page has to wait, and how long."""

    #: In words for an operator.
    because: str
    looks_again_in: timedelta
    #: Copy requests, where their number decided; and from how many on pages wait.
    outstanding: int | None = None
    limit: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Withholding:
    """Whether a page may run now."""

    queues: Queues
    holds: Holds
    #: Sigma: 0 pauses, infinity never withholds.
    saturation: float
    #: S: copy requests that all instances can work at once.
    capacity: int
    #: How long a withheld page waits before it looks again.
    recheck: timedelta
    clock: Callable[[], datetime]
    #: Uniform in [0, 1).
    chance: Callable[[], float]

    async def because(self, dataset: str) -> Withheld | None:
        """Why a page of a dataset has to wait; None if it may run. Raises StorageFailedError for a hold alone.

        Counting is the queue's job: a counter of ours would leak. A count that can't be read is a reason to wait.
        """
        hold = (await self.holds.of(dataset)).hold
        limit = mark(self.saturation, capacity=self.capacity)
        if held := self._held(hold, limit=limit):
            # Copies that are put off drain nothing, and whichever goes well first ends the wait.
            return self._withheld(held, limit=limit, is_near=hold.is_deferred(self.clock()) and not hold.is_paused)
        if limit is None:
            return None
        try:
            outstanding = await self.queues.count(Queue.COPY)
        except StorageFailedError:
            logger.warning("outstanding unknown", exc_info=True, extra={"action": "outstanding_unknown"})
            return self._withheld("the copy queue's length can't be read", limit=limit)
        if outstanding < limit:
            return None
        because = f"{outstanding} copy requests are outstanding; pages run below {limit}"
        is_near = outstanding < limit + self.capacity
        return self._withheld(because, limit=limit, outstanding=outstanding, is_near=is_near)

    def _held(self, hold: Hold, *, limit: int | None) -> str | None:
        """What holds, whatever the queue says. An infinite sigma turns all of it off but for what a person said."""
        if hold.paused_since is not None:
            resume = f"`sluice resume {hold.dataset}` or DELETE /api/datasets/{hold.dataset}/pause resumes it"
            return f"the dataset is paused since {hold.paused_since.isoformat()} by {hold.paused_by}; {resume}"
        if limit == 0:
            return "discovery is paused: DISCOVER_SATURATION is 0"
        if limit is not None and hold.deferred_until is not None and hold.is_deferred(self.clock()):
            return f"copies are put off until {hold.deferred_until.isoformat()}: {hold.deferred_because}"
        return None

    def _withheld(
        self, because: str, *, limit: int | None, outstanding: int | None = None, is_near: bool = False
    ) -> Withheld:
        wait = self._short if is_near else self.recheck
        # Pages that were withheld together don't look together: each would find room, and fill it.
        wait = min(wait * (0.75 + self.chance() / 2), _LONGEST)
        return Withheld(because=because, looks_again_in=wait, outstanding=outstanding, limit=limit)

    @property
    def _short(self) -> timedelta:
        """How long to wait near the mark.

        Copies that take a time t each drain sigma x S to S, where slots begin to idle, in (sigma - 1) x t. So none
        starves if the look comes within that: sigma >= 1 + T / t, where T is the wait. With 15 s and a sigma of 1.5
        that would hold for copies of half a minute only; with an eighth of it, for those of four seconds and more.

        Near are S requests above the mark, not fewer: a page that ran just below it sends up to S, so that each full
        page would begin with the long wait otherwise, in which all of them are copied.
        """
        return min(self.recheck, max(self.recheck / _SHORT_PART, _SHORTEST))
