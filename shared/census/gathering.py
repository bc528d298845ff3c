"""The three that a census compares, written onto its sheets one after the other."""

import dataclasses
from collections.abc import Callable
from enum import StrEnum

from shared.census.destination import Destination
from shared.census.facts import Described, Recorded, Standing
from shared.census.sheets import Sheets, Side
from shared.census.walking import Walk
from shared.model.errors import SourceChangedError, TokenRefusedError
from shared.redaction import told
from shared.storage.blob_list import ListedBlobs
from shared.storage.ledger_rows import LedgerRows

#: How often the catalog is read from its beginning, where it changes under our hands.
_MOST_PASSES = 3


class Stage(StrEnum):
    """What a census is at."""

    CATALOG = "reading the catalog"
    LEDGER = "reading the ledger"
    DESTINATION = "listing the destination"
    COMPARING = "comparing"
    ASKING = "asking again"


#: Gets how many more of what a stage does are done.
type Progress = Callable[[Stage, int], None]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """Reads for one census."""

    dataset_name: str
    sheets: Sheets
    destination: Destination
    progress: Progress

    async def read_catalog(self, walk: Callable[[], Walk]) -> str | None:
        """Note what is selected and what is refused; return why that isn't all, where it isn't."""
        because = None
        for _ in range(_MOST_PASSES):
            await self.sheets.forget_catalog()
            walking = walk()
            try:
                await self._read_pages(walking)
            except (SourceChangedError, TokenRefusedError) as error:
                because = f"{type(error).__name__}: {told(error)}, in each of {_MOST_PASSES} passes"
            else:
                return walking.broken
        return because

    async def read_ledger(self, rows: LedgerRows) -> None:
        """Note the dataset's rows."""
        async for entry in rows.all_of(self.dataset_name):
            row = entry.row
            place = row.blob
            if row.container == self.destination.container:
                self.destination.take_in(row.blob)
            else:
                # Never a name of the destination's: it isn't looked at.
                place = f"{row.container}//{row.blob}"
            await self.sheets.add(Side.LEDGER, place, Recorded.of(row).encode())
            self.progress(Stage.LEDGER, 1)

    async def list_destination(self, listed: ListedBlobs) -> None:
        """Note the blobs that stand where the dataset has or had some."""
        async for blob in listed.below(self.destination.container, self.destination.prefix):
            await self.sheets.add(Side.DESTINATION, blob.name, Standing.of(blob).encode())
            self.progress(Stage.DESTINATION, 1)

    async def _read_pages(self, walking: Walk) -> None:
        async for walked in walking.pages():
            await self.sheets.refuse(walked.refusals)
            for asset in (asset for item in walked.planned.items for asset in item.assets):
                self.destination.take_in(asset.name)
                await self.sheets.add(Side.CATALOG, asset.name, Described.of(asset).encode())
            self.progress(Stage.CATALOG, sum(len(each.assets) for each in walked.planned.items))
