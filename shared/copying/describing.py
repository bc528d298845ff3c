"""What the catalog says of an asset now: asked where its bytes aren't as described, for a catalog can be late."""

import asyncio
import logging
from collections.abc import Callable

from shared.catalogs.reader import CatalogReader
from shared.copying.job import Job
from shared.egress import Policy
from shared.model.assets import Asset
from shared.model.datasets import Dataset
from shared.model.errors import UrlRefusedError
from shared.model.hrefs import ObjectAddress
from shared.model.items import CatalogItem, Page
from shared.model.selection import plan_page
from shared.redaction import told

logger = logging.getLogger(__name__)

#: For one item, the wait for its turn included: copies that end at their deadline have to end well before the host's.
_SECONDS = 60
#: Items that a process reads at once: each may be as large as a page.
_AT_ONCE = 4
_TOLD_CHARACTERS = 500


class Describing:
    """Asks catalogs for the descriptions of single assets."""

    def __init__(self, catalog_of: Callable[[Dataset], CatalogReader]) -> None:
        self._catalog_of = catalog_of
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def again(self, job: Job) -> Job:
        """The job for the asset as its catalog describes it now; the same job where that is no better to go by.

        Raises nothing: what the bytes are doesn't hang on whether the catalog can be reached.
        """
        try:
            fresh = await self._planned(job)
        except Exception as error:  # noqa: BLE001 - whatever it is, the old description is as good as before
            return _unchanged(job, because=f"{type(error).__name__}: {told(error, limit=_TOLD_CHARACTERS)}")
        if fresh is None:
            return _unchanged(job, because="the catalog has no such asset to ask for")
        if fresh == job.asset:
            return job
        if because := _no_better(fresh, than=job.asset):
            return _unchanged(job, because=because)
        logger.info("asset described anew", extra={"action": "asset_described_anew", **_ids(job)})
        return job.described_anew(fresh)

    async def _planned(self, job: Job) -> Asset | None:
        """The asset as discovery would ask for it now; raises what the catalog does, and UrlRefusedError."""
        async with asyncio.timeout(_SECONDS), self._turns:
            item = await self._catalog_of(job.dataset).item(job.asset.item)
        asset = _selected(item, job) if item is not None else None
        if asset is not None:
            _check_href(asset.href, before=job.asset.href, dataset=job.dataset)
        return asset


def _selected(item: CatalogItem, job: Job) -> Asset | None:
    page = Page(items=(item,), next_token=None)
    planned, _ = plan_page(page, dataset_name=job.dataset_name, dataset=job.dataset, capacity=1)
    assets = (asset for each in planned.items for asset in each.assets)
    return next((each for each in assets if each.identity == job.asset.identity), None)


def _check_href(href: str, *, before: str, dataset: Dataset) -> None:
    """Raise UrlRefusedError for an href that can't be asked, since that would take the place of what is wrong now."""
    store = ObjectAddress.read(href)
    if store is None:
        Policy(dataset.allow).checked(href)
    elif (store.scheme, store.bucket) != _bucket(before):
        # Which host a bucket means is said by the source, and known only when it is asked.
        raise UrlRefusedError("the asset has moved to another bucket")


def _bucket(href: str) -> tuple[str, str] | None:
    store = ObjectAddress.read(href)
    return None if store is None else (store.scheme, store.bucket)


def _no_better(fresh: Asset, *, than: Asset) -> str | None:
    """Why a description can't take the place of another one; None if it can."""
    if fresh.name != than.name:
        return "its blob would have another name"
    if (than.checksum and not fresh.checksum) or (than.size is not None and fresh.size is None):
        # Bytes aren't right because the catalog doesn't say any more what would be.
        return "it states less"
    if than.updated and fresh.updated and fresh.updated < than.updated:
        return "it is older"
    return None


def _unchanged(job: Job, *, because: str) -> Job:
    extra = {"action": "asset_not_described_anew", **_ids(job), "because": because}
    logger.info("asset is judged as it was described", extra=extra)
    return job


def _ids(job: Job) -> dict[str, str]:
    return {"dataset": job.dataset_name, "item": job.asset.item, "key": job.asset.key}
