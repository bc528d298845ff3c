"""A dataset that is copied and counted, all of it in memory."""

import dataclasses
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from shared.catalogs.reader import PagesOnly
from shared.census import Census, Found, Tally
from shared.model.assets import Asset
from shared.model.datasets import Datasets
from shared.model.items import CatalogItem, Page
from shared.model.messages import CopyRequest, Queue
from shared.model.rows import LedgerRow
from shared.model.selection import plan_page
from shared.model.windows import TimeProperty, Window
from shared.requesting import Documents
from shared.storage.blob_list import ListedBlob
from shared.storage.blobs import BlobPath, Content
from shared.storage.items import Items
from shared.storage.ledger import Write
from tests.fakes.blob_list import MemoryListedBlobs
from tests.fakes.catalogs import paged
from tests.unit.copying.world import World, path, request, tiff

NO_METADATA: Mapping[str, str] = MappingProxyType({})
#: Of every asset that nothing else is served for.
BODY = tiff(12, seed=3)


class CountedWorld(World):
    """The dataset ``s2``: its catalog, what copies it, and what counts it."""

    def __init__(self, *items: CatalogItem, page_size: int = 2, **parts: Any) -> None:
        super().__init__(**parts)
        self.offer(*items, page_size=page_size)
        #: How long the census waited before it read a page again.
        self.waits: list[float] = []
        #: Raised in place of the page of a token.
        self.failing: dict[str | None, list[Exception]] = {}
        #: Called before that.
        self.at_failure: Callable[[], None] = lambda: None
        #: Blobs whose metadata can't be read, and containers that aren't there.
        self.closed: set[str] = set()
        self.missing_containers: set[str] = set()
        #: Called with the prefix before the destination is listed.
        self.before_listing: Callable[[str], Awaitable[None]] = _do_nothing
        self._ids = itertools.count(1)

    def offer(self, *items: CatalogItem, page_size: int = 2) -> None:
        """Let the catalog list these from now on."""
        self.catalog.pages = paged(items, size=page_size)

    @property
    def assets(self) -> Sequence[Asset]:
        """What the catalog lists and the dataset selects, in its order."""
        everything = Page(
            items=tuple(each for page in self.catalog.pages.values() for each in page.items), next_token=None
        )
        planned, _ = plan_page(everything, dataset_name="s2", dataset=self.dataset, capacity=1)
        return [asset for each in planned.items for asset in each.assets]

    async def copy(self, *assets: Asset, **values: Any) -> None:
        """Copy these, or all that are listed, and let an hour pass."""
        for each in assets or self.assets:
            if each.href not in self.sources.versions:
                self.serve(each, BODY)
            await self.deliver(request(each, **values))
        self.clock.turn(timedelta(hours=1))

    async def overwrite(self, asset: Asset, body: bytes, *, with_labels: bool) -> None:
        """Put other bytes in place of an asset's blob, as somebody does who knows nothing of us."""
        there = self.blobs.blobs[path(asset)]
        content = Content(md5=None, media_type="image/tiff", metadata=there.metadata if with_labels else NO_METADATA)
        await self.blobs.put(path(asset), (body,), content=content, replaces=there.etag)

    async def put(self, name: str, body: bytes = b"?", *, container: str = "assets", **metadata: str) -> None:
        """Put a blob that is no asset of ours."""
        content = Content(md5=None, media_type="text/plain", metadata=metadata)
        await self.blobs.put(BlobPath(container=container, name=name), (body,), content=content)

    def lose(self, asset: Asset) -> None:
        """Let an asset's blob be gone."""
        del self.blobs.blobs[path(asset)], self.blobs.bodies[path(asset)]

    def unrecord(self, asset: Asset) -> None:
        """Let an asset's row be gone."""
        del self.ledger.entries["s2", asset.identity]

    async def record(self, row: LedgerRow) -> None:
        """Write a row over what stands there."""
        there = self.ledger.entries.get(("s2", (row.item, row.key)))
        assert not await self.ledger.record([Write(row=row, replaces=there.etag if there else None)])

    def recorded(self, asset: Asset) -> LedgerRow:
        """An asset's row."""
        return self.ledger.entries["s2", asset.identity].row

    @property
    def census(self) -> Census:
        """The use case; its censuses are called ``1``, ``2`` and so on."""
        datasets = Datasets(datasets={"s2": self.dataset})
        return Census(
            datasets=datasets,
            catalog_of=lambda _: _Catalog(self),
            rows=self.ledger,
            listed=_Listed(self),
            ledger=self.ledger,
            blobs=self.blobs,
            documents=Documents(
                datasets,
                items=Items(self.blobs),
                queues=self.queues,
                failures=self.failures,
                catalog_of=lambda _: self.catalog,
                endpoint="https://account.example.org",
                clock=self.clock,
            ),
            queues=self.queues,
            clock=self.clock,
            sleep=self._wait,
            new_id=lambda _: str(next(self._ids)),
        )

    async def take(self, **values: Any) -> tuple[list[Found], Tally]:
        """What a census tells, and what it comes to."""
        found: list[Found] = []
        tally = await self.census.take("s2", tell=found.append, **values)
        return found, tally

    async def lines(self) -> list[str]:
        """What a census tells, as rclone writes it, without the dataset's folder."""
        found, _ = await self.take()
        return [each.line.replace(" s2/s2/", " ") for each in found]

    async def fix(self) -> list[CopyRequest]:
        """Take a census that mends; return what it asked for, once that was worked."""
        before = len(self.sent(Queue.COPY))
        await self.take(fix=True)
        asked = self.sent(Queue.COPY)[before:]
        for each in asked:
            await self.deliver(each)
        self.clock.turn(timedelta(hours=1))
        return asked

    async def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)


class _Catalog(PagesOnly):
    """The catalog's pages, but for those that fail."""

    def __init__(self, world: CountedWorld) -> None:
        self._world = world

    async def page(self, token: str | None, *, window: Window, by: TimeProperty = TimeProperty.DATETIME) -> Page:
        """See ``CatalogReader``."""
        if errors := self._world.failing.get(token):
            self._world.at_failure()
            raise errors.pop()
        return await self._world.catalog.page(token, window=window, by=by)


class _Listed:
    """The destination's list, with what a test wants of it."""

    def __init__(self, world: CountedWorld) -> None:
        self._world = world

    async def below(self, container: str, prefix: str) -> AsyncIterator[ListedBlob]:
        """See ``ListedBlobs``."""
        await self._world.before_listing(prefix)
        listed = MemoryListedBlobs(self._world.blobs, missing=self._world.missing_containers)
        async for each in listed.below(container, prefix):
            yield dataclasses.replace(each, metadata=None) if each.name in self._world.closed else each


async def _do_nothing(_: str) -> None:
    """Nothing happens meanwhile."""
