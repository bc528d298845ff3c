"""Plans: what a run would do, counted by the pages of one, with a bill.

Nothing is asked for, and no run is in a plan's way, nor a plan in a run's. It is a run of its own kind in a run store
of its own: a catalog may have more pages than an HTTP request has time.
"""

import dataclasses
import logging
from collections.abc import Callable
from datetime import datetime

from shared.discovery.fence import newest_named
from shared.discovery.starting import check_window
from shared.model.access import S3Source
from shared.model.caps import Spent
from shared.model.costs import Bill, Work, bill
from shared.model.counts import Counts
from shared.model.datasets import Dataset, Datasets
from shared.model.errors import RunConflictError
from shared.model.messages import PageRequest, Queue
from shared.model.plans import CapStatus, PlanReport, PlanTotals, Replacements
from shared.model.prices import Prices
from shared.model.rows import Run, RunKind, RunState
from shared.model.windows import Window
from shared.storage.plans import Plans
from shared.storage.queues import Queues

logger = logging.getLogger(__name__)

_NOTES = (
    "Looked at: the catalog and the ledger. No source is asked, and no host's name is looked up.",
    "No blob is looked for: one that stands without a row in the ledger isn't known here.",
    "An asset of unknown size counts for no bytes, neither here nor for caps.max_bytes nor in the bill.",
    "An item that two pages list counts for its assets on both, as it does in a run.",
    "Replacements are the most that there can be: without a checksum in the catalog only the source can tell.",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """Begins plans and tells of them."""

    datasets: Datasets
    plans: Plans
    queues: Queues
    prices: Prices
    clock: Callable[[], datetime]
    #: Makes a plan's id from when it begins.
    new_id: Callable[[datetime], str]

    async def begin(self, name: str, *, window: Window) -> Run:
        """Begin a plan of a full run, of all of a dataset or of a window; one that is under way ends quietly.

        Raises UnknownDatasetError, WindowError, and RunConflictError where another plan begins in the same moment.
        """
        check_window(self.datasets.named(name), window)
        now = self.clock()
        plan = Run(
            dataset=name,
            run=self.new_id(now),
            kind=RunKind.PLAN,
            window=window,
            trigger="request",
            began_at=now,
            progress_at=now,
        )
        entry = await self.plans.runs.newest(name)
        if not await self.plans.runs.save(plan, replaces=entry.etag if entry else None):
            raise RunConflictError(f"another plan of {name} began in this moment; ask again", run="")
        first = PageRequest(dataset=name, run=plan.run, pass_number=plan.pass_number, is_plan=True)
        await self.queues.send(Queue.DISCOVER, first.encode())
        logger.info("plan began", extra={"action": "plan_began", "dataset": name, "run": plan.run})
        return plan

    async def report(self, name: str, plan: str) -> PlanReport:
        """What a plan has found so far. Raises UnknownDatasetError, and UnknownRunError for any but the newest."""
        dataset = self.datasets.named(name)
        run = newest_named(await self.plans.runs.newest(name), plan, what=f"plan of {name}").run
        counts = await self.plans.runs.total(name, plan, pass_number=run.pass_number)
        totals = await self.plans.totals.total(name, plan, pass_number=run.pass_number)
        return _report(run, dataset, counts=counts, totals=totals, prices=self.prices)


def _report(run: Run, dataset: Dataset, *, counts: Counts, totals: PlanTotals, prices: Prices) -> PlanReport:
    return PlanReport(
        dataset=run.dataset,
        plan=run.run,
        state=run.state,
        window=run.window,
        began_at=run.began_at,
        progress_at=run.progress_at,
        ended_at=run.ended_at,
        reason=run.withheld_because if run.state is RunState.RUNNING else run.reason,
        counts=counts,
        new=totals.new,
        changed=totals.changed,
        again=totals.again,
        unknown_size=totals.unknown_size,
        replacements=Replacements(
            on_existing=dataset.policy.on_existing,
            replaced_at_most=totals.replaced,
            bytes_at_most=totals.replaced_bytes,
            refused_at_most=totals.held,
        ),
        refused_assets=totals.refused,
        refused_hosts=totals.hosts,
        refusals=totals.refusals,
        largest=totals.largest,
        cap=_cap(dataset, counts),
        bill=_bill(dataset, counts=counts, totals=totals, prices=prices),
        notes=_NOTES,
    )


def _cap(dataset: Dataset, counts: Counts) -> CapStatus | None:
    caps = dataset.caps
    if caps is None:
        return None
    return CapStatus(caps=caps, would_cut=not caps.hold(Spent().with_counts(counts)))


def _bill(dataset: Dataset, *, counts: Counts, totals: PlanTotals, prices: Prices) -> Bill:
    publishes = dataset.publish is not None
    work = Work(
        assets=counts.sent - totals.refused,
        bytes=counts.sent_bytes - totals.refused_bytes,
        requests=totals.requests,
        pages=totals.pages,
        parts=totals.parts,
        items=counts.items_sent + counts.items_already,
        puts=totals.puts,
        looks=totals.looks,
        published=counts.items_sent if publishes else 0,
        published_before=counts.items_already if publishes else 0,
    )
    requester_pays = isinstance(dataset.source, S3Source) and dataset.source.requester_pays
    return bill(work, egress=totals.egress, prices=prices, requester_pays=requester_pays)
