"""STAC items, as a search lists them.

https://github.com/radiantearth/stac-spec/blob/master/item-spec/item-spec.md::

    {"type": "Feature", "collection": "s2", "id": "T32", "bbox": [7.5, 47.0, 8.5, 48.0],
     "properties": {"datetime": "2024-06-01T10:00:00Z", "updated": "2024-06-02T00:00:00Z"},
     "links": [{"rel": "self", "href": "https://data.example.org/s2/T32.json"}],
     "assets": {"B04": {"href": "./B04.tif", "type": "image/tiff", "file:size": 9, "file:checksum": "1220…"}}}

What selects an item has to be right (its id, its time, its place), or the item is refused. What only helps a copy
(size, checksum, time of update) is dropped where it can't be read: nothing to verify by is no reason to leave a file.
"""

import dataclasses
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
)

from shared.catalogs.json_text import Lenient, explained, shown
from shared.model.checksums import Algorithm, from_hex_or_base64, from_multihash
from shared.model.errors import BadNameError, MalformedCatalogError
from shared.model.hrefs import joined
from shared.model.items import CatalogAsset, CatalogItem, Refusal
from shared.model.times import WrittenTime


def read_item(feature: JsonValue, *, address: str, name: str) -> tuple[CatalogItem | None, tuple[Refusal, ...]]:
    """Read a feature of the page at ``address``; what can't be read is refused, under ``name`` if it has no id."""
    try:
        found = _Feature.model_validate(feature)
    except ValidationError as error:
        refused = MalformedCatalogError(f"no item of STAC: {explained(error)}")
        return None, (Refusal.of(refused, item=_named(feature) or name, key=""),)
    if "/" in (found.collection or found.id):
        # "a/b" of collection "x" and "b" of collection "x/a" would be one item in the ledger.
        ambiguous = BadNameError(f"collection/id isn't unique with a / in {found.collection or found.id!r}")
        return None, (Refusal.of(ambiguous, item=found.item, key=""),)
    base = _joined(address, found.self_href) or address
    assets: list[CatalogAsset] = []
    refusals: list[Refusal] = []
    for key, value in found.assets.items():
        try:
            assets.append(_read_asset(key, value, base=base, item_updated=found.properties.updated))
        except MalformedCatalogError as error:
            refusals.append(Refusal.of(error, item=found.item, key=key))
    item = dataclasses.replace(found.with_assets(tuple(assets)), document=feature, address=base)
    return item, tuple(refusals)


def self_address(document: Mapping[str, JsonValue], *, address: str) -> str:
    """What the relative links of a document at ``address`` are seen from: the address that it says it has, if any."""
    links = document.get("links")
    said = (each for each in links if isinstance(each, dict)) if isinstance(links, list) else ()
    href = next((each["href"] for each in said if each.get("rel") == "self" and "href" in each), "")
    return (_joined(address, href) if isinstance(href, str) else None) or address


def _joined(base: str, href: str) -> str | None:
    """The href as seen from the base; None if it is no address (``https://[``)."""
    try:
        return joined(base, href)
    except ValueError:
        return None


def _read_asset(key: str, value: JsonValue, *, base: str, item_updated: datetime | None) -> CatalogAsset:
    try:
        found = _Asset.model_validate(value)
    except ValidationError as error:
        raise MalformedCatalogError(f"no asset of STAC: {explained(error)}") from error
    href = _joined(base, found.href)
    if href is None:
        raise MalformedCatalogError(f"href: no address, found {shown(found.href)}")
    return CatalogAsset(
        key=key,
        href=href,
        size=found.size,
        checksum=found.checksum,
        updated=found.updated or item_updated,
        media_type=found.type,
    )


def _named(feature: JsonValue) -> str | None:
    """The item's id, if that at least can be read."""
    if not isinstance(feature, dict) or not isinstance(feature.get("id"), str) or not feature["id"]:
        return None
    collection = feature.get("collection")
    return f"{collection}/{feature['id']}" if isinstance(collection, str) and collection else str(feature["id"])


def _flat(bbox: JsonValue) -> JsonValue:
    """A box without its heights: six numbers are west, south, low, east, north, high."""
    if isinstance(bbox, list) and len(bbox) == 6:  # noqa: PLR2004 - three dimensions, twice
        return [*bbox[0:2], *bbox[3:5]]
    return bbox


def _checksum(text: str) -> str:
    """A multihash; or an MD5 in hex, as Sentinel-3 items have it (no multihash of ours has its length)."""
    bare = re.fullmatch(r"[0-9A-Fa-f]{32}", text)
    return from_hex_or_base64(Algorithm.MD5, text) if bare else from_multihash(text)


type _Degrees = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Properties(_Part):
    datetime: WrittenTime | None = None
    start_datetime: WrittenTime | None = None
    updated: Lenient[WrittenTime] = None


class _Asset(_Part):
    href: Annotated[str, Field(min_length=1)]
    type: Lenient[Annotated[str, Field(max_length=256)]] = None
    size: Lenient[Annotated[int, Field(ge=0, le=2**63 - 1, strict=True)]] = Field(None, alias="file:size")
    checksum: Lenient[Annotated[str, AfterValidator(_checksum)]] = Field(None, alias="file:checksum")
    updated: Lenient[WrittenTime] = None


class _Link(_Part):
    rel: str
    href: str


class _Feature(_Part):
    id: Annotated[str, Field(min_length=1)]
    collection: str | None = None
    bbox: Annotated[tuple[_Degrees, _Degrees, _Degrees, _Degrees] | None, BeforeValidator(_flat)] = None
    properties: _Properties
    assets: dict[str, JsonValue]
    links: Lenient[list[Lenient[_Link]]] = None

    @property
    def item(self) -> str:
        return f"{self.collection}/{self.id}" if self.collection else self.id

    @property
    def self_href(self) -> str:
        return next((link.href for link in self.links or () if link and link.rel == "self"), "")

    def with_assets(self, assets: tuple[CatalogAsset, ...]) -> CatalogItem:
        return CatalogItem(
            item=self.item,
            collection=self.collection or None,
            id=self.id,
            datetime=self.properties.datetime or self.properties.start_datetime,
            bbox=self.bbox,
            assets=assets,
        )
