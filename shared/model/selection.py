"""Which of a page's assets are copied, and under which names: pure, so that a redelivery plans the same."""

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC
from fnmatch import translate
from functools import lru_cache
from operator import itemgetter
from urllib.parse import urlsplit

from pydantic import ValidationError

from shared.model.access import Source, check_scheme
from shared.model.assets import Asset
from shared.model.datasets import Dataset, Order, Selection
from shared.model.errors import (
    BadNameError,
    MalformedCatalogError,
    PermanentError,
    RequestTooLargeError,
    UrlRefusedError,
)
from shared.model.hrefs import host_of, store_address, unsigned
from shared.model.items import CatalogAsset, CatalogItem, Cut, Page, PlannedItem, PlannedPage, Refusal, fit_name
from shared.model.messages import MAX_REQUEST_BYTES
from shared.model.names import blob_name, check_name, encoded_path, path_of

#: What a request has beside its asset: dataset, cause, times, counts.
_ENVELOPE_BYTES = 1024


def plan_page(
    page: Page, *, dataset_name: str, dataset: Dataset, capacity: int, before: Collection[str] = ()
) -> tuple[PlannedPage, tuple[Refusal, ...]]:
    """Choose a page's assets and name their blobs; also returns what has to be refused, the page's own among it.

    ``capacity`` is how many copy requests one part of the page may have, ``before`` what the page before listed.

    Each item counts once: as planned if one of its assets is, else as refused if anything of it was, else as filtered;
    and on the first of two pages if it stands on both, as where something new moves all others on.
    """
    planned: dict[str, list[Asset]] = {}
    refusals = list(page.refusals)
    items = _ordered(_merged(page.items), order=dataset.select.order)
    for item in items:
        planned[item.item] = []
        for chosen in _chosen(item, select=dataset.select):
            try:
                planned[item.item].append(_planned(chosen, item=item, dataset_name=dataset_name, dataset=dataset))
            except PermanentError as error:
                refusals.append(Refusal.of(error, item=item.item, key=chosen.key))
    refusals += _take_colliding(planned)
    kept = tuple(PlannedItem(item=item, assets=tuple(assets)) for item, assets in planned.items() if assets)
    names = page.names
    repeated = {name for digest, name in names.items() if digest in before}
    available = {*names.values()} - repeated
    planned_names = {fit_name(each.item) for each in kept}
    refused = ({each.item for each in refusals} & available) - planned_names
    policy = dataset.policy
    whole = PlannedPage(
        items=kept,
        next_token=page.next_token,
        available=len(available),
        refused=len(refused),
        filtered=len(available - refused - planned_names),
        cut=Cut(
            bundle_assets=policy.bundle_assets,
            bundle_bytes=policy.bundle_bytes,
            requests=capacity,
            singles_in_place=True,
        ),
        listed=tuple(names),
        repeats=len(repeated),
        repeated=tuple(each.item for each in kept if fit_name(each.item) in repeated),
        matched=page.matched,
    )
    return whole, tuple(refusals)


def is_selected_by_key(key: str, *, select: Selection) -> bool:
    """Tell whether an asset of this key may be selected, of which the catalog says nothing else that can be read."""
    return _matches(key, select.include) and not _matches(key, select.exclude)


def _merged(items: Iterable[CatalogItem]) -> list[CatalogItem]:
    """Each item once, and each asset of it once; what the catalog lists last stands."""
    merged: dict[str, CatalogItem] = {}
    for item in items:
        before = merged[item.item].assets if item.item in merged else ()
        assets = {asset.key: asset for asset in (*before, *item.assets)}
        merged[item.item] = dataclasses.replace(item, assets=tuple(assets.values()))
    return list(merged.values())


def _ordered(items: Sequence[CatalogItem], *, order: Order) -> Sequence[CatalogItem]:
    """As the dataset wants them: those without a time last, those of one time as the catalog lists them."""
    if order is Order.CATALOG:
        return items
    timed = [(each.datetime, each) for each in items if each.datetime is not None]
    timed.sort(key=itemgetter(0), reverse=order is Order.NEWEST)
    return [*(each for _, each in timed), *(each for each in items if each.datetime is None)]


def _chosen(item: CatalogItem, *, select: Selection) -> Iterator[CatalogAsset]:
    if not _selects_item(item, select=select):
        return
    for asset in item.assets:
        if _selects_asset(asset, select=select):
            yield asset


def _selects_item(item: CatalogItem, *, select: Selection) -> bool:
    if not select.window.holds(item.datetime):
        return False
    return select.bbox is None or (item.bbox is not None and _touch(item.bbox, select.bbox))


def _touch(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    """Tell whether two boxes touch; one whose west lies east of its east goes over the antimeridian."""
    (west, south, east, north), (other_west, other_south, other_east, other_north) = one, other
    if south > other_north or other_south > north:
        return False
    east += 360 * (west > east)
    other_east += 360 * (other_west > other_east)
    return any(west <= other_east + turn and other_west + turn <= east for turn in (-360, 0, 360))


def _selects_asset(asset: CatalogAsset, *, select: Selection) -> bool:
    if not _matches(asset.key, select.include) or _matches(asset.key, select.exclude):
        return False
    media_type = (asset.media_type or "").partition(";")[0].strip().lower()
    if not _matches(media_type, tuple(each.lower() for each in select.media_types)):
        return False
    if asset.size is None:
        return True
    return select.min_bytes <= asset.size and (select.max_bytes is None or asset.size <= select.max_bytes)


def _matches(text: str, patterns: tuple[str, ...]) -> bool:
    return any(_pattern(each).match(text) for each in patterns)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    """A pattern with * and ?; a bracket stands for itself."""
    return re.compile(translate(text.replace("[", "[[]")))


def _planned(asset: CatalogAsset, *, item: CatalogItem, dataset_name: str, dataset: Dataset) -> Asset:
    """The asset as it is asked for; raises PermanentError: what is wrong with it."""
    href = _href(asset, source=dataset.source)
    try:
        planned = Asset(
            item=item.item,
            key=asset.key,
            href=href,
            name=_name(asset, href=href, item=item, template=dataset.template, dataset_name=dataset_name),
            size=asset.size,
            checksum=asset.checksum,
            updated=asset.updated,
            media_type=asset.media_type,
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise MalformedCatalogError(f"{'.'.join(map(str, first['loc'])) or 'the asset'}: {first['msg']}") from error
    # Where the item is to be published, its name stands in the request once more.
    named = planned.item if dataset.publish else ""
    if len((planned.model_dump_json() + json.dumps(named)).encode()) > MAX_REQUEST_BYTES - _ENVELOPE_BYTES:
        raise RequestTooLargeError(f"the asset doesn't fit into a message of {MAX_REQUEST_BYTES} bytes")
    return planned


def _href(asset: CatalogAsset, *, source: Source) -> str:
    in_store = store_address(asset.href)
    if in_store is not None:
        check_scheme(in_store.scheme, source=source)
        return asset.href
    try:
        href = unsigned(asset.href)
        scheme = urlsplit(href).scheme
    except ValueError as error:
        raise UrlRefusedError("the href is no address") from error
    if scheme not in {"https", "http"} or not host_of(href):
        raise UrlRefusedError(f"the href is no https:// or http:// address (scheme {scheme[:40]!r})")
    return href


def _name(asset: CatalogAsset, *, href: str, item: CatalogItem, template: str, dataset_name: str) -> str:
    if asset.destination is not None:
        return check_name(encoded_path(asset.destination))
    moment = item.datetime.astimezone(UTC) if item.datetime else None
    values = {
        "dataset": dataset_name,
        "collection": item.collection,
        "id": item.id,
        "item": item.item,
        "key": asset.key,
        "file": urlsplit(href).path.rpartition("/")[2],
        "path": path_of(href),
        "host": host_of(href),
        "year": f"{moment.year:04}" if moment else None,
        "month": f"{moment.month:02}" if moment else None,
        "day": f"{moment.day:02}" if moment else None,
    }
    return blob_name(template, values)


def _take_colliding(planned: dict[str, list[Asset]]) -> list[Refusal]:
    """Take out all assets of a page that share a name: none of them has a better claim to it."""
    uses = Counter(asset.name for assets in planned.values() for asset in assets)
    refusals: list[Refusal] = []
    for item, assets in planned.items():
        for asset in assets:
            if uses[asset.name] > 1:
                error = BadNameError(f"{uses[asset.name]} assets of the page would be the blob {asset.name!r}")
                refusals.append(Refusal.of(error, item=item, key=asset.key))
        planned[item] = [asset for asset in assets if uses[asset.name] == 1]
    return refusals
