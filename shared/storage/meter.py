"""Counts what this process copies, and writes it down every few seconds."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import date, datetime

from shared.model.errors import StorageFailedError
from shared.model.rows import Activity
from shared.storage.activity import Activities

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 2.0


class Meter:
    """One process's activity, kept in memory and overwritten in its table: for display, so a lost second is no harm."""

    def __init__(
        self,
        activities: Activities,
        *,
        process: str,
        clock: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._activities = activities
        self._process = process
        self._clock = clock
        self._sleep = sleep
        self._counts: defaultdict[tuple[str, date], Activity] = defaultdict(Activity)
        self._changed: set[tuple[str, date]] = set()
        self._writing: asyncio.Task[None] | None = None

    def add(self, dataset: str, activity: Activity) -> None:
        """Count work that is in the ledger."""
        place = dataset, self._clock().date()
        self._counts[place] = self._counts[place].plus(activity)
        self._changed.add(place)
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write_soon())

    async def flush(self) -> None:
        """Write down what changed, now; what can't be written waits for the next time."""
        failed: set[tuple[str, date]] = set()
        while self._changed:
            dataset, day = place = self._changed.pop()
            try:
                await self._activities.write(dataset, day, self._process, activity=self._counts[place])
            except StorageFailedError:
                failed.add(place)
                extra = {"action": "activity_not_written", "dataset": dataset}
                logger.warning("activity not written", exc_info=True, extra=extra)
        self._changed |= failed

    async def _write_soon(self) -> None:
        try:
            await self._sleep(_EVERY_SECONDS)
        finally:
            self._writing = None
        await self.flush()
