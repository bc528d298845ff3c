"""The ledger, built again from the blobs that it is of.

Rows that are missing are inserted; a row that stands is never written over, whatever it says.
"""

import dataclasses
import itertools
import logging
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from shared.ledgers.restoring import Unfit, restored
from shared.model.assets import partition_key
from shared.model.datasets import Datasets
from shared.model.labels import label, owner
from shared.model.rows import LedgerRow
from shared.storage.blob_list import ListedBlob, ListedBlobs
from shared.storage.ledger import MAX_WRITES, Entry, Identity, Ledger, Write

logger = logging.getLogger(__name__)

#: Blobs that are held at a time.
_BATCH = 1000
_MOST_EXAMPLES = 10


class Finding(StrEnum):
    """What a listed blob is to the ledger."""

    #: A row names this blob, and this version of it.
    THERE = "there"
    #: No row: one is written, or would be.
    MISSING = "missing"
    #: The asset's row names another version or another blob: it stays.
    DIFFERS = "differs"
    #: Somebody has written the row meanwhile.
    OVERTAKEN = "overtaken"
    #: Nothing that a row can be made of.
    UNFIT = "unfit"
    #: Another dataset's.
    OTHERS = "others"
    #: An item or a collection that was published: no asset.
    PUBLISHED = "published"
    #: Without our metadata.
    STRANGE = "strange"


class Example(BaseModel):
    """A blob that somebody should look at."""

    model_config = ConfigDict(frozen=True)

    blob: str
    finding: Finding
    because: str


class Rebuilt(BaseModel):
    """What a rebuild found, and did unless it was a dry run."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    container: str
    prefix: str
    is_dry_run: bool
    #: Every listed blob once.
    blobs: dict[Finding, int]
    #: Rows that were written.
    written: int
    examples: tuple[Example, ...]

    @property
    def has_problems(self) -> bool:
        """Whether rows are missing still, or somebody should look at a blob."""
        is_missing = self.is_dry_run and self.blobs[Finding.MISSING] > 0
        return is_missing or any(self.blobs[each] for each in (Finding.UNFIT, Finding.DIFFERS))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilding:
    """Builds the ledger's rows of a dataset from its blobs."""

    datasets: Datasets
    ledger: Ledger
    listed: ListedBlobs

    async def rebuild(
        self,
        dataset: str,
        *,
        prefix: str = "",
        is_dry_run: bool,
        seen: Callable[[int], None] = lambda _: None,
    ) -> Rebuilt:
        """Look at every blob of a dataset's container below a prefix; ``seen`` hears how many more.

        Raises UnknownDatasetError and StorageFailedError; what was written by then stays, and another rebuild finds it
        there.
        """
        place = _Place(dataset=dataset, container=self.datasets.named(dataset).destination.container)
        tally = _Tally()
        async for some in _batches(self.listed.below(place.container, prefix)):
            await self._look(some, place, tally, is_dry_run=is_dry_run)
            seen(len(some))
        rebuilt = Rebuilt(
            dataset=dataset,
            container=place.container,
            prefix=prefix,
            is_dry_run=is_dry_run,
            blobs={each: tally.blobs[each] for each in Finding},
            written=0 if is_dry_run else tally.blobs[Finding.MISSING],
            examples=tuple(tally.examples),
        )
        extra = {"action": "ledger_rebuilt", **rebuilt.model_dump(mode="json", exclude={"examples"})}
        logger.info("ledger rebuilt", extra=extra)
        return rebuilt

    async def _look(self, blobs: Sequence[ListedBlob], place: "_Place", tally: "_Tally", *, is_dry_run: bool) -> None:
        rows: list[LedgerRow] = []
        for blob in blobs:
            match _row_or_finding(blob, place):
                case LedgerRow() as row:
                    rows.append(row)
                case Unfit(because=because):
                    tally.add(Finding.UNFIT, blob.name, because=because)
                case finding:
                    tally.add(finding, blob.name)
        there = await self.ledger.of_items(place.dataset, {each.item for each in rows})
        missing: dict[Identity, LedgerRow] = {}
        for row in rows:
            identity = row.item, row.key
            if row_there := _named(there, identity) or missing.get(identity):
                tally.compare(row, row_there)
            else:
                missing[identity] = row
        lost = set[Identity]() if is_dry_run else await self._insert(missing.values())
        for identity, row in missing.items():
            tally.add(Finding.OVERTAKEN if identity in lost else Finding.MISSING, row.blob)

    async def _insert(self, rows: Iterable[LedgerRow]) -> set[Identity]:
        """Insert rows; returns those that somebody else has written meanwhile."""
        by_partition: defaultdict[str, list[Write]] = defaultdict(list)
        for row in rows:
            by_partition[partition_key(row.dataset, row.item)].append(Write(row=row))
        lost = [
            each.row
            for writes in by_partition.values()
            for some in itertools.batched(writes, MAX_WRITES, strict=False)
            for each in await self.ledger.record(some)
        ]
        return {(each.item, each.key) for each in lost}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    dataset: str
    container: str


@dataclasses.dataclass(slots=True)
class _Tally:
    blobs: Counter[Finding] = dataclasses.field(default_factory=Counter[Finding])
    examples: list[Example] = dataclasses.field(default_factory=list[Example])

    def add(self, finding: Finding, blob: str, *, because: str | None = None) -> None:
        """Count a blob."""
        self.blobs[finding] += 1
        if because is not None and len(self.examples) < _MOST_EXAMPLES:
            self.examples.append(Example(blob=blob, finding=finding, because=because))

    def compare(self, row: LedgerRow, there: LedgerRow) -> None:
        """Count a blob whose asset has a row."""
        if there.blob != row.blob or there.container != row.container:
            self.add(Finding.DIFFERS, row.blob, because=f"the asset's row names the blob {there.blob!r}")
        elif (there.etag, there.length) != (row.etag, row.length):
            self.add(
                Finding.DIFFERS,
                row.blob,
                because=f"its row says {there.etag} and {there.length} bytes, not {row.etag} and {row.length}",
            )
        else:
            self.add(Finding.THERE, row.blob)


def _row_or_finding(blob: ListedBlob, place: _Place) -> LedgerRow | Unfit | Finding:
    metadata = blob.metadata or {}
    whose = owner(metadata)
    if whose is None:
        return Finding.STRANGE
    if whose[0] != place.dataset:
        return Finding.OTHERS
    if label(metadata, "content") is not None:
        return Finding.PUBLISHED
    return restored(blob, dataset=place.dataset, container=place.container)


def _named(there: Mapping[Identity, Entry], identity: Identity) -> LedgerRow | None:
    entry = there.get(identity)
    return entry.row if entry else None


async def _batches(blobs: AsyncIterator[ListedBlob]) -> AsyncIterator[list[ListedBlob]]:
    batch: list[ListedBlob] = []
    async for each in blobs:
        batch.append(each)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
