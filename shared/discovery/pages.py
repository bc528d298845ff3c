"""One page of one run: withheld, or copy requests and then the next page."""

import contextlib
import dataclasses
import logging
from collections.abc import Callable
from datetime import datetime

from shared.catalogs.reader import CatalogReader
from shared.discovery.asking import Asking
from shared.discovery.capping import Capping, cut_because, spent_after
from shared.discovery.ending import Ending
from shared.discovery.fence import Fence, ids_of, place_of
from shared.discovery.following import counts_of, following, needs_second_look, next_pass
from shared.discovery.listing import Listing
from shared.discovery.looking import Part
from shared.discovery.surveying import Surveying
from shared.discovery.withholding import Withheld, Withholding
from shared.model.caps import Spent
from shared.model.counts import PartCounts
from shared.model.datasets import Dataset, Datasets
from shared.model.deferral import deferral, patience_is_over
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
from shared.requesting import Documents
from shared.storage.failures import Failures
from shared.storage.ledger import Ledger
from shared.storage.plans import Plans
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
    plans: Plans
    ledger: Ledger
    queues: Queues
    failures: Failures
    documents: Documents
    #: Opens a dataset's catalog.
    catalog_of: Callable[[Dataset], CatalogReader]
    withholding: Withholding
    watermarks: Watermarks
    #: Looks at what plans are of.
    surveying: Surveying
    #: After so many deliveries of a message the runtime puts it aside.
    most_deliveries: int
    clock: Callable[[], datetime]
    #: Uniform in [0, 1).
    chance: Callable[[], float]

    async def deliver(self, body: bytes, *, delivery: int = 1) -> None:
        """Work one message, delivered for the so-manieth time: a page, or a part of one.

        Returns once everything that follows from it was accepted by a queue, or where it belongs to a run, a pass or a
        part that is over. Raises what is worth a retry; at the last delivery its run has failed. Nothing is lost with a
        plan that failed, so none becomes poison.
        """
        try:
            request = PageRequest.decode(body)
        except MalformedRequestError as error:
            await refuse(body, error, queue=Queue.DISCOVER, queues=self.queues)
            return
        # A plan stands beside the runs: neither is in the other's way.
        pages = dataclasses.replace(self, runs=self.plans.runs) if request.is_plan else self
        try:
            await pages._work_or_settle(request)  # noqa: SLF001 - its own
        except Exception as error:
            if delivery < self.most_deliveries:
                raise
            await pages._give_up(request, error)  # noqa: SLF001 - its own
            if not request.is_plan:
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
        # What a plan asks of its catalog, a pause and full queues have nothing against.
        if not request.is_plan and (withheld := await self.withholding.because(request.dataset)):
            await self._withhold(request, withheld)
            return
        dataset = self.datasets.named(request.dataset)
        run = await self._fence.progress(request, withheld_since=None, withheld_because=None)
        if run is None:
            return
        page = await self._listing.page(request, run, dataset)
        part = await self._look_or_ask(request, run, dataset, page=page)
        counts = counts_of(request, page, part.counts)
        if part.is_last and needs_second_look(page):
            change = await self._listing.change(request, run, dataset, kept=page)
            counts = counts.model_copy(update={"changed": change})
        await self._count(request, counts)
        await self._go_on(request, run, dataset, part=part)
        await self._count(request, counts.model_copy(update={"done": True}))
        logger.info("page discovered", extra={"action": "page_discovered", **ids_of(request), **counts.model_dump()})

    async def _look_or_ask(self, request: PageRequest, run: Run, dataset: Dataset, *, page: PlannedPage) -> Part:
        if request.is_plan:
            return await self.surveying.survey(request, run, dataset, page=page)
        return await self._asking.ask(run, page, part=request.part, mode=dataset.policy.on_existing)

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

    async def _go_on(self, request: PageRequest, run: Run, dataset: Dataset, *, part: Part) -> None:
        """Ask for what follows, or end the run."""
        spent = spent_after(request, dataset, counts=part.counts)
        next_one = following(request, part.page, is_last_part=part.is_last, spent=spent)
        goes_on = next_one is not None or part.page.end is not None
        if goes_on and (because := cut_because(dataset, part.page, spent=spent, is_last_part=part.is_last)):
            await self._ending.cap(request, because=because)
            return
        if next_one is not None:
            await self._send(next_one)
            return
        verdict = await self._ending.verdict(request, run, dataset)
        is_again = run.kind is RunKind.INCREMENTAL and request.pass_number < _MOST_PASSES
        if verdict.is_doubtful and is_again:
            await self._begin_pass(request, spent=spent, because="the catalog shrank while it was read")
        else:
            await self._ending.end(request, run, dataset, verdict=verdict)

    async def _send(self, page: PageRequest) -> None:
        body = page.encode()
        if len(body.encode()) > MAX_REQUEST_BYTES:
            raise MalformedCatalogError("the catalog's next link doesn't fit into a message of 40 KiB")
        await self.queues.send(Queue.DISCOVER, body)

    async def _begin_pass(self, request: PageRequest, *, spent: Spent | None, because: str) -> None:
        """Begin the run again at its first page; what belongs to this pass is over once that page is worked."""
        first = next_pass(request, spent=spent)
        await self.queues.send(Queue.DISCOVER, first.encode())
        logger.warning("pass begun", extra={"action": "pass_begun", **ids_of(first), "because": because})

    async def _settle(self, request: PageRequest, error: Exception) -> None:
        """Give a page that failed its fate; raises the error where that is a retry."""
        now = self.clock()
        fate, text = fate_of(error), told(error)
        if isinstance(error, TokenRefusedError | SourceChangedError):
            if request.pass_number < _MOST_PASSES:
                await self._begin_pass(request, spent=request.spent, because=text)
                return
            fate = Fate.POISON
        if fate is Fate.POISON:
            name = type(error).__name__
            if not request.is_plan:
                reason = Reason(error=name, message=told(error, limit=_CARRIED_REASON_LENGTH), at=now)
                await self.queues.send(Queue.DISCOVER.poison, request.model_copy(update={"reason": reason}).encode())
            await self._fence.progress(request, state=RunState.FAILED, ended_at=now, reason=f"{name}: {text}")
            _log_failed(request, error)
        elif fate is Fate.DEFER and not patience_is_over(error, request.deferred_since, now=now):
            put_off = deferral(request.deferrals, request.deferred_since, errors=[error], now=now, chance=self.chance())
            again = request.model_copy(update=put_off.carried).encode()
            await self.queues.send(Queue.DISCOVER, again, delay=put_off.delay)
            await self._fence.progress(
                request,
                withheld_since=put_off.deferred_since or now,
                withheld_because=f"{type(error).__name__}: {text}",
            )
            waited = now - (put_off.deferred_since or now)
            extra = {"action": "page_deferred", **ids_of(request), "error": text, "deferred_seconds": waited}
            logger.warning("page deferred", extra=extra)
        else:
            raise error

    async def _give_up(self, request: PageRequest, error: Exception) -> None:
        """Let the status say at once that a run failed whose page the runtime is about to put aside."""
        reason = f"{type(error).__name__}: {told(error)}; page {request.page} failed {self.most_deliveries} times"
        with contextlib.suppress(StorageFailedError):
            await self._fence.progress(request, state=RunState.FAILED, ended_at=self.clock(), reason=reason)
        _log_failed(request, error)

    @property
    def _fence(self) -> Fence:
        return Fence(runs=self.runs, clock=self.clock)

    @property
    def _listing(self) -> Listing:
        return Listing(
            runs=self.runs,
            failures=self.failures,
            documents=self.documents,
            capping=Capping(ledger=self.ledger),
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


def _log_failed(request: PageRequest, error: Exception) -> None:
    extra = {**ids_of(request), "error": type(error).__name__}
    if request.is_plan:
        logger.warning("plan failed", extra={"action": "plan_failed", **extra})
    else:
        logger.error("run failed", extra={"action": "run_failed", **extra})
