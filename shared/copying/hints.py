"""Tells discovery that a dataset's copies wait for their host, so that one slow host doesn't fill the queue for all."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from shared.model.errors import AssetNotYetFoundError, SourceThrottledError, StorageFailedError
from shared.model.rows import Hold
from shared.redaction import told
from shared.storage.holds import Holds

logger = logging.getLogger(__name__)

#: Of a dataset, in one process.
_ONE_WRITE_WITHIN = timedelta(seconds=5)
#: A host that answers one request in ten with 503 brings all these once in a hundred thousand times; one that is down,
#: at once.
_MOST_IN_A_ROW = 5
_TOLD_LENGTH = 500
#: A hint that comes no later after the last one has run out tells of the same trouble.
_ONE_TROUBLE_WITHIN = timedelta(minutes=5)


class Hints:
    """Writes until when a dataset waits. A hint decides nothing but when: one that is wrong or lost costs time."""

    def __init__(self, holds: Holds, *, clock: Callable[[], datetime]) -> None:
        self._holds = holds
        self._clock = clock
        self._in_a_row = Counter[str]()
        self._written: dict[str, datetime] = {}
        #: Datasets that this process took for down, and until when.
        self._down: dict[str, datetime] = {}

    async def went_well(self, dataset: str) -> None:
        """Note that a host answered as it should: another asset's trouble may be that asset's alone.

        What was taken for down is up again, so nothing waits for the rest of a delay; a host that asked for patience
        gets all of it. Never raises a failure of storage.
        """
        self._in_a_row.pop(dataset, None)
        until = self._down.pop(dataset, None)
        if until is None or until <= self._clock():
            return
        try:
            await self._withdraw(dataset, until=until)
        except StorageFailedError:
            extra = {"action": "hint_not_withdrawn", "dataset": dataset}
            logger.warning("hint not withdrawn", exc_info=True, extra=extra)

    async def deferred(
        self, dataset: str, errors: Iterable[Exception], *, until: datetime, host: str | None = None
    ) -> None:
        """Note that copies are put off. Never raises a failure of storage.

        A host that asks for patience gets it at once. One that is down or breaks off is only taken for slow where
        several in a row failed, and several more before the next hint: else a single file that its server can't give
        would hold its dataset back for a day. A file that an event came before says nothing of its host. ``host`` is
        the one that is in trouble; None: our own limits are.
        """
        errors = tuple(each for each in errors if not isinstance(each, AssetNotYetFoundError))
        if not errors:
            return
        self._in_a_row[dataset] += len(errors)
        throttled = [each for each in errors if isinstance(each, SourceThrottledError)]
        if not throttled and self._in_a_row[dataset] < _MOST_IN_A_ROW:
            return
        now, last = self._clock(), self._written.get(dataset)
        if last is not None and now - last < _ONE_WRITE_WITHIN:
            return
        self._written[dataset] = now
        self._in_a_row.pop(dataset, None)
        self._down.pop(dataset, None)
        if not throttled:
            self._down[dataset] = until
        error = (throttled or errors)[0]
        because = f"{type(error).__name__}: {told(error, limit=_TOLD_LENGTH)}"
        try:
            await self._write(dataset, until=until, because=because, host=host)
        except StorageFailedError:
            extra = {"action": "hint_not_written", "dataset": dataset}
            logger.warning("hint not written", exc_info=True, extra=extra)

    async def _write(self, dataset: str, *, until: datetime, because: str, host: str | None) -> None:
        entry = await self._holds.of(dataset)
        before, now = entry.hold.deferred_until, self._clock()
        if before is not None and before >= until:
            return
        goes_on = before is not None and now - before <= _ONE_TROUBLE_WITHIN
        since, known = (entry.hold.deferred_since, entry.hold.deferred_host) if goes_on else (None, None)
        update = {
            "deferred_until": until,
            "deferred_because": because,
            "deferred_since": since or (now if host else None),
            "deferred_host": host or known,
        }
        # Whoever wrote meanwhile knew as much, or a person paused the dataset: the next hint finds that.
        if await self._holds.save(entry.hold.model_copy(update=update), replaces=entry.etag):
            extra = {
                "action": "dataset_deferred",
                "dataset": dataset,
                "host": host,
                "until": until,
                "because": because,
            }
            logger.warning("dataset is put off", extra=extra)

    async def _withdraw(self, dataset: str, *, until: datetime) -> None:
        """Take this process's own hint back, and nobody else's."""
        entry = await self._holds.of(dataset)
        if entry.hold.deferred_until != until:
            return
        hold = entry.hold
        without = Hold(dataset=dataset, paused_since=hold.paused_since, paused_by=hold.paused_by)
        if await self._holds.save(without, replaces=entry.etag):
            logger.info("dataset goes on", extra={"action": "dataset_not_deferred", "dataset": dataset})
