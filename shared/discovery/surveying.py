"""What a plan looks at: a whole page, without asking for anything of it."""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable
from enum import Enum

from shared.discovery.looking import Part, look
from shared.egress import Policy
from shared.model.assets import Asset
from shared.model.costs import puts_and_looks
from shared.model.datasets import Dataset, OnExisting, matches_host
from shared.model.errors import UrlRefusedError
from shared.model.hrefs import host_of
from shared.model.items import PlannedPage
from shared.model.messages import PageRequest
from shared.model.plans import LargeAsset, PlanTotals, RefusedHost, hosts_together, largest
from shared.model.prices import Prices
from shared.model.rows import LedgerRow, Run
from shared.sources.origins import origin_of
from shared.storage.ledger import Ledger
from shared.storage.plans import Totals


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Surveying:
    """Counts what a run would ask for, and writes it down."""

    ledger: Ledger
    totals: Totals
    prices: Prices
    #: Bytes of a block: an asset up to it is one call.
    block_size: int

    async def survey(self, request: PageRequest, run: Run, dataset: Dataset, *, page: PlannedPage) -> Part:
        """Look a page up as a run would, all of it at once: nothing waits for slots. Raises StorageFailedError."""
        part = await look(run, page, part=None, mode=dataset.policy.on_existing, ledger=self.ledger)
        place = request.pass_number, request.page
        await self.totals.write(request.dataset, request.run, place=place, totals=self._totals(part, dataset))
        return part

    def _totals(self, part: Part, dataset: Dataset) -> PlanTotals:
        sent = part.sent
        refused, hosts = _refused(sent, dataset)
        copied = [each for each in sent if each not in refused]
        calls = [puts_and_looks(each.size or 0, block_size=self.block_size) for each in copied]
        fates = {each: _fate(each, part.rows[each], dataset=dataset) for each in copied if each in part.rows}
        replaced = [part.rows[each].length for each, fate in fates.items() if fate is _Fate.REPLACED]
        described = Counter(_described(each, part.rows.get(each)) for each in sent)
        requests = sum(any(asset not in part.already for asset in each.assets) for each in part.requests)
        return PlanTotals(
            **described,
            unknown_size=sum(each.size is None for each in sent),
            replaced=len(replaced),
            replaced_bytes=sum(replaced),
            held=sum(fate is _Fate.HELD for fate in fates.values()),
            requests=requests,
            parts=max(1, math.ceil(len(part.requests) / part.page.cut.requests)),
            pages=1,
            puts=sum(puts for puts, _ in calls),
            looks=sum(looks for _, looks in calls),
            refused=len(refused),
            refused_bytes=sum(each.size or 0 for each in refused),
            hosts=hosts,
            egress=self._egress(copied, dataset),
            largest=largest(LargeAsset.of(each) for each in copied if each.size is not None),
            refusals=part.page.refusals,
        )

    def _egress(self, assets: Iterable[Asset], dataset: Dataset) -> dict[str, int]:
        """Bytes by the cloud that they leave."""
        found = Counter[str]()
        for asset in assets:
            host = host_of(origin_of(asset.href, source=dataset.source))
            for each in self.prices.egress:
                if matches_host(host, each.hosts):
                    found[each.cloud] += asset.size or 0
        return dict(found)


def _refused(assets: Iterable[Asset], dataset: Dataset) -> tuple[set[Asset], tuple[RefusedHost, ...]]:
    """Those whose address egress would refuse before it asks anybody; names aren't looked up."""
    policy = Policy(dataset.allow)
    refused: set[Asset] = set()
    hosts: list[RefusedHost] = []
    for each in assets:
        try:
            policy.checked(origin_of(each.href, source=dataset.source))
        except UrlRefusedError as error:
            refused.add(each)
            hosts.append(RefusedHost(host=host_of(each.href), assets=1, because=str(error)))
    return refused, hosts_together(hosts)


def _described(asset: Asset, row: LedgerRow | None) -> str:
    if row is None:
        return "new"
    return "again" if row.description == asset.description else "changed"


class _Fate(Enum):
    """What becomes of the blob that an asset's row stands for, where nothing but its source could tell: the worst."""

    KEPT = "kept"
    REPLACED = "replaced"
    #: The asset fails.
    HELD = "held"


def _fate(asset: Asset, row: LedgerRow, *, dataset: Dataset) -> _Fate:
    if (row.container, row.blob) != (dataset.destination.container, asset.name):
        # It would be another blob.
        return _Fate.KEPT
    has_checksum = asset.checksum is not None and asset.checksum in row.digests and asset.size in {None, row.length}
    match dataset.policy.on_existing:
        case OnExisting.ERROR:
            return _Fate.HELD
        case OnExisting.SKIP_VERIFIED | OnExisting.VERSION if has_checksum:
            return _Fate.KEPT
        case OnExisting.IMMUTABLE:
            return _Fate.KEPT if has_checksum else _Fate.HELD
        case _:
            return _Fate.REPLACED
