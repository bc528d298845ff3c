"""The ledger's readers together."""

import dataclasses
from collections.abc import AsyncIterator

from shared.ledgers.rebuilding import Rebuilding
from shared.ledgers.showing import Showing
from shared.model.datasets import Datasets
from shared.model.rows import LedgerRow
from shared.storage.ledger_rows import LedgerRows


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ledgers:
    """What may be done with the ledger beside a run."""

    datasets: Datasets
    rows: LedgerRows
    showing: Showing
    rebuilding: Rebuilding

    async def export(self, dataset: str | None = None) -> AsyncIterator[LedgerRow]:
        """Every row of a dataset, or of all in the order of their names; as they are stored.

        Raises UnknownDatasetError and StorageFailedError.
        """
        names = sorted(self.datasets.datasets)
        if dataset is not None:
            self.datasets.named(dataset)
            names = [dataset]
        for each in names:
            async for entry in self.rows.all_of(each):
                yield entry.row
