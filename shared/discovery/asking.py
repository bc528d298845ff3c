"""What a page asks for: copy requests, but for what is there."""

import dataclasses
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from shared.discovery.documents import Documents, item_versions
from shared.model.assets import Asset
from shared.model.bundles import bundled
from shared.model.counts import PartCounts
from shared.model.datasets import OnExisting
from shared.model.items import PlannedPage
from shared.model.messages import CopyRequest, ItemVersion, Queue, fitting
from shared.model.rows import LedgerRow, Run, RunKind
from shared.storage.answers import each_of
from shared.storage.ledger import Ledger
from shared.storage.queues import Queues


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one part of a page asked for."""

    #: Its sent and already.
    counts: PartCounts
    is_last_part: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Sends copy requests."""

    ledger: Ledger
    queues: Queues
    documents: Documents

    async def ask(self, run: Run, page: PlannedPage, *, part: int, mode: OnExisting) -> Asked:
        """Send a part's requests, but for what the ledger has as described and the dataset doesn't replace."""
        requests = _copy_requests(run, page)
        first, following = part * page.cut.requests, (part + 1) * page.cut.requests
        mine = requests[first:following]
        items = _items(mine)
        entries = await self.ledger.of_items(run.dataset, items)
        rows = {asset: entries[asset.identity].row for asset in _assets(page, items) if asset.identity in entries}
        there = {asset for asset, row in rows.items() if _is_there(asset, row, run=run, mode=mode)}
        bodies = [
            each.of(wanted).encode()
            for each in mine
            if (wanted := [asset for asset in each.assets if asset not in there])
        ]
        await each_of(bodies, lambda body: self.queues.send(Queue.COPY, body))
        await self.documents.ask(
            run, [each for each in page.items if each.item in items and there.issuperset(each.assets)]
        )
        # What this very run has brought counts as sent: a redelivery comes to the same numbers.
        already = {asset for asset in there if rows[asset].cause != run.run}
        begun = items - _items(requests[:first]) - {*page.repeated}
        counts = _counts(page, mine, begun=begun, already=already)
        return Asked(counts=counts, is_last_part=following >= len(requests))


def _copy_requests(run: Run, page: PlannedPage) -> list[CopyRequest]:
    """All requests of a page, each as large as a message can be: parts are cut out of these, so that none has more."""
    versions = item_versions(page)
    whole = (
        CopyRequest(
            dataset=run.dataset, cause=run.run, asked_at=run.began_at, assets=assets, items=_of(assets, versions)
        )
        for assets in bundled(page.items, cut=page.cut)
    )
    return [part for each in whole for part in fitting(each)]


def _of(assets: Iterable[Asset], versions: Mapping[str, ItemVersion]) -> tuple[ItemVersion, ...]:
    """Those of the items to be published that these assets belong to."""
    return tuple(versions[each] for each in dict.fromkeys(asset.item for asset in assets) if each in versions)


def _items(requests: Iterable[CopyRequest]) -> set[str]:
    return {asset.item for each in requests for asset in each.assets}


def _assets(page: PlannedPage, items: AbstractSet[str]) -> list[Asset]:
    return [asset for each in page.items if each.item in items for asset in each.assets]


def _is_there(asset: Asset, row: LedgerRow, *, run: Run, mode: OnExisting) -> bool:
    """Tell whether nothing has to be sent.

    What is replaced in each run is there only if this run has brought it. So is what depends on the source, of which
    the catalog may know nothing: a run asks for that again, but for one that asks its catalog what is new.
    """
    depends_on_source = mode is OnExisting.IF_SOURCE_CHANGED and run.kind is RunKind.FULL
    if mode is OnExisting.REPLACE or depends_on_source:
        return row.settles(asset, cause=run.run, asked_at=run.began_at)
    return row.stands_for(asset, asked_at=run.began_at)


def _counts(
    page: PlannedPage, requests: Iterable[CopyRequest], *, begun: AbstractSet[str], already: AbstractSet[Asset]
) -> PartCounts:
    """The counts of a part with these requests; an item counts where its first request is: in ``begun``."""
    assets = [asset for each in requests for asset in each.assets]
    whole = [each.item for each in page.items if each.item in begun and already >= set(each.assets)]
    return PartCounts(
        sent=sum(asset not in already for asset in assets),
        already=sum(asset in already for asset in assets),
        items_sent=len(begun) - len(whole),
        items_already=len(whole),
    )
