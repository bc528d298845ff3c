"""One page of one run: withheld, or copy requests and then the next page."""

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from shared.catalogs.reader import CatalogReader
from shared.discovery.withholding import Withholding
from shared.model.assets import Asset
from shared.model.bundles import bundled
from shared.model.datasets import Dataset, Datasets, OnExisting
from shared.model.deferral import delay, patience_is_over, retry_after_of
from shared.model.errors import (
    EndlessCatalogError,
    Fate,
    MalformedCatalogError,
    MalformedRequestError,
    SourceUnavailableError,
    fate_of,
)
from shared.model.items import Page, PlannedPage, Refusal
from shared.model.messages import MAX_REQUEST_BYTES, CopyRequest, PageRequest, Queue, Reason, fitting
from shared.model.rows import Failure, LedgerRow, PartCounts, Run, RunState
from shared.model.selection import plan_page
from shared.redaction import MAX_TOLD, cut, redacted, told
from shared.storage.answers import each_of
from shared.storage.failures import Failures
from shared.storage.ledger import Ledger
from shared.storage.queues import Queues
from shared.storage.runs import Runs

logger = logging.getLogger(__name__)

#: Well under host.json's functionTimeout.
_PAGE_SECONDS = 600
#: Of a reason that travels with a request of 40 KiB: at four bytes a character, both fit into a message.
_CARRIED_REASON_LENGTH = 1900


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """The use case behind the discover queue."""

    datasets: Datasets
    runs: Runs
    ledger: Ledger
    queues: Queues
    failures: Failures
    #: Opens a dataset's catalog.
    catalog_of: Callable[[Dataset], CatalogReader]
    withholding: Withholding
    #: How long a withheld page waits before it looks again.
    recheck: timedelta
    clock: Callable[[], datetime]
    #: Uniform in [0, 1).
    chance: Callable[[], float]

    async def deliver(self, body: bytes) -> None:
        """Work one message: a page, or a part of one.

        Returns once everything that follows from it was accepted by a queue, or where it belongs to a run, a pass or a
        part that is over. Raises what is worth a retry.
        """
        try:
            request = PageRequest.decode(body)
        except MalformedRequestError as error:
            await self.queues.send(Queue.DISCOVER.poison, body.decode("utf-8", "backslashreplace"))
            extra = {"action": "message_refused", "queue": Queue.DISCOVER.value, "error": told(error)}
            logger.warning("message refused", extra=extra)
            return
        try:
            await self._work(request)
        except Exception as error:  # noqa: BLE001 - every failure has a fate; what is to be retried is raised again
            await self._settle(request, error)

    async def _work(self, request: PageRequest) -> None:
        if not await self._is_wanted(request):
            logger.info("page is over", extra={"action": "page_over", **_ids(request)})
            return
        if because := await self.withholding.because():
            await self._withhold(request, because)
            return
        dataset = self.datasets.named(request.dataset)
        run = await self._progress(request, withheld_since=None, withheld_because=None)
        if run is None:
            return
        page = await self._page(request, run, dataset)
        requests = _copy_requests(run, page)
        first, following = request.part * page.cut.requests, (request.part + 1) * page.cut.requests
        counts = await self._ask(run, requests[first:following], mode=dataset.policy.on_existing)
        if request.part == 0:
            counts = counts.model_copy(update=page.model_dump(include={"available", "filtered", "refused"}))
        await self._count(request, counts)
        await self._go_on(request, page, is_last_part=following >= len(requests))
        await self._count(request, counts.model_copy(update={"done": True}))
        logger.info("page discovered", extra={"action": "page_discovered", **_ids(request), **counts.model_dump()})

    async def _is_wanted(self, request: PageRequest) -> bool:
        """A page of a run or a pass that was superseded, or a part that is done, ends quietly."""
        if not _is_current(await self._newest(request), request):
            return False
        counts = await self.runs.part(request.dataset, request.run, place=_place(request))
        return counts is None or not counts.done

    async def _newest(self, request: PageRequest) -> Run | None:
        entry = await self.runs.newest(request.dataset)
        return entry.run if entry else None

    async def _withhold(self, request: PageRequest, because: str) -> None:
        """Send the same page again with a delay; never raise, never touch the host's message."""
        await self.queues.send(Queue.DISCOVER, request.encode(), delay=self.recheck * (0.75 + self.chance() / 2))
        now = self.clock()
        await self._progress(request, withheld_since=now, withheld_because=because)
        logger.info("page withheld", extra={"action": "page_withheld", **_ids(request), "because": because})

    async def _progress(self, request: PageRequest, **changes: object) -> Run | None:
        """Note that the run is alive; None if it isn't the newest any more.

        A look at a withheld page is progress too. ``withheld_since`` keeps its first value.
        """
        while (entry := await self.runs.newest(request.dataset)) and _is_current(entry.run, request):
            update = {"progress_at": max(self.clock(), entry.run.progress_at), **changes}
            if update.get("withheld_since") and entry.run.withheld_since:
                update["withheld_since"] = entry.run.withheld_since
            run = entry.run.model_copy(update=update)
            if await self.runs.save(run, replaces=entry.etag):
                return run
        return None

    async def _page(self, request: PageRequest, run: Run, dataset: Dataset) -> PlannedPage:
        """The page as it was kept, or else as the catalog gives it now, kept before anything is sent."""
        place = request.pass_number, request.page
        if kept := await self.runs.page(request.dataset, request.run, place=place):
            return kept
        page = await self._listed(request, run, dataset)
        await self._check_ends(request, page.next_token)
        planned, refusals = plan_page(
            page, dataset_name=request.dataset, dataset=dataset, capacity=self.withholding.capacity
        )
        if refusals:
            await self.failures.record([self._failure(request, each) for each in refusals])
        return await self.runs.keep(request.dataset, request.run, place=place, page=planned)

    async def _listed(self, request: PageRequest, run: Run, dataset: Dataset) -> Page:
        """The page as the catalog gives it; one that trickles must not hold an invocation until the host ends it."""
        try:
            async with asyncio.timeout(_PAGE_SECONDS):
                return await self.catalog_of(dataset).page(request.token, window=run.window)
        except TimeoutError as error:
            raise SourceUnavailableError(f"the catalog gave no whole page within {_PAGE_SECONDS} s") from error

    async def _check_ends(self, request: PageRequest, next_token: str | None) -> None:
        """Raise EndlessCatalogError once the catalog leads round in a circle.

        As R. P. Brent finds cycles (https://doi.org/10.1007/BF01933190): a token is compared with that of the last page
        whose number is a power of two. So a circle of any length shows after a few times round, and no list is kept.
        """
        if next_token is None or request.page == 0:
            return
        mark = 1 << (request.page.bit_length() - 1)
        seen = request.token
        if mark != request.page:
            before = await self.runs.page(request.dataset, request.run, place=(request.pass_number, mark - 1))
            seen = before.next_token if before else None
        if next_token in {request.token, seen}:
            raise EndlessCatalogError(f"after page {request.page} the catalog leads back to a page before")

    async def _ask(self, run: Run, requests: Sequence[CopyRequest], *, mode: OnExisting) -> PartCounts:
        """Send these copy requests, but for what the ledger has as described and the dataset doesn't replace."""
        items = dict.fromkeys(asset.item for each in requests for asset in each.assets)
        entries = await self.ledger.of_items(run.dataset, items)
        bodies: list[str] = []
        already = sent = 0
        for each in requests:
            rows = {asset: entries[asset.identity].row for asset in each.assets if asset.identity in entries}
            there = {asset for asset, row in rows.items() if _is_there(asset, row, run=run, mode=mode)}
            # What this very run has brought counts as sent: a redelivery comes to the same numbers.
            own = {asset for asset in there if rows[asset].cause == run.run}
            already += len(there - own)
            sent += len(each.assets) - len(there - own)
            if wanted := [asset for asset in each.assets if asset not in there]:
                bodies.append(each.of(wanted).encode())
        await each_of(bodies, lambda body: self.queues.send(Queue.COPY, body))
        return PartCounts(sent=sent, already=already)

    async def _count(self, request: PageRequest, counts: PartCounts) -> None:
        await self.runs.count(request.dataset, request.run, place=_place(request), counts=counts)

    async def _go_on(self, request: PageRequest, page: PlannedPage, *, is_last_part: bool) -> None:
        """Ask for the next part or page, or end the run."""
        if not is_last_part:
            following = request.model_copy(update={"part": request.part + 1})
        elif page.next_token is not None:
            following = request.model_copy(update={"page": request.page + 1, "part": 0, "token": page.next_token})
        else:
            if await self._progress(request, state=RunState.COMPLETE, ended_at=self.clock()):
                logger.info("run is complete", extra={"action": "run_complete", **_ids(request)})
            return
        body = following.model_copy(update={"deferrals": 0, "deferred_since": None, "reason": None}).encode()
        if len(body.encode()) > MAX_REQUEST_BYTES:
            raise MalformedCatalogError("the catalog's next link doesn't fit into a message of 40 KiB")
        await self.queues.send(Queue.DISCOVER, body)

    async def _settle(self, request: PageRequest, error: Exception) -> None:
        """Give a page that failed its fate; raises the error where that is a retry."""
        now = self.clock()
        fate, text = fate_of(error), told(error)
        if fate is Fate.POISON:
            reason = Reason(error=type(error).__name__, message=told(error, limit=_CARRIED_REASON_LENGTH), at=now)
            poison = request.model_copy(update={"reason": reason})
            await self.queues.send(Queue.DISCOVER.poison, poison.encode())
            await self._progress(request, state=RunState.FAILED, ended_at=now, reason=f"{reason.error}: {text}")
            logger.error("run failed", extra={"action": "run_failed", **_ids(request), "error": reason.error})
        elif fate is Fate.DEFER and not patience_is_over(request.deferred_since, now=now):
            wait = delay(request.deferrals, asked=retry_after_of(error), chance=self.chance())
            since = request.deferred_since or now
            update = {"deferrals": request.deferrals + 1, "deferred_since": since}
            await self.queues.send(Queue.DISCOVER, request.model_copy(update=update).encode(), delay=wait)
            await self._progress(request, withheld_since=since, withheld_because=f"{type(error).__name__}: {text}")
            logger.warning("page deferred", extra={"action": "page_deferred", **_ids(request), "error": text})
        else:
            raise error

    def _failure(self, request: PageRequest, refusal: Refusal) -> Failure:
        now = self.clock()
        return Failure(
            dataset=request.dataset,
            item=refusal.item,
            key=refusal.key,
            href="",
            error=refusal.error,
            fate=Fate.POISON,
            message=cut(redacted(refusal.message), MAX_TOLD),
            host="",
            cause=request.run,
            first_at=now,
            last_at=now,
        )


def _copy_requests(run: Run, page: PlannedPage) -> list[CopyRequest]:
    """All requests of a page, each as large as a message can be: parts are cut out of these, so that none has more."""
    bundles = bundled(page.items, max_assets=page.cut.bundle_assets, max_bytes=page.cut.bundle_bytes)
    whole = (CopyRequest(dataset=run.dataset, cause=run.run, asked_at=run.began_at, assets=each) for each in bundles)
    return [part for each in whole for part in fitting(each)]


def _is_there(asset: Asset, row: LedgerRow, *, run: Run, mode: OnExisting) -> bool:
    """Tell whether nothing has to be sent: what is replaced in each run is there only if this run has brought it."""
    if mode is OnExisting.REPLACE:
        return row.settles(asset, cause=run.run, asked_at=run.began_at)
    return row.stands_for(asset, asked_at=run.began_at)


def _is_current(run: Run | None, request: PageRequest) -> bool:
    if run is None or run.state is not RunState.RUNNING:
        return False
    return (run.run, run.pass_number) == (request.run, request.pass_number)


def _place(request: PageRequest) -> tuple[int, int, int]:
    return request.pass_number, request.page, request.part


def _ids(request: PageRequest) -> dict[str, object]:
    return request.model_dump(include={"dataset", "run", "pass_number", "page", "part"})
