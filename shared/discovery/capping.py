"""A dataset's caps: where a run ends that would ask for more than one run may.

Both cuts depend on what stands in messages and kept pages alone, so that a redelivery is cut where the first delivery
was, whatever came to be copied meanwhile.
"""

import dataclasses

from shared.discovery.looking import look
from shared.model.caps import Cutoff, Spent, told_of
from shared.model.counts import Counts
from shared.model.datasets import Dataset
from shared.model.items import End, PlannedPage
from shared.model.messages import PageRequest
from shared.model.rows import Run
from shared.storage.ledger import Ledger


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Capping:
    """Cuts pages before they are kept."""

    ledger: Ledger

    async def cut(self, request: PageRequest, run: Run, dataset: Dataset, page: PlannedPage) -> PlannedPage:
        """The page, marked with the asset before which it ends where the dataset's caps are hard and would be exceeded.

        What is there costs nothing. Raises StorageFailedError.
        """
        caps = dataset.caps
        if caps is None or caps.cutoff is Cutoff.SOFT:
            return page
        spent = request.spent or Spent()
        everything = spent
        for asset in (asset for each in page.items for asset in each.assets):
            everything = everything.with_asset(asset)
        if caps.hold(everything):
            return page
        part = await look(run, page, part=None, mode=dataset.policy.on_existing, ledger=self.ledger)
        for number, asset in enumerate(part.assets):
            if asset in part.already:
                continue
            if not caps.hold(spent.with_asset(asset)):
                end = End(before=number, because=told_of(caps, spent, next_asset=asset))
                return page.model_copy(update={"end": end})
            spent = spent.with_asset(asset)
        return page


def spent_after(request: PageRequest, dataset: Dataset, *, counts: Counts) -> Spent | None:
    """What a run has asked for once this part has; None where nothing caps it."""
    if dataset.caps is None or request.is_plan:
        return None
    return (request.spent or Spent()).with_counts(counts)


def cut_because(dataset: Dataset, page: PlannedPage, *, spent: Spent | None, is_last_part: bool) -> str | None:
    """Why a run ends with this part though something follows, in words; None: its caps let it go on.

    A page that was kept with an end ends there even if the caps were lifted since: the rest was never asked for.
    """
    if page.end is not None:
        return page.end.because if is_last_part else None
    caps = dataset.caps
    if caps is None or spent is None or caps.cutoff is Cutoff.HARD or not caps.are_reached(spent):
        return None
    return told_of(caps, spent, next_asset=None)
