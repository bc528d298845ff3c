"""Small assets travel together: queue and ledger costs are then paid per request, not per file."""

from collections import defaultdict
from collections.abc import Iterable

from shared.model.assets import Asset, bucket
from shared.model.items import Cut, PlannedItem


def bundled(items: Iterable[PlannedItem], *, cut: Cut) -> list[tuple[Asset, ...]]:
    """Cut items into bundles, item by item in their order; the same items always give the same bundles.

    The small assets of one item share a bundle up to a count and a size, and follow its others. Items of a single small
    asset share one with others of their partition of the ledger, which stands where the first of them does. An asset
    that is large or of unknown size travels alone.
    """
    bundles: list[list[Asset]] = []
    singles: defaultdict[int, list[list[Asset]]] = defaultdict(list)
    for each in items:
        small = [asset for asset in each.assets if _is_small(asset, cut=cut)]
        bundles += [[asset] for asset in each.assets if not _is_small(asset, cut=cut)]
        # Items of one asset fill up the last bundle of their partition, wherever that stands.
        filled = singles[bucket(each.item)] if len(each.assets) == 1 else []
        for asset in small:
            if not filled or not _has_room(filled[-1], asset, cut=cut):
                filled.append([])
                if len(each.assets) > 1 or cut.singles_in_place:
                    bundles.append(filled[-1])
            filled[-1].append(asset)
    if not cut.singles_in_place:
        bundles += [bundle for partition in singles.values() for bundle in partition]
    return [tuple(each) for each in bundles]


def _is_small(asset: Asset, *, cut: Cut) -> bool:
    return asset.size is not None and asset.size <= cut.bundle_bytes


def _has_room(bundle: list[Asset], asset: Asset, *, cut: Cut) -> bool:
    size = sum(each.size or 0 for each in (*bundle, asset))
    return len(bundle) < cut.bundle_assets and size <= cut.bundle_bytes
