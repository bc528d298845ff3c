"""The census of a dataset: catalog, ledger and destination compared, asset by asset, and what is wrong asked for again.

Nothing is ever deleted, and unless it is to mend, nothing is written. The three are read one after the other while the
app may be at work, so what doesn't agree is looked at once more, row and blob, before it is told.
"""

import dataclasses
import logging
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from shared.catalogs.reader import CatalogReader
from shared.census.comparing import Comparing
from shared.census.destination import Destination
from shared.census.found import Found, Mark, Tally
from shared.census.gathering import Gathering, Progress, Stage
from shared.census.mending import Mending
from shared.census.sheets import Sheets
from shared.census.walking import Walk
from shared.model.assets import row_key
from shared.model.causes import Cause
from shared.model.datasets import Dataset, Datasets
from shared.requesting import Documents
from shared.storage.blob_list import ListedBlobs
from shared.storage.blobs import Blobs
from shared.storage.ledger import Ledger
from shared.storage.ledger_rows import LedgerRows
from shared.storage.queues import Queues

logger = logging.getLogger(__name__)

_WRONG = frozenset({Mark.MISSING, Mark.DIFFERENT})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """The use case behind ``sluice census``."""

    datasets: Datasets
    catalog_of: Callable[[Dataset], CatalogReader]
    rows: LedgerRows
    listed: ListedBlobs
    #: What is looked at once more.
    ledger: Ledger
    blobs: Blobs
    #: For what is asked for again.
    documents: Documents
    queues: Queues
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]
    #: Makes a census's id from when it begins.
    new_id: Callable[[datetime], str]

    async def take(
        self, name: str, *, tell: Callable[[Found], None], fix: bool = False, progress: Progress | None = None
    ) -> Tally:
        """Compare; tell of refusals, then of each asset, blob and row in the order of blobs' names.

        ``fix`` asks again for what is missing or differs, once everything was told. Raises UnknownDatasetError,
        StorageFailedError, and what the catalog raises where it can't be reached.
        """
        dataset, now = self.datasets.named(name), self.clock()
        cause = Cause.of_census(name, identifier=self.new_id(now), at=now)
        with tempfile.TemporaryDirectory(prefix="sluice-census-") as folder, Sheets(Path(folder) / "sheets") as sheets:
            taking = _Taking(census=self, dataset=dataset, cause=cause, sheets=sheets, progress=progress or _ignore)
            return await taking.tally(tell, fix=fix)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Taking:
    """One census under way."""

    census: Census
    dataset: Dataset
    cause: Cause
    sheets: Sheets
    progress: Progress

    async def tally(self, tell: Callable[[Found], None], *, fix: bool) -> Tally:
        comparing = await self._gathered()
        marks = await self._compare(comparing, tell)
        asked = await self._mending().ask(self._walk()) if fix else None
        tally = Tally(
            dataset=self.cause.dataset,
            census=self.cause.name,
            began_at=self.cause.asked_at,
            ended_at=self.census.clock(),
            marks=marks,
            beside=comparing.beside,
            since=comparing.since,
            asked=asked,
            broken=comparing.broken,
        )
        extra = {"action": "census_taken", "dataset": tally.dataset, "census": tally.census, "asked": asked}
        logger.info("census taken", extra={**extra, **{each.name.lower(): n for each, n in marks.items()}})
        return tally

    async def _gathered(self) -> Comparing:
        """Read all three: the catalog first, so that what it says is never newer than the others."""
        census, destination = self.census, Destination(self.cause.dataset, self.dataset)
        gathering = Gathering(
            dataset_name=self.cause.dataset, sheets=self.sheets, destination=destination, progress=self.progress
        )
        broken = await gathering.read_catalog(self._walk)
        await gathering.read_ledger(census.rows)
        await gathering.list_destination(census.listed)
        return Comparing(
            dataset_name=self.cause.dataset,
            asked_at=self.cause.asked_at,
            sheets=self.sheets,
            destination=destination,
            ledger=census.ledger,
            blobs=census.blobs,
            broken=broken,
        )

    async def _compare(self, comparing: Comparing, tell: Callable[[Found], None]) -> dict[Mark, int]:
        marks: Counter[Mark] = Counter()
        async for batch in comparing.found():
            for each in batch:
                marks[each.mark] += 1
                tell(each)
            await self.sheets.mark(row_key(each.item, each.key) for each in batch if each.mark in _WRONG)
            self.progress(Stage.COMPARING, len(batch))
        return {each: marks[each] for each in Mark}

    def _mending(self) -> Mending:
        return Mending(
            cause=self.cause,
            sheets=self.sheets,
            documents=self.census.documents,
            queues=self.census.queues,
            progress=self.progress,
        )

    def _walk(self) -> Walk:
        return Walk(
            self.census.catalog_of(self.dataset),
            dataset_name=self.cause.dataset,
            dataset=self.dataset,
            now=self.cause.asked_at,
            sleep=self.census.sleep,
        )


def _ignore(stage: Stage, more: int) -> None:
    """Show nothing."""
