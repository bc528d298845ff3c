"""The ledger in a dictionary."""

import itertools
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from shared.model.assets import partition_key, row_key
from shared.model.rows import LedgerRow
from shared.storage.ledger import Entry, Identity, Write, partition_of, same_completion


class MemoryLedger:
    """Rows with ETags."""

    def __init__(self, rows: Iterable[LedgerRow] = ()) -> None:
        self.entries: dict[tuple[str, Identity], Entry] = {}
        self._versions = itertools.count(1)
        for each in rows:
            self._store(each)

    async def of(self, dataset: str, identities: Sequence[Identity]) -> Mapping[Identity, Entry]:
        """The rows of these assets."""
        return {each: self.entries[dataset, each] for each in identities if (dataset, each) in self.entries}

    async def of_items(self, dataset: str, items: Iterable[str]) -> Mapping[Identity, Entry]:
        """The rows of all assets of these items."""
        wanted = set(items)
        return {
            identity: entry
            for (owner, identity), entry in self.entries.items()
            if owner == dataset and identity[0] in wanted
        }

    async def all_of(self, dataset: str) -> AsyncIterator[Entry]:
        """Every row of a dataset, as ``LedgerRows``."""
        mine = (each for (owner, _), each in self.entries.items() if owner == dataset)
        for each in sorted(mine, key=_place):
            yield each

    async def record(self, writes: Sequence[Write]) -> Sequence[Write]:
        """Write rows, each under its condition."""
        partition_of(writes)
        return [each for each in writes if not self._written(each)]

    @property
    def rows(self) -> list[LedgerRow]:
        """Every row."""
        return [each.row for each in self.entries.values()]

    def _written(self, write: Write) -> bool:
        there = self.entries.get((write.row.dataset, (write.row.item, write.row.key)))
        if write.replaces != (there.etag if there else None):
            return there is not None and same_completion(there.row, write.row)
        self._store(write.row)
        return True

    def _store(self, row: LedgerRow) -> None:
        self.entries[row.dataset, (row.item, row.key)] = Entry(row=row, etag=f'W/"{next(self._versions)}"')


def _place(entry: Entry) -> tuple[str, str]:
    row = entry.row
    return partition_key(row.dataset, row.item), row_key(row.item, row.key)
