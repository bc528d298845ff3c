"""What is kept of items for their publishing before their assets are asked for, and which are published at once."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from shared.catalogs.reader import CatalogReader
from shared.model.causes import Cause
from shared.model.datasets import Dataset, Datasets
from shared.model.documents import ItemDocument, collection_name, item_name, unsigned_document
from shared.model.errors import (
    BadNameError,
    DeferredError,
    NameTakenError,
    PermanentError,
    SluiceError,
    SourceUnavailableError,
)
from shared.model.items import CatalogCollection, CatalogItem, Page, PlannedItem, PlannedPage, Refusal, fit_name
from shared.model.messages import PublishRequest, Queue
from shared.model.publishing import OnFailure, Publish
from shared.model.rewriting import Addresses, published_collection
from shared.model.selection import is_selected_by_key
from shared.redaction import told
from shared.requesting.refusals import failure_of
from shared.storage.answers import each_of
from shared.storage.blobs import BlobPath
from shared.storage.failures import Failures
from shared.storage.items import Items
from shared.storage.queues import Queues

logger = logging.getLogger(__name__)

_COLLECTION_SECONDS = 60


class Documents:
    """Keeps documents of items and collections; does nothing for a dataset that doesn't publish."""

    def __init__(
        self,
        datasets: Datasets,
        *,
        items: Items,
        queues: Queues,
        failures: Failures,
        catalog_of: Callable[[Dataset], CatalogReader],
        endpoint: str,
        clock: Callable[[], datetime],
    ) -> None:
        """``endpoint``: where the data account's blobs are, without a slash at its end."""
        self._datasets = datasets
        self._items = items
        self._queues = queues
        self._failures = failures
        self._catalog_of = catalog_of
        self._endpoint = endpoint
        self._clock = clock
        #: Of a dataset's runs, and of its events: the run in which this process last asked for collections, and those
        #: that it has.
        self._collections: dict[tuple[str, bool], tuple[str, set[str]]] = {}

    async def keep(self, page: Page, planned: PlannedPage, *, refusals: Sequence[Refusal], cause: Cause) -> PlannedPage:
        """Keep the documents of a page's items, and of their collections; return the page with their versions.

        Raises StorageFailedError, and DeferredError where the catalog can't be asked for a collection now.
        """
        dataset = self._datasets.named(cause.dataset)
        publish = dataset.publish
        if publish is None:
            return planned
        listed = {each.item: each for each in page.items}
        refused: dict[str, list[str]] = {}
        for each in refusals:
            if each.key and is_selected_by_key(each.key, select=dataset.select):
                refused.setdefault(each.item, []).append(each.key)

        async def versioned(item: PlannedItem) -> PlannedItem:
            document = await self._document(
                listed[item.item],
                item,
                refused=tuple(refused.get(fit_name(item.item), ())),
                cause=cause,
                dataset=dataset,
                publish=publish,
            )
            version = None if document is None else await self._items.keep(cause.dataset, document)
            return item.model_copy(update={"version": version})

        items = await each_of(planned.items, versioned)
        names = {listed[each.item].collection for each in items if each.version}
        for name in sorted(each for each in names if each):
            await self._keep_collection(name, cause=cause, dataset=dataset, publish=publish)
        return planned.model_copy(update={"items": tuple(items)})

    async def ask(self, cause: Cause, items: Iterable[PlannedItem]) -> None:
        """Ask for the publishing of whole items of which nothing had to be sent, where it isn't published as they are.

        So a lost request to publish heals, and what was copied before its dataset published is published.
        """
        dataset = self._datasets.named(cause.dataset)
        if dataset.publish is None:
            return

        async def ask(each: PlannedItem) -> None:
            if each.version is None or await self._is_published(each, cause=cause, dataset=dataset):
                return
            request = PublishRequest(
                dataset=cause.dataset, item=each.item, version=each.version, asked_at=cause.asked_at
            )
            await self._queues.send(Queue.PUBLISH, request.encode())

        await each_of(items, ask)

    async def _is_published(self, each: PlannedItem, *, cause: Cause, dataset: Dataset) -> bool:
        name = item_name(each.item, dataset_name=cause.dataset, dataset=dataset)
        path = BlobPath(container=dataset.items_container, name=name)
        try:
            there = await self._items.published(path, dataset=cause.dataset, item=each.item)
        except NameTakenError:
            # Whoever is asked to publish says so in public.
            return False
        return there is not None and there.edition.version == each.version

    async def _document(
        self,
        listed: CatalogItem,
        item: PlannedItem,
        *,
        refused: tuple[str, ...],
        cause: Cause,
        dataset: Dataset,
        publish: Publish,
    ) -> ItemDocument | None:
        """The document of an item that is to be published; None for one that can't be."""
        if listed.document is None and [each.key for each in item.assets] == [item.item]:
            # An asset without an item is published by its own blob.
            return None
        if refused and publish.on_failure is OnFailure.HOLD:
            extra = {"action": "item_held", "dataset": cause.dataset, "item": item.item, "refused": refused[:10]}
            logger.warning("item isn't published: assets of it can't be asked for", extra=extra)
            return None
        try:
            item_name(item.item, dataset_name=cause.dataset, dataset=dataset)
            if listed.document is not None and listed.collection:
                collection_name(listed.collection, dataset_name=cause.dataset, publish=publish)
        except BadNameError as error:
            await self._record(error, item=item.item, cause=cause)
            return None
        return await asyncio.to_thread(ItemDocument.of, listed, assets=item.assets, refused=refused, publish=publish)

    async def _keep_collection(self, name: str, *, cause: Cause, dataset: Dataset, publish: Publish) -> None:
        """Publish a collection, once in a run and process: before its items, whose links lead to it.

        An event asks no catalog: its sender would wait for that host, too. It publishes what it knows of a collection
        where there is none, and the next run puts the catalog's own in that place.
        """
        place, group = (cause.dataset, cause.is_event), "" if cause.is_event else cause.name
        last, done = self._collections.get(place, (group, set[str]()))
        if last == group and name in done:
            return
        found = None if cause.is_event else await self._collection(name, dataset=dataset)
        addresses = Addresses(dataset_name=cause.dataset, dataset=dataset, endpoint=self._endpoint)
        document, address = (unsigned_document(found.document), found.address) if found else (None, "")
        whole = published_collection(name, document, address=address, addresses=addresses)
        path = BlobPath(
            container=dataset.items_container,
            name=collection_name(name, dataset_name=cause.dataset, publish=publish),
        )
        try:
            await self._items.publish_collection(
                path, whole, dataset=cause.dataset, collection=name, replaces_any=found is not None
            )
        except NameTakenError as error:
            await self._record(error, item=name, cause=cause)
        self._collections[place] = group, (done if last == group else set[str]()) | {name}

    async def _collection(self, name: str, *, dataset: Dataset) -> CatalogCollection | None:
        """What the catalog says of a collection; None where it has nothing that can be read."""
        try:
            async with asyncio.timeout(_COLLECTION_SECONDS):
                return await self._catalog_of(dataset).collection(name)
        except TimeoutError as error:
            raise SourceUnavailableError(f"the catalog gave no collection within {_COLLECTION_SECONDS} s") from error
        except DeferredError:
            raise
        except SluiceError as error:
            extra = {"action": "collection_unknown", "collection": name, "error": told(error)}
            logger.warning("collection can't be read", extra=extra)
            return None

    async def _record(self, error: PermanentError, *, item: str, cause: Cause) -> None:
        refusal = Refusal.of(error, item=item, key="")
        await self._failures.record([failure_of(refusal, cause=cause, at=self._clock())])
