"""What an event carries, told by its shape: a STAC item, an item collection, or a list of files.

A list is a manifest in JSON, of which each file has a line's columns::

    {"assets": [{"url": "https://data.example.org/a.tif", "size": 1357, "sha256": "…", "item": "scene-1"}]}
"""

from pydantic import JsonValue, ValidationError

from shared.catalogs.json_text import explained
from shared.catalogs.manifest_lines import Entry
from shared.catalogs.stac_items import read_item
from shared.intake.event import IGNORED, Content, too_many, within
from shared.intake.files import Watched
from shared.model.errors import MalformedCatalogError
from shared.model.items import CatalogAsset, CatalogItem, Refusal


def read_content(document: JsonValue, *, watched: Watched) -> Content:
    """Read what an event carries; what has none of these shapes is ignored: a topic may carry anything.

    Raises EventTooLargeError.
    """
    match document:
        case {"type": "Feature"} if is_stac(document):
            return _of_features([document], watched=watched)
        case {"type": "FeatureCollection", "features": list(features)}:
            return _of_features(features, watched=watched)
        case {"assets": list(assets)}:
            return _of_list(assets, most=watched.events.max_assets)
        case _:
            return IGNORED


def is_stac(document: JsonValue) -> bool:
    """Tell an item or an item collection from anything else; GeoJSON without assets is none."""
    match document:
        case {"type": "Feature", "assets": dict()} | {"type": "FeatureCollection", "features": list()}:
            return True
        case _:
            return False


def is_list(document: JsonValue) -> bool:
    """Tell a list of files from anything else."""
    return isinstance(document, dict) and isinstance(document.get("assets"), list)


def _of_features(features: list[JsonValue], *, watched: Watched) -> Content:
    found = (_of_feature(each, number=number, watched=watched) for number, each in enumerate(features, start=1))
    return Content.of(within(found, most=watched.events.max_assets))


def _of_feature(feature: JsonValue, *, number: int, watched: Watched) -> Content:
    item, refusals = read_item(feature, address="", name=f"item {number} of the event")
    if item is None:
        return Content(refusals=refusals)
    if not watched.dataset.catalog.has(item):
        return IGNORED
    return Content(items=(item,), refusals=refusals)


def _of_list(assets: list[JsonValue], *, most: int) -> Content:
    if len(assets) > most:
        raise too_many(f"{len(assets)} assets", most=most)
    items: dict[str, list[CatalogAsset]] = {}
    refusals: list[Refusal] = []
    for number, each in enumerate(assets, start=1):
        try:
            entry = Entry.model_validate(each)
        except ValidationError as error:
            wrong = MalformedCatalogError(explained(error))
            name = f"asset {number} of the event"
            refusals.append(Refusal.of(wrong, item=name, key=name))
        else:
            items.setdefault(entry.item or entry.asset.key, []).append(entry.asset)
    return Content(
        items=tuple(CatalogItem(item=name, id=name, assets=tuple(each)) for name, each in items.items()),
        refusals=tuple(refusals),
    )
