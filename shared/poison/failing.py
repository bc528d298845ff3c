"""The failures table, to be shown: what failed and was not copied since, in whatever queue it stands now."""

import contextlib
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

from shared.model.datasets import Datasets
from shared.model.rows import Failure
from shared.poison.choosing import Choice, Traits
from shared.storage.failures import Failures
from shared.storage.ledger import Ledger

#: Looked up in the ledger together.
_AT_ONCE = 100


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """Shows failures."""

    datasets: Datasets
    failures: Failures
    ledger: Ledger

    async def tell(self, choice: Choice, *, to: Callable[[Failure], None], limit: int | None = None) -> bool:
        """Tell of each failure that is meant, dataset by dataset; whether there are more than were told of.

        Without a dataset: of all that are defined. Raises StorageFailedError.
        """
        told = 0
        for name in [choice.dataset] if choice.dataset else sorted(self.datasets.datasets):
            async with contextlib.aclosing(self._present(name, choice)) as found:
                async for failure in found:
                    if told == limit:
                        return True
                    to(failure)
                    told += 1
        return False

    async def _present(self, dataset: str, choice: Choice) -> AsyncGenerator[Failure]:
        """Those that are meant, without those of assets that were copied since."""
        async for some in _batches(self.failures.all_of(dataset), choice=choice):
            entries = await self.ledger.of(dataset, [(each.item, each.key) for each in some])
            for each in some:
                entry = entries.get((each.item, each.key))
                if not each.is_over(entry.row if entry else None):
                    yield each


async def _batches(failures: AsyncIterator[Failure], *, choice: Choice) -> AsyncGenerator[Sequence[Failure]]:
    some: list[Failure] = []
    async for each in failures:
        if choice.fits(_traits(each)):
            some.append(each)
        if len(some) == _AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _traits(failure: Failure) -> Traits:
    return Traits(
        dataset=failure.dataset,
        items=(failure.item,),
        hosts=(failure.host,),
        error=failure.error,
        failed_at=failure.last_at,
        texts=(failure.item, failure.key, failure.href, failure.message, failure.cause),
    )
