"""A planned page as copy requests."""

from collections.abc import Iterable, Mapping

from shared.model.assets import Asset
from shared.model.bundles import bundled
from shared.model.causes import Cause
from shared.model.items import PlannedPage
from shared.model.messages import CopyRequest, ItemVersion, fitting


def copy_requests(cause: Cause, page: PlannedPage) -> list[CopyRequest]:
    """All requests of a page, in its order, each as large as a message can be."""
    versions = _item_versions(page)
    whole = (
        CopyRequest(
            dataset=cause.dataset,
            cause=cause.name,
            asked_at=cause.asked_at,
            assets=assets,
            items=_of(assets, versions),
        )
        for assets in bundled(page.items, cut=page.cut)
    )
    return [part for each in whole for part in fitting(each)]


def _item_versions(page: PlannedPage) -> Mapping[str, ItemVersion]:
    """The items of a page that are to be published, by their names."""
    return {
        each.item: ItemVersion(item=each.item, version=each.version, assets=len(each.assets))
        for each in page.items
        if each.version is not None
    }


def _of(assets: Iterable[Asset], versions: Mapping[str, ItemVersion]) -> tuple[ItemVersion, ...]:
    """Those of the items to be published that these assets belong to."""
    return tuple(versions[each] for each in dict.fromkeys(asset.item for asset in assets) if each in versions)
