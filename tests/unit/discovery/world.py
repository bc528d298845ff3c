"""Discovery of the dataset ``demo`` in virtual time, among fakes that show what it did."""

import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.discovery import Discovery, Planning, Starting, Surveying, Withholding
from shared.model.assets import Asset
from shared.model.counts import Counts
from shared.model.datasets import Datasets
from shared.model.items import CatalogAsset, CatalogItem, Page
from shared.model.messages import CopyRequest, PageRequest, Queue
from shared.model.prices import load_prices
from shared.model.rows import LedgerRow, Run
from shared.requesting import Documents
from shared.storage.items import Items
from shared.storage.ledger import Write
from shared.storage.plans import Plans
from tests.fakes import (
    MemoryBlobs,
    MemoryFailures,
    MemoryHolds,
    MemoryLedger,
    MemoryQueues,
    MemoryRuns,
    MemoryTotals,
    MemoryWatermarks,
)
from tests.fakes.catalogs import MemoryCatalog
from tests.fakes.faults import Call, Faults, KilledError
from tests.unit.model.builders import dataset

START = datetime(2024, 6, 1, 12, tzinfo=UTC)
RECHECK = timedelta(seconds=20)
STALL = timedelta(minutes=75)
#: More pages than any case has.
_MOST_DELIVERIES = 500


class Clock:
    """The time, which passes when a test says so."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """What the clock says."""
        return self.now

    def pass_by(self, duration: timedelta) -> None:
        """Let time pass."""
        self.now += duration


class World:
    """A catalog, the stores, and what stands in them."""

    def __init__(
        self, pages: Mapping[str | None, Page], *, capacity: int = 24, saturation: float = 1.5, **parts: Any
    ) -> None:
        self.datasets = Datasets(datasets={"demo": dataset(**parts)})
        self.catalog = MemoryCatalog(pages)
        self.runs = MemoryRuns()
        self.plans = MemoryRuns()
        self.totals = MemoryTotals()
        self.watermarks = MemoryWatermarks()
        self.blobs = MemoryBlobs()
        self.ledger = MemoryLedger()
        self.queues = MemoryQueues()
        self.failures = MemoryFailures()
        self.holds = MemoryHolds()
        self.clock = Clock()
        self.capacity = capacity
        self.saturation = saturation
        #: What chance says next, always.
        self.chance = 0.5
        self._taken = 0
        self._ids = itertools.count(1)

    def discovery(self, faults: Faults | None = None) -> Discovery:
        """A process's use case, whose calls may fail."""
        faults = faults or Faults()
        queues, catalog = faults.watch(self.queues), faults.watch(self.catalog)
        return Discovery(
            datasets=self.datasets,
            runs=faults.watch(self.runs),
            plans=Plans(runs=faults.watch(self.plans), totals=faults.watch(self.totals)),
            surveying=Surveying(
                ledger=faults.watch(self.ledger),
                totals=faults.watch(self.totals),
                prices=load_prices(),
                block_size=8 << 20,
            ),
            watermarks=faults.watch(self.watermarks),
            ledger=faults.watch(self.ledger),
            queues=queues,
            failures=faults.watch(self.failures),
            catalog_of=lambda _: catalog,
            withholding=Withholding(
                queues=queues,
                holds=faults.watch(self.holds),
                saturation=self.saturation,
                capacity=self.capacity,
                recheck=RECHECK,
                clock=self.clock,
                chance=lambda: self.chance,
            ),
            documents=Documents(
                self.datasets,
                items=Items(faults.watch(self.blobs)),
                queues=queues,
                failures=faults.watch(self.failures),
                catalog_of=lambda _: catalog,
                endpoint="https://account.example.org",
                clock=self.clock,
            ),
            most_deliveries=5,
            clock=self.clock,
            chance=lambda: self.chance,
        )

    def starting(self, faults: Faults | None = None) -> Starting:
        """A process's other use case; its runs are called ``new-1``, ``new-2`` and so on."""
        faults = faults or Faults()
        return Starting(
            datasets=self.datasets,
            runs=faults.watch(self.runs),
            watermarks=faults.watch(self.watermarks),
            holds=faults.watch(self.holds),
            queues=faults.watch(self.queues),
            clock=self.clock,
            new_id=lambda _: f"new-{next(self._ids)}",
            stall=STALL,
        )

    def planning(self, faults: Faults | None = None) -> Planning:
        """The use case of plans; they are called ``new-1`` and so on, as runs are."""
        faults = faults or Faults()
        return Planning(
            datasets=self.datasets,
            plans=Plans(runs=faults.watch(self.plans), totals=faults.watch(self.totals)),
            queues=faults.watch(self.queues),
            prices=load_prices(),
            clock=self.clock,
            new_id=lambda _: f"new-{next(self._ids)}",
        )

    async def begin(self, **values: Any) -> PageRequest:
        """Let a run stand there as the newest; return the request for its first page."""
        given = {"dataset": "demo", "run": "run-1", "trigger": "request", "began_at": START, "progress_at": START}
        run = Run.model_validate({**given, **values})
        there = self.runs.newest_runs.get("demo")
        assert await self.runs.save(run, replaces=there.etag if there else None)
        return PageRequest(dataset="demo", run=run.run, pass_number=run.pass_number)

    async def deliver(self, request: PageRequest, *, faults: Faults | None = None) -> None:
        """Hand a page to a process."""
        await self.discovery(faults).deliver(request.encode().encode())

    async def kill(self, request: PageRequest, *, at: Callable[[Call], bool]) -> None:
        """Hand a page to a process that is killed before this call."""
        with pytest.raises(KilledError):
            await self.deliver(request, faults=Faults(at=at))

    async def drain(self, *, outstanding: int = 0) -> None:
        """Deliver what stands in the discover queue until nothing does; so many copy requests are left each time."""
        for _ in range(_MOST_DELIVERIES):
            self.queues.counts[Queue.COPY] = outstanding
            pages = self.pages()
            if self._taken == len(pages):
                return
            self._taken += 1
            await self.deliver(pages[self._taken - 1])
        raise AssertionError("discovery doesn't end")

    def pages(self) -> list[PageRequest]:
        """Every page that was asked for."""
        return [PageRequest.decode(each.encode()) for each in self.queues.bodies(Queue.DISCOVER)]

    def delays(self) -> list[timedelta]:
        """The delay of each of these."""
        return [each.delay for each in self.queues.sent if each.queue == Queue.DISCOVER]

    def poison(self) -> list[PageRequest]:
        """Pages that failed for good."""
        return [PageRequest.decode(each.encode()) for each in self.queues.bodies(Queue.DISCOVER.poison)]

    def requests(self) -> list[CopyRequest]:
        """Every copy request that was sent."""
        return [CopyRequest.decode(each.encode()) for each in self.queues.bodies(Queue.COPY)]

    def keys(self) -> list[tuple[str, str]]:
        """The assets that were asked for, in order, as often as they were."""
        return [asset.identity for each in self.requests() for asset in each.assets]

    async def bring(self, *assets: Asset, cause: str, **values: Any) -> None:
        """Let the ledger say that these assets are there, brought by this cause."""
        for each in assets:
            entry = self.ledger.entries.get(("demo", each.identity))
            row = completion(each, cause=cause, **values)
            assert not await self.ledger.record([Write(row=row, replaces=entry.etag if entry else None)])

    @property
    def run(self) -> Run:
        """The newest run."""
        return self.runs.newest_runs["demo"].run

    async def total(self) -> Counts:
        """The counts of the newest run's pass."""
        return await self.runs.total("demo", self.run.run, pass_number=self.run.pass_number)


def item(name: str, *keys: str, **values: Any) -> CatalogItem:
    """An item with one asset for each key (none named: ``data``); ``values`` are the assets'."""
    named: dict[str, dict[str, Any]] = {
        key: {"key": key, "href": f"https://data.example.org/{name}/{key}.tif", **values} for key in keys or ("data",)
    }
    assets = tuple(CatalogAsset(**each) for each in named.values())
    return CatalogItem(item=f"s2/{name}", collection="s2", id=name, assets=assets)


def items(count: int, **values: Any) -> list[CatalogItem]:
    """Items of one asset each."""
    return [item(f"{number:03}", **values) for number in range(count)]


def asset(name: str, key: str = "data", **values: Any) -> Asset:
    """The asset of such an item as it is asked for."""
    given = {
        "item": f"s2/{name}",
        "key": key,
        "href": f"https://data.example.org/{name}/{key}.tif",
        "name": f"demo/s2/{name}/{key}/{key}.tif",
    }
    return Asset.model_validate({**given, **values})


def completion(of: Asset, *, cause: str, **values: Any) -> LedgerRow:
    """The row of a copy of this asset as it is described, brought by this cause."""
    given = {
        "dataset": "demo",
        "item": of.item,
        "key": of.key,
        "href": of.href,
        "container": "assets",
        "blob": of.name,
        "etag": '"1"',
        "length": 1,
        "digests": (),
        "verified_by": "none",
        "description": of.description,
        "described_at": START,
        "cause": cause,
        "completed_at": START,
    }
    return LedgerRow.model_validate({**given, **values})
