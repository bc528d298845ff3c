"""A ledger with its blobs, its failures and its runs, in memory."""

from datetime import timedelta
from typing import Any

from shared.ledgers import Rebuilding, Reporting, Showing
from shared.model.assets import Asset
from shared.model.counts import PartCounts
from shared.model.datasets import Datasets
from shared.model.items import Cut, PlannedItem, PlannedPage
from shared.model.labels import labels
from shared.model.rows import Failure, LedgerRow, Run
from shared.storage.blobs import BlobPath, Content
from shared.storage.ledger import Write
from tests.fakes import MemoryBlobs, MemoryFailures, MemoryLedger, MemoryRuns, MemoryTotals
from tests.fakes.blob_list import MemoryListedBlobs
from tests.unit.model.builders import NOON, dataset

ENDPOINT = "https://account.blob.example.org"
HOUR = timedelta(hours=1)
RUN = "20240601T120000Z-aaaa0001"
CUT = Cut(bundle_assets=1, bundle_bytes=1024, requests=2)


class World:
    """The stores, and what stands in them; datasets are ``demo`` and ``other``, in one container."""

    def __init__(self, **parts: Any) -> None:
        self.blobs = MemoryBlobs(now=lambda: NOON)
        self.ledger = MemoryLedger()
        self.failures = MemoryFailures()
        self.runs = MemoryRuns()
        self.totals = MemoryTotals()
        self.datasets = Datasets(datasets={"demo": dataset(**parts), "other": dataset()})

    @property
    def showing(self) -> Showing:
        """The use case."""
        return Showing(
            datasets=self.datasets,
            ledger=self.ledger,
            rows=self.ledger,
            failures=self.failures,
            blobs=self.blobs,
            endpoint=ENDPOINT,
        )

    @property
    def rebuilding(self) -> Rebuilding:
        """The use case."""
        return Rebuilding(datasets=self.datasets, ledger=self.ledger, listed=MemoryListedBlobs(self.blobs))

    @property
    def reporting(self) -> Reporting:
        """The use case."""
        return Reporting(
            datasets=self.datasets,
            runs=self.runs,
            totals=self.totals,
            ledger=self.ledger,
            failures=self.failures,
            most_deliveries=5,
        )

    async def bring(self, asset: Asset, **values: Any) -> LedgerRow:
        """Copy an asset: its blob, and its row."""
        row = await self.write(asset, **values)
        await self.record(row)
        return row

    async def write(self, asset: Asset, *, metadata: dict[str, str] | None = None, **values: Any) -> LedgerRow:
        """Write an asset's blob alone; returns the row that it stands for."""
        row = row_of(asset, **values)
        path = BlobPath(container=row.container, name=row.blob)
        there = self.blobs.blobs.get(path)
        content = Content(md5=None, media_type="image/tiff", metadata=labels(row) if metadata is None else metadata)
        blob = await self.blobs.put(path, (b"x" * row.length,), content=content, replaces=there and there.etag)
        return row.model_copy(update={"etag": blob.etag})

    async def record(self, row: LedgerRow) -> None:
        """Write a row over what stands there."""
        there = self.ledger.entries.get((row.dataset, (row.item, row.key)))
        assert not await self.ledger.record([Write(row=row, replaces=there and there.etag)])

    async def fail(self, asset: Asset, **values: Any) -> Failure:
        """Let the failures table say that an asset failed."""
        failure = failure_of(asset, **values)
        await self.failures.record([failure])
        return failure

    async def keep(
        self, number: int, *assets: Asset, pass_number: int = 1, is_last: bool = True, **values: Any
    ) -> None:
        """Keep a page of the run, each asset an item of its own, of which all parts are done."""
        place = (pass_number, number)
        page = page_of(*assets, next_token=None if is_last else "more", **values)
        await self.runs.keep("demo", RUN, place=place, page=page)
        for part in range(max(1, -(-len(assets) // page.cut.requests))):
            counts = PartCounts(
                available=page.available if part == 0 else 0,
                filtered=page.filtered if part == 0 else 0,
                refused=page.refused if part == 0 else 0,
                items_sent=len(assets) if part == 0 else 0,
                done=True,
            )
            await self.runs.count("demo", RUN, place=(*place, part), counts=counts)

    async def begin(self, **values: Any) -> Run:
        """Make the run the newest of its dataset."""
        given = {"dataset": "demo", "run": RUN, "trigger": "request", "began_at": NOON, "progress_at": NOON}
        run = Run.model_validate({**given, "state": "complete", **values})
        there = self.runs.newest_runs.get("demo")
        assert await self.runs.save(run, replaces=there and there.etag)
        return run


def row_of(asset: Asset, **values: Any) -> LedgerRow:
    """The row of an asset that the run has copied at noon."""
    given = {
        "dataset": "demo",
        "item": asset.item,
        "key": asset.key,
        "href": asset.href,
        "container": "assets",
        "blob": asset.name,
        "etag": '"1"',
        "length": 5,
        "digests": ("sha256:" + "0" * 64,),
        "verified_by": "catalog sha256",
        "validator": 'etag:"v1"',
        "description": asset.description,
        "described_at": asset.described_at(NOON),
        "cause": RUN,
        "completed_at": NOON,
    }
    return LedgerRow.model_validate({**given, **values})


def failure_of(asset: Asset, **values: Any) -> Failure:
    """A failure of an asset an hour after noon."""
    given = {
        "dataset": "demo",
        "item": asset.item,
        "key": asset.key,
        "href": asset.href,
        "error": "AssetNotFoundError",
        "fate": "poison",
        "message": "404",
        "host": "data.example.org",
        "cause": RUN,
        "first_at": NOON + HOUR,
        "last_at": NOON + HOUR,
    }
    return Failure.model_validate({**given, **values})


def page_of(*assets: Asset, **values: Any) -> PlannedPage:
    """A page of these assets, each an item of its own."""
    given: dict[str, Any] = {
        "items": tuple(PlannedItem(item=each.item, assets=(each,)) for each in assets),
        "next_token": None,
        "available": len(assets),
        "filtered": 0,
        "refused": 0,
        "cut": CUT,
    }
    return PlannedPage(**{**given, **values})
