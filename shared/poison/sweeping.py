"""The failures table without what is over: rows of assets that were copied since."""

import dataclasses
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta

from shared.model.datasets import Datasets
from shared.model.rows import Failure
from shared.redaction import told
from shared.storage.answers import each_of
from shared.storage.failures import Failures
from shared.storage.ledger import Ledger

logger = logging.getLogger(__name__)

#: How long one pass takes at most, but for its last few calls.
_BUDGET = timedelta(minutes=5)
_AT_ONCE = 100


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sweeping:
    """Removes what misleads people; nothing decides by it, so one that stays or goes too soon costs nothing."""

    datasets: Datasets
    failures: Failures
    ledger: Ledger
    clock: Callable[[], datetime]

    async def sweep(self) -> None:
        """Go through the failures of all datasets, another one first each hour: a pass may end before the last.

        Raises nothing but what ends the process: what goes wrong is logged, and the next pass goes there again.
        """
        began = self.clock()
        names = sorted(self.datasets.datasets)
        first = int(began.timestamp() // 3600) % len(names)
        for name in names[first:] + names[:first]:
            try:
                await self._sweep(name, until=began + _BUDGET)
            except Exception as error:
                extra = {"action": "failures_not_swept", "dataset": name, "error": told(error, limit=500)}
                logger.exception("failures not swept", extra=extra)

    async def _sweep(self, dataset: str, *, until: datetime) -> None:
        async for some in _batches(self.failures.all_of(dataset)):
            if self.clock() >= until:
                logger.info("sweeping goes on later", extra={"action": "sweeping_cut", "dataset": dataset})
                return
            entries = await self.ledger.of(dataset, [(each.item, each.key) for each in some])
            rows = {identity: entry.row for identity, entry in entries.items()}
            over = [each for each in some if each.is_over(rows.get((each.item, each.key)))]
            removed = sum(await each_of(over, self.failures.remove))
            if removed:
                extra = {"action": "failures_swept", "dataset": dataset, "removed": removed}
                logger.info("failures swept", extra=extra)


async def _batches(failures: AsyncIterator[Failure]) -> AsyncIterator[Sequence[Failure]]:
    some: list[Failure] = []
    async for each in failures:
        some.append(each)
        if len(some) == _AT_ONCE:
            yield some
            some = []
    if some:
        yield some
