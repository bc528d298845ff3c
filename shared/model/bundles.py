"""Small assets travel together: queue and ledger costs are then paid per request, not per file."""

from collections import defaultdict
from collections.abc import Iterable

from shared.model.assets import Asset, bucket
from shared.model.items import PlannedItem


def bundled(items: Iterable[PlannedItem], *, max_assets: int, max_bytes: int) -> list[tuple[Asset, ...]]:
    """Cut items into bundles, item by item in their order; the same items always give the same bundles.

    The small assets of one item share a bundle up to a count and a size. Items of a single small asset share one with
    others of their partition of the ledger. An asset that is large or of unknown size travels alone.
    """
    bundles: list[tuple[Asset, ...]] = []
    singles: defaultdict[int, list[Asset]] = defaultdict(list)
    for each in items:
        small = [asset for asset in each.assets if _is_small(asset, max_bytes=max_bytes)]
        bundles += [(asset,) for asset in each.assets if not _is_small(asset, max_bytes=max_bytes)]
        if len(each.assets) == 1:
            singles[bucket(each.item)] += small
        else:
            bundles += _cut(small, max_assets=max_assets, max_bytes=max_bytes)
    for together in singles.values():
        bundles += _cut(together, max_assets=max_assets, max_bytes=max_bytes)
    return bundles


def _is_small(asset: Asset, *, max_bytes: int) -> bool:
    return asset.size is not None and asset.size <= max_bytes


def _cut(assets: list[Asset], *, max_assets: int, max_bytes: int) -> list[tuple[Asset, ...]]:
    bundles: list[tuple[Asset, ...]] = []
    current: list[Asset] = []
    size = 0
    for asset in assets:
        length = asset.size or 0
        if current and (len(current) == max_assets or size + length > max_bytes):
            bundles.append(tuple(current))
            current, size = [], 0
        current.append(asset)
        size += length
    return [*bundles, tuple(current)] if current else bundles
