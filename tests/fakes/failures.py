"""The failures table in a dictionary."""

from collections.abc import AsyncIterator, Sequence

from shared.model.assets import partition_key, row_key
from shared.model.rows import Failure
from shared.storage.failures import counted


class MemoryFailures:
    """The last failure of each asset."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], Failure] = {}

    async def record(self, failures: Sequence[Failure]) -> None:
        """Keep the last failure of each asset, with its attempts counted up."""
        for each in failures:
            place = (each.dataset, each.item, each.key)
            self.rows[place] = counted(each, before=self.rows.get(place))

    async def of(self, dataset: str, item: str, key: str) -> Failure | None:
        """The last failure of an asset."""
        return self.rows.get((dataset, item, key))

    async def of_item(self, dataset: str, item: str) -> Sequence[Failure]:
        """The last failures of all assets of an item."""
        return [each for place, each in self.rows.items() if place[:2] == (dataset, item)]

    async def all_of(self, dataset: str) -> AsyncIterator[Failure]:
        """The last failures of all assets of a dataset, by partition and row."""
        ours = [each for each in self.rows.values() if each.dataset == dataset]
        for each in sorted(ours, key=lambda row: (partition_key(dataset, row.item), row_key(row.item, row.key))):
            yield each

    async def remove(self, failure: Failure) -> bool:
        """Remove a failure, if it stands there as it was read."""
        place = (failure.dataset, failure.item, failure.key)
        if self.rows.get(place) != failure:
            return False
        del self.rows[place]
        return True
