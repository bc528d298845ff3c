"""Discovery waits while copies are outstanding, as Dask's scheduler withholds root tasks (``worker-saturation``)."""

import dataclasses
import logging
import math

from shared.model.errors import StorageFailedError
from shared.model.messages import Queue
from shared.storage.queues import Queues

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Withholding:
    """Whether a page may run now."""

    queues: Queues
    #: Sigma: 0 pauses, infinity never withholds.
    saturation: float
    #: S: copy requests that all instances can work at once.
    capacity: int

    async def because(self) -> str | None:
        """Why a page has to wait, in words for an operator; None if it may run.

        Counting is the queue's job: a counter of ours would leak. A count that can't be read is a reason to wait.
        """
        if math.isinf(self.saturation):
            return None
        limit = math.ceil(self.saturation * self.capacity)
        if limit == 0:
            return "discovery is paused: DISCOVER_SATURATION is 0"
        try:
            outstanding = await self.queues.count(Queue.COPY)
        except StorageFailedError:
            logger.warning("outstanding unknown", exc_info=True, extra={"action": "outstanding_unknown"})
            return "the copy queue's length can't be read"
        if outstanding < limit:
            return None
        return f"{outstanding} copy requests are outstanding; pages run below {limit}"
