"""Somebody asks for single items or files now: as an event does, but told at once what can't be asked for."""

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shared.catalogs.reader import CatalogReader
from shared.egress import Policy
from shared.intake.receiving import Refused
from shared.model.causes import Cause
from shared.model.datasets import Dataset, Datasets
from shared.model.errors import SourceUnavailableError, UnknownItemError, UrlRefusedError
from shared.model.hrefs import store_address, unsigned
from shared.model.items import CatalogAsset, CatalogItem, Page, PlannedPage, Refusal, fit_name
from shared.model.messages import Queue
from shared.model.selection import plan_page
from shared.redaction import redacted
from shared.requesting import Documents, copy_requests, failure_of
from shared.storage.answers import each_of
from shared.storage.failures import Failures
from shared.storage.queues import Queues

logger = logging.getLogger(__name__)

_ITEM_SECONDS = 60
_ADDRESSES = ("https://", "http://", "s3://", "gs://", "az://")


class Copies(BaseModel):
    """What became of a call for items and files: nothing of it is lost any more."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    #: What ledger rows and blobs call the one who asked.
    cause: str
    #: Assets that a queue has taken.
    accepted: int
    #: Items that the dataset's ``select`` leaves out.
    filtered: tuple[str, ...]
    refused: tuple[Refused, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AskingForCopies:
    """The use case behind ``sluice copy``."""

    datasets: Datasets
    documents: Documents
    queues: Queues
    failures: Failures
    catalog_of: Callable[[Dataset], CatalogReader]
    clock: Callable[[], datetime]
    #: Makes an id from when somebody asks.
    new_id: Callable[[datetime], str]

    async def ask(self, name: str, what: Sequence[str]) -> Copies:
        """Ask for items by their names in the dataset's catalog, and for files by their hrefs, in the lane for events.

        Returns once all copy requests were accepted by the queue; a paused dataset copies them, too. Nothing is asked
        for where one of them is unknown. Raises UnknownDatasetError, UnknownItemError, MalformedCatalogError,
        StorageFailedError, and what the catalog's host raises.
        """
        dataset, now = self.datasets.named(name), self.clock()
        found = await each_of(dict.fromkeys(what), lambda each: self._found(each, name=name, dataset=dataset))
        cause = Cause.of_somebody(name, identifier=self.new_id(now), at=now)
        listed = Page(
            items=tuple(each for each in found if isinstance(each, CatalogItem)),
            refusals=tuple(each for each in found if isinstance(each, Refusal)),
            next_token=None,
        )
        # A page of so many items has to be asked for in one part.
        page, refusals = plan_page(listed, dataset_name=name, dataset=dataset, capacity=len(listed.names))
        if refusals:
            await self.failures.record([failure_of(each, cause=cause, at=now) for each in refusals])
        kept = await self.documents.keep(listed, page, refusals=refusals, cause=cause)
        bodies = [each.encode() for each in copy_requests(cause, kept)]
        await each_of(bodies, lambda body: self.queues.send(Queue.COPY_LIVE, body))
        return _told(cause, listed=listed, page=kept, refusals=refusals)

    async def _found(self, what: str, *, name: str, dataset: Dataset) -> CatalogItem | Refusal:
        if not what.startswith(_ADDRESSES):
            if (item := await self._item(what, dataset=dataset)) is None:
                raise UnknownItemError(_UNKNOWN.format(item=repr(what[:200]), name=name, kind=dataset.catalog.kind))
            return item
        try:
            return await self._file(what, dataset=dataset)
        except UrlRefusedError as error:
            return Refusal.of(error, item=redacted(what), key=redacted(what))

    async def _item(self, name: str, *, dataset: Dataset) -> CatalogItem | None:
        try:
            async with asyncio.timeout(_ITEM_SECONDS):
                return await self.catalog_of(dataset).item(name)
        except TimeoutError as error:
            raise SourceUnavailableError(f"the catalog gave no item within {_ITEM_SECONDS} s") from error

    async def _file(self, href: str, *, dataset: Dataset) -> CatalogItem:
        """The item of a file, as the catalog lists it where that knows files by hrefs; raises UrlRefusedError."""
        if store_address(href) is None:
            Policy(dataset.allow).checked(href)
        item = dataset.catalog.item_of(CatalogAsset(key=unsigned(href), href=href))
        if item is None:
            raise UrlRefusedError(f"the dataset's catalog ({dataset.catalog.url}) wouldn't list this file")
        is_known_by_href = not dataset.catalog.has_collections and item.item == href
        return (await self._item(href, dataset=dataset) if is_known_by_href else None) or item


_UNKNOWN = (
    "{name} has no item {item} that can be asked for by its name (kind {kind}: STAC APIs as collection/id, listings as "
    "their files' hrefs); ask for files by their hrefs, or begin a run"
)


def _told(cause: Cause, *, listed: Page, page: PlannedPage, refusals: Sequence[Refusal]) -> Copies:
    planned = {fit_name(each.item) for each in page.items} | {each.item for each in refusals}
    told = Copies(
        dataset=cause.dataset,
        cause=cause.name,
        accepted=sum(len(each.assets) for each in page.items),
        filtered=tuple(redacted(name) for name in listed.names.values() if name not in planned),
        refused=tuple(Refused.of(each) for each in refusals),
    )
    counts = {"accepted": told.accepted, "filtered": len(told.filtered), "refused": len(told.refused)}
    extra = {"action": "copies_asked_for", "dataset": cause.dataset, "cause": cause.name, **counts}
    logger.info("copies asked for", extra=extra)
    return told
