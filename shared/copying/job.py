"""One asset to copy, and what came of it."""

import dataclasses
from datetime import datetime

from shared.model.assets import Asset
from shared.model.datasets import Dataset
from shared.model.rows import LedgerRow
from shared.storage.blobs import BlobPath
from shared.storage.ledger import Entry


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One asset of a request."""

    dataset_name: str
    dataset: Dataset
    asset: Asset
    #: The run or event that asked, and when it began.
    cause: str
    asked_at: datetime
    #: The asset's ledger row, where it has one.
    entry: Entry | None
    #: When to stop and go on in another invocation.
    deadline: datetime
    #: How many blocks stood staged when the last invocation stopped.
    staged_before: int | None = None

    @property
    def is_done(self) -> bool:
        """Tell whether the row that was read is this request's own work, or stands for a newer description."""
        entry = self.entry
        return entry is not None and entry.row.settles(self.asset, cause=self.cause, asked_at=self.asked_at)

    @property
    def path(self) -> BlobPath:
        """Where the blob goes."""
        return BlobPath(container=self.dataset.destination.container, name=self.asset.name)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """The blob was written."""

    row: LedgerRow


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The blob stood there already, and agrees."""

    row: LedgerRow


type Outcome = Copied | Kept


class DeadlineReachedError(Exception):
    """The soft deadline came while a body was read; never leaves the engine."""
