"""One page of one run: withheld, or copy requests and then the next page."""

import contextlib
import dataclasses
import logging
from collections.abc import Callable
from datetime import datetime

from shared.catalogs.reader import CatalogReader
from shared.discovery.asking import Asking
from shared.discovery.documents import Documents
from shared.discovery.ending import Ending
from shared.discovery.fence import Fence, ids_of, place_of
from shared.discovery.listing import Listing
from shared.discovery.withholding import Withheld, Withholding
from shared.model.counts import PartCounts
from shared.model.datasets import Dataset, Datasets
from shared.model.deferral import delay, patience_is_over, retry_after_of
from shared.model.errors import (
    Fate,
    MalformedCatalogError,
    MalformedRequestError,
    SourceChangedError,
    StorageFailedError,
    TokenRefusedError,
    fate_of,
)
from shared.model.items import PlannedPage
from shared.model.messages import MAX_REQUEST_BYTES, PageRequest, Queue, Reason
from shared.model.rows import Run, RunKind, RunState
from shared.redaction import told
from shared.storage.failures import Failures
from shared.storage.ledger import Ledger
from shared.storage.queues import Queues, refuse
from shared.storage.runs import Runs
from shared.storage.watermarks import Watermarks

logger = logging.getLogger(__name__)

#: Of a reason that travels with a request of 40 KiB: at four bytes a character, both fit into a message.
_CARRIED_REASON_LENGTH = 1900
#: How often a run goes through its catalog until it gives up.
_MOST_PASSES = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """The use case behind the discover queue."""

    datasets: Datasets
    runs: Runs
    ledger: Ledger
    queues: Queues
    failures: Failures
    documents: Documents
    #: Opens a dataset's catalog.
    catalog_of: Callable[[Dataset], CatalogReader]
    withholding: Withholding
    watermarks: Watermarks
    #: After so many deliveries of a message the runtime puts it aside.
    most_deliveries: int
    clock: Callable[[], datetime]
    #: Uniform in [0, 1).
    chance: Callable[[], float]

    async def deliver(self, body: bytes, *, delivery: int = 1) -> None:
        """Work one message, delivered for the so-manieth time: a page, or a part of one.

        Returns once everything that follows from it was accepted by a queue, or where it belongs to a run, a pass or a
        part that is over. Raises what is worth a retry; at the last delivery its run has failed.
        """
        try:
            request = PageRequest.decode(body)
        except MalformedRequestError as error:
            await refuse(body, error, queue=Queue.DISCOVER, queues=self.queues)
            return
        try:
            await self._work_or_settle(request)
        except Exception as error:
            if delivery >= self.most_deliveries:
                await self._give_up(request, error)
            raise

    async def _work_or_settle(self, request: PageRequest) -> None:
        try:
            await self._work(request)
        except Exception as error:  # noqa: BLE001 - every failure has a fate; what is to be retried is raised again
            await self._settle(request, error)

    async def _work(self, request: PageRequest) -> None:
        if not await self._fence.lets(request):
            logger.info("page is over", extra={"action": "page_over", **ids_of(request)})
            return
        if withheld := await self.withholding.because(request.dataset):
            await self._withhold(request, withheld)
            return
        dataset = self.datasets.named(request.dataset)
        run = await self._fence.progress(request, withheld_since=None, withheld_because=None)
        if run is None:
            return
        page = await self._listing.page(request, run, dataset)
        asked = await self._asking.ask(run, page, part=request.part, mode=dataset.policy.on_existing)
        counts = _counts(request, page, asked.counts)
        if asked.is_last_part and _needs_second_look(page):
            change = await self._listing.change(request, run, dataset, kept=page)
            counts = counts.model_copy(update={"changed": change})
        await self._count(request, counts)
        await self._go_on(request, run, dataset, page=page, is_last_part=asked.is_last_part)
        await self._count(request, counts.model_copy(update={"done": True}))
        logger.info("page discovered", extra={"action": "page_discovered", **ids_of(request), **counts.model_dump()})

    async def _withhold(self, request: PageRequest, withheld: Withheld) -> None:
        """Send the same page again with a delay; never touch the host's message.

        Noted before it is sent: a failure in between, over the weeks of a pause, would leave another message each time.
        """
        if await self._fence.progress(request, withheld_since=self.clock(), withheld_because=withheld.because) is None:
            return
        wait, since = withheld.looks_again_in, request.deferred_since
        # Patience with the catalog's host doesn't run on meanwhile: nobody asks it.
        again = request.model_copy(update={"deferred_since": since + wait}) if since else request
        await self.queues.send(Queue.DISCOVER, again.encode(), delay=wait)
        numbers = {"saturation": self.withholding.saturation, "capacity": self.withholding.capacity}
        extra = {"action": "page_withheld", **ids_of(request), **numbers, **dataclasses.asdict(withheld)}
        logger.info("page withheld", extra=extra)

    async def _count(self, request: PageRequest, counts: PartCounts) -> None:
        await self.runs.count(request.dataset, request.run, place=place_of(request), counts=counts)

    async def _go_on(
        self, request: PageRequest, run: Run, dataset: Dataset, *, page: PlannedPage, is_last_part: bool
    ) -> None:
        """Ask for what follows, or end the run."""
        following = _following(request, page, is_last_part=is_last_part)
        if following is not None:
            await self._send(following)
            return
        verdict = await self._ending.verdict(request, run, dataset)
        is_again = run.kind is RunKind.INCREMENTAL and request.pass_number < _MOST_PASSES
        if verdict.is_doubtful and is_again:
            await self._begin_pass(request, because="the catalog shrank while it was read")
        else:
            await self._ending.end(request, run, dataset, verdict=verdict)

    async def _send(self, following: PageRequest) -> None:
        body = following.encode()
        if len(body.encode()) > MAX_REQUEST_BYTES:
            raise MalformedCatalogError("the catalog's next link doesn't fit into a message of 40 KiB")
        await self.queues.send(Queue.DISCOVER, body)

    async def _begin_pass(self, request: PageRequest, *, because: str) -> None:
        """Begin the run again at its first page; what belongs to this pass is over once that page is worked."""
        following = PageRequest(dataset=request.dataset, run=request.run, pass_number=request.pass_number + 1)
        await self.queues.send(Queue.DISCOVER, following.encode())
        logger.warning("pass begun", extra={"action": "pass_begun", **ids_of(following), "because": because})

    async def _settle(self, request: PageRequest, error: Exception) -> None:
        """Give a page that failed its fate; raises the error where that is a retry."""
        now = self.clock()
        fate, text = fate_of(error), told(error)
        if isinstance(error, TokenRefusedError | SourceChangedError):
            if request.pass_number < _MOST_PASSES:
                await self._begin_pass(request, because=text)
                return
            fate = Fate.POISON
        if fate is Fate.POISON:
            reason = Reason(error=type(error).__name__, message=told(error, limit=_CARRIED_REASON_LENGTH), at=now)
            poison = request.model_copy(update={"reason": reason})
            await self.queues.send(Queue.DISCOVER.poison, poison.encode())
            await self._fence.progress(request, state=RunState.FAILED, ended_at=now, reason=f"{reason.error}: {text}")
            logger.error("run failed", extra={"action": "run_failed", **ids_of(request), "error": reason.error})
        elif fate is Fate.DEFER and not patience_is_over(request.deferred_since, now=now):
            wait = delay(request.deferrals, asked=retry_after_of(error), chance=self.chance())
            since = request.deferred_since or now
            update = {"deferrals": request.deferrals + 1, "deferred_since": since}
            await self.queues.send(Queue.DISCOVER, request.model_copy(update=update).encode(), delay=wait)
            await self._fence.progress(
                request, withheld_since=since, withheld_because=f"{type(error).__name__}: {text}"
            )
            logger.warning("page deferred", extra={"action": "page_deferred", **ids_of(request), "error": text})
        else:
            raise error

    async def _give_up(self, request: PageRequest, error: Exception) -> None:
        """Let the status say at once that a run failed whose page the runtime is about to put aside."""
        reason = f"{type(error).__name__}: {told(error)}; page {request.page} failed {self.most_deliveries} times"
        with contextlib.suppress(StorageFailedError):
            await self._fence.progress(request, state=RunState.FAILED, ended_at=self.clock(), reason=reason)
        logger.error("run failed", extra={"action": "run_failed", **ids_of(request), "error": type(error).__name__})

    @property
    def _fence(self) -> Fence:
        return Fence(runs=self.runs, clock=self.clock)

    @property
    def _listing(self) -> Listing:
        return Listing(
            runs=self.runs,
            failures=self.failures,
            documents=self.documents,
            catalog_of=self.catalog_of,
            capacity=self.withholding.capacity,
            clock=self.clock,
        )

    @property
    def _asking(self) -> Asking:
        return Asking(ledger=self.ledger, queues=self.queues, documents=self.documents)

    @property
    def _ending(self) -> Ending:
        return Ending(
            runs=self.runs,
            watermarks=self.watermarks,
            listing=self._listing,
            fence=self._fence,
            clock=self.clock,
        )


def _following(request: PageRequest, page: PlannedPage, *, is_last_part: bool) -> PageRequest | None:
    """The next part, page or window; None: the run ends here."""
    fresh: dict[str, object] = {"deferrals": 0, "deferred_since": None, "reason": None}
    if not is_last_part:
        return request.model_copy(update={**fresh, "part": request.part + 1})
    following = {**fresh, "page": request.page + 1, "part": 0, "token": page.next_token}
    following["capped"] = request.capped + page.is_capped
    if page.next_token is not None:
        return request.model_copy(update=following)
    windows = (*page.split, *request.later)
    if not windows:
        return None
    window = {"window": windows[0], "window_page": request.page + 1, "later": windows[1:]}
    return request.model_copy(update={**following, **window})


def _needs_second_look(page: PlannedPage) -> bool:
    """Tell whether nothing but its lack of a next link says that a window ends with this page."""
    return page.next_token is None and page.matched is None and not page.split


def _counts(request: PageRequest, page: PlannedPage, asked: PartCounts) -> PartCounts:
    """What a part came to."""
    update: dict[str, object] = {"window": request.window_page}
    if request.part == 0:
        update |= {"available": page.available, "filtered": page.filtered, "refused": page.refused}
        update |= {"repeated": page.repeats, "matched": page.matched}
        update |= {"is_split": bool(page.split), "is_capped": page.is_capped}
    return asked.model_copy(update=update)
