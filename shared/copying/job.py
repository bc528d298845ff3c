"""One asset to copy, and what came of it."""

import dataclasses
from datetime import datetime
from typing import Self

from shared.copying.integrity import Authority, Expected
from shared.model.assets import Asset
from shared.model.causes import is_census
from shared.model.datasets import Dataset
from shared.model.rows import LedgerRow
from shared.sources.sidecars import Sidecar
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
    #: What the asset's checksum file states, once it was read.
    sidecar: Sidecar | None = None
    #: The description that was asked for, where the catalog has another one now.
    instead_of: str | None = None

    @property
    def is_done(self) -> bool:
        """Tell whether the row that was read is this request's own work, or stands for a newer description."""
        entry = self.entry
        return entry is not None and entry.row.settles(self.asset, cause=self.cause, asked_at=self.asked_at)

    @property
    def is_checked(self) -> bool:
        """Tell whether a census asks, which has seen that ledger and blob don't agree: a row alone settles nothing."""
        return is_census(self.cause)

    def doubts(self, etag: str) -> bool:
        """Tell whether a blob is another one than its row tells of, so that its labels prove nothing.

        Only a census has seen the two together: to anybody else it may be a blob whose row is still to be written.
        """
        return self.is_checked and self.entry is not None and self.entry.row.etag != etag

    @property
    def path(self) -> BlobPath:
        """Where the blob goes."""
        return BlobPath(container=self.dataset.destination.container, name=self.asset.name)

    @property
    def expected(self) -> list[Expected]:
        """The digests that are stated beside the bytes."""
        beside = self.sidecar.digest if self.sidecar else None
        stated = {Authority.CATALOG: self.asset.checksum, Authority.SIDECAR: beside}
        return [Expected(by=by, digest=digest) for by, digest in stated.items() if digest is not None]

    def described_anew(self, asset: Asset) -> Self:
        """The same job for the asset as it is described now."""
        return dataclasses.replace(self, asset=asset, instead_of=self.asset.description)

    def row(
        self,
        *,
        etag: str,
        length: int,
        digests: tuple[str, ...],
        verified_by: str,
        validator: str | None,
        completed_at: datetime,
    ) -> LedgerRow:
        """The row of this asset, at a blob of which these are the facts."""
        return LedgerRow(
            dataset=self.dataset_name,
            item=self.asset.item,
            key=self.asset.key,
            href=self.asset.href,
            container=self.path.container,
            blob=self.path.name,
            etag=etag,
            length=length,
            digests=digests,
            verified_by=verified_by,
            validator=validator,
            description=self.asset.description,
            # Not when the catalog was asked again: a page that was listed since may say something newer.
            described_at=self.asset.described_at(self.asked_at),
            instead_of=self.instead_of,
            cause=self.cause,
            completed_at=completed_at,
        )


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
