"""A part of a page, and what the ledger says of it: what a run asks for, and what a plan counts."""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from shared.model.assets import Asset
from shared.model.counts import PartCounts
from shared.model.datasets import OnExisting
from shared.model.items import PlannedPage
from shared.model.messages import CopyRequest
from shared.model.rows import LedgerRow, Run, RunKind
from shared.requesting import copy_requests
from shared.storage.ledger import Ledger


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Requests of a page."""

    page: PlannedPage
    requests: list[CopyRequest]
    is_last: bool
    #: Items whose first request is among these: they count here, but for those that counted on a page before.
    begun: AbstractSet[str]
    #: What the ledger has of the requests' items.
    rows: Mapping[Asset, LedgerRow]
    #: Assets for which nothing has to be sent.
    there: frozenset[Asset]
    #: Those of them that another run or an event has brought. What this very run has brought counts as sent: a
    #: redelivery comes to the same numbers.
    already: AbstractSet[Asset]

    @property
    def assets(self) -> Iterable[Asset]:
        """The requests' assets, in their order."""
        return itertools.chain.from_iterable(each.assets for each in self.requests)

    @property
    def sent(self) -> list[Asset]:
        """Those that count as sent."""
        return [each for each in self.assets if each not in self.already]

    @property
    def items(self) -> AbstractSet[str]:
        """The requests' items."""
        return {each.item for each in self.assets}

    @property
    def counts(self) -> PartCounts:
        """Its sent and already."""
        assets, sent = list(self.assets), self.sent
        whole = [each.item for each in self.page.items if each.item in self.begun and self.already >= set(each.assets)]
        return PartCounts(
            sent=len(sent),
            already=len(assets) - len(sent),
            items_sent=len(self.begun) - len(whole),
            items_already=len(whole),
            sent_bytes=sum(each.size or 0 for each in sent),
        )


async def look(run: Run, page: PlannedPage, *, part: int | None, mode: OnExisting, ledger: Ledger) -> Part:
    """Look a part of a page up in the ledger, or all of it (None). Raises StorageFailedError."""
    requests = _until(copy_requests(run.cause, page), page.end.before if page.end else None)
    first, following = (0, len(requests)) if part is None else _place(part, page)
    mine = requests[first:following]
    items = _items(mine)
    entries = await ledger.of_items(run.dataset, items)
    rows = {asset: entries[asset.identity].row for asset in _assets(page, items) if asset.identity in entries}
    there = frozenset(asset for asset, row in rows.items() if _is_there(asset, row, run=run, mode=mode))
    return Part(
        page=page,
        requests=mine,
        is_last=following >= len(requests),
        begun=items - _items(requests[:first]) - {*page.repeated},
        rows=rows,
        there=there,
        already={asset for asset in there if rows[asset].cause != run.run},
    )


def _until(requests: list[CopyRequest], number: int | None) -> list[CopyRequest]:
    """The requests up to an asset, counted over all of them; the one that has it is cut."""
    if number is None:
        return requests
    cut: list[CopyRequest] = []
    for each in requests:
        if some := each.assets[:number]:
            cut.append(each.of(some))
        number -= len(some)
    return cut


def _place(part: int, page: PlannedPage) -> tuple[int, int]:
    return part * page.cut.requests, (part + 1) * page.cut.requests


def _items(requests: Iterable[CopyRequest]) -> set[str]:
    return {asset.item for each in requests for asset in each.assets}


def _assets(page: PlannedPage, items: AbstractSet[str]) -> list[Asset]:
    return [asset for each in page.items if each.item in items for asset in each.assets]


def _is_there(asset: Asset, row: LedgerRow, *, run: Run, mode: OnExisting) -> bool:
    """Tell whether nothing has to be sent.

    What is replaced in each run is there only if this run has brought it. So is what depends on the source, of which
    the catalog may know nothing: a run asks for that again, but for one that asks its catalog what is new.
    """
    depends_on_source = mode is OnExisting.IF_SOURCE_CHANGED and run.kind is not RunKind.INCREMENTAL
    if mode is OnExisting.REPLACE or depends_on_source:
        return row.settles(asset, cause=run.run, asked_at=run.began_at)
    return row.stands_for(asset, asked_at=run.began_at)
