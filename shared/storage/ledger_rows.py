"""All of the ledger's rows of a dataset, one after the other: for who exports, counts or compares them.

Nothing that is asked for every asset reads rows like this: a dataset can have millions.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from shared.model.assets import partition_keys
from shared.storage.calls import Calls
from shared.storage.ledger import TABLE, Entry, entry_of
from shared.storage.tables import Table


class LedgerRows(Protocol):
    """The ledger, read from its beginning to its end."""

    def all_of(self, dataset: str) -> AsyncIterator[Entry]:
        """Every row of a dataset by partition and row key, as they are stored; a page of them is held at a time.

        Rows that are written meanwhile may or may not come. Raises StorageFailedError.
        """
        ...


class AzureLedgerRows:
    """The ledger in Table Storage."""

    def __init__(self, calls: Calls, *, table: str = TABLE) -> None:
        self._table = Table(calls, table)

    async def all_of(self, dataset: str) -> AsyncIterator[Entry]:
        """A query for each partition: a range over all of them would have those of ``a-05-b`` among those of ``a``."""
        for partition in partition_keys(dataset):
            async for each in self._table.read_partition(partition):
                yield entry_of(each)
