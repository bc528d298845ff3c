"""STAC documents as they are published: each href leads to our own blobs, each link where a static reader can follow.

https://github.com/radiantearth/stac-spec/blob/master/best-practices.md#static-catalogs; what is added to an asset is
that of the extensions ``file`` (https://github.com/stac-extensions/file) and ``alternate-assets``
(https://github.com/stac-extensions/alternate-assets)::

    {"href": "https://account.blob.core.windows.net/assets/s2/T32/B04.tif", "type": "image/tiff", "file:size": 9,
     "file:checksum": "1220…", "alternate": {"origin": {"href": "https://data.example.org/s2/T32/B04.tif"}}}
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from pydantic import JsonValue

from shared.model.assets import Asset
from shared.model.checksums import to_multihash
from shared.model.datasets import Dataset
from shared.model.documents import ItemDocument, collection_name, item_name
from shared.model.hrefs import joined
from shared.model.publishing import OnFailure
from shared.model.rows import LedgerRow

#: How another href of an asset is called that leads to where it came from.
ORIGIN = "origin"
_FILE = "https://stac-extensions.github.io/file/"
_ALTERNATE = "https://stac-extensions.github.io/alternate-assets/"
_EXTENSIONS = {_FILE: f"{_FILE}v2.1.0/schema.json", _ALTERNATE: f"{_ALTERNATE}v1.2.0/schema.json"}
_STAC_VERSION = "1.1.0"
#: Of those that a row has, the first is published.
_DIGESTS = ("sha256", "sha512", "sha1", "md5")
#: Links that are said anew, and those that lead into an API.
_OWN_LINKS = frozenset({"self", "root", "parent", "collection"})
_API_LINKS = frozenset({"item", "items", "child", "next", "prev", "previous", "data", "search", "aggregate"})
_GEOJSON, _JSON = "application/geo+json", "application/json"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the blobs of a dataset can be read."""

    dataset_name: str
    dataset: Dataset
    #: The data account's blob service, without a slash at its end.
    endpoint: str

    def of_blob(self, container: str, name: str) -> str:
        """The address of an asset's blob."""
        base = self.dataset.publish.base_url if self.dataset.publish else None
        stands_there = container == self.dataset.destination.container
        return self._address(container, name, base=base if stands_there else None)

    def of_item(self, item: str) -> str:
        """The address of a published item; raises BadNameError."""
        return self._document(item_name(item, dataset_name=self.dataset_name, dataset=self.dataset))

    def of_collection(self, collection: str) -> str:
        """The address of a published collection; raises BadNameError."""
        assert self.dataset.publish is not None
        name = collection_name(collection, dataset_name=self.dataset_name, publish=self.dataset.publish)
        return self._document(name)

    def _document(self, name: str) -> str:
        container, publish = self.dataset.items_container, self.dataset.publish
        assert publish is not None
        is_apart = container != self.dataset.destination.container
        return self._address(container, name, base=publish.items_url if is_apart else publish.base_url)

    def _address(self, container: str, name: str, *, base: str | None) -> str:
        """A name's own percent signs are part of the name, so they are encoded once more."""
        return f"{(base or f'{self.endpoint}/{container}').rstrip('/')}/{quote(name, safe='/')}"


def published_item(
    kept: ItemDocument, rows: Mapping[str, LedgerRow], *, addresses: Addresses, on_failure: OnFailure
) -> dict[str, Any]:
    """A whole item; ``rows`` has, by their keys, those of its assets that are there. The others failed for good."""
    if kept.document is None:
        return _record(kept, rows, addresses=addresses, on_failure=on_failure)
    document: dict[str, Any] = dict(kept.document)
    listed = kept.document.get("assets")
    before: Mapping[str, JsonValue] = listed if isinstance(listed, dict) else {}
    document["assets"] = _assets(kept, rows, before=before, addresses=addresses, on_failure=on_failure)
    document["links"] = _item_links(kept, addresses=addresses)
    document["stac_extensions"] = _extended(document.get("stac_extensions"))
    return document


def published_collection(
    collection: str, document: Mapping[str, JsonValue] | None, *, address: str, addresses: Addresses
) -> dict[str, Any]:
    """A collection, unsigned before; one that its catalog doesn't tell of is made up."""
    own = addresses.of_collection(collection)
    said = [_link(rel, own, media_type=_JSON) for rel in ("self", "root")]
    if document is None:
        return {**_made_up(collection), "links": said}
    assets = document.get("assets")
    absolute = {"assets": _absolute_assets(assets, address=address)} if isinstance(assets, dict) else {}
    return {**document, **absolute, "links": [*said, *_kept_links(_links(document.get("links")), address=address)]}


def _record(
    kept: ItemDocument, rows: Mapping[str, LedgerRow], *, addresses: Addresses, on_failure: OnFailure
) -> dict[str, Any]:
    """What is said of an item of which its catalog has no document."""
    assets = _assets(kept, rows, before={}, addresses=addresses, on_failure=on_failure)
    own = _link("self", addresses.of_item(kept.item), media_type=_JSON)
    return {"dataset": addresses.dataset_name, "item": kept.item, "assets": assets, "links": [own]}


def _assets(
    kept: ItemDocument,
    rows: Mapping[str, LedgerRow],
    *,
    before: Mapping[str, JsonValue],
    addresses: Addresses,
    on_failure: OnFailure,
) -> dict[str, Any]:
    """The selected assets, in the order in which the catalog has them."""
    selected = {each.key: each for each in kept.assets}
    places = dict.fromkeys([*before, *selected])
    assets: dict[str, Any] = {}
    for key in places:
        said = before.get(key)
        entry: dict[str, Any] = dict(said) if isinstance(said, dict) else {}
        if key in rows:
            assets[key] = _asset(entry, selected[key], rows[key], addresses=addresses)
        elif on_failure is OnFailure.KEEP_HREF and (key in selected or key in kept.refused):
            href = selected[key].href if key in selected else _absolute(entry.get("href"), address=kept.address)
            assets[key] = {**entry, "href": href}
    return assets


def _asset(entry: dict[str, Any], asset: Asset, row: LedgerRow, *, addresses: Addresses) -> dict[str, Any]:
    others = entry.get("alternate")
    found = (each for kind in _DIGESTS for each in row.digests if each.startswith(f"{kind}:"))
    checksum = to_multihash(next(found, ""))
    said = {name: value for name, value in entry.items() if name != "file:checksum"}
    return {
        **said,
        "href": addresses.of_blob(row.container, row.blob),
        **({"type": asset.media_type} if asset.media_type and "type" not in said else {}),
        "file:size": row.length,
        **({"file:checksum": checksum} if checksum else {}),
        "alternate": {**(others if isinstance(others, dict) else {}), ORIGIN: {"href": row.href}},
    }


def _item_links(kept: ItemDocument, *, addresses: Addresses) -> list[dict[str, Any]]:
    document = kept.document or {}
    links = [_link("self", addresses.of_item(kept.item), media_type=_GEOJSON)]
    collection = document.get("collection")
    if isinstance(collection, str) and collection:
        own = addresses.of_collection(collection)
        links += [_link(rel, own, media_type=_JSON) for rel in ("root", "parent", "collection")]
    # Where the item itself came from.
    origin = [{**each, "rel": "via"} for each in _links(document.get("links")) if each.get("rel") == "self"]
    said = [*origin[:1], *_links(document.get("links"))]
    return [*links, *_kept_links(said, address=kept.address)]


def _links(links: JsonValue) -> list[dict[str, JsonValue]]:
    return [each for each in links if isinstance(each, dict)] if isinstance(links, list) else []


def _kept_links(links: Iterable[Mapping[str, JsonValue]], *, address: str) -> list[dict[str, Any]]:
    """The links that can be followed from wherever they stand, made absolute."""
    kept: list[dict[str, Any]] = []
    for each in links:
        rel, href = each.get("rel"), _absolute(each.get("href"), address=address)
        leads_on = isinstance(rel, str) and rel not in _OWN_LINKS | _API_LINKS and "method" not in each
        if leads_on and href.startswith(("https://", "http://")):
            kept.append({**each, "href": href})
    return kept


def _absolute(href: JsonValue, *, address: str) -> str:
    try:
        return joined(address, href) if isinstance(href, str) else ""
    except ValueError:
        return ""


def _absolute_assets(assets: Mapping[str, JsonValue], *, address: str) -> dict[str, Any]:
    return {
        key: {**each, "href": _absolute(each.get("href"), address=address)}
        for key, each in assets.items()
        if isinstance(each, dict)
    }


def _extended(extensions: JsonValue) -> list[str]:
    """The extensions with those of what was added; one of another version stays as it is."""
    said = [each for each in extensions if isinstance(each, str)] if isinstance(extensions, list) else []
    return [*said, *(uri for prefix, uri in _EXTENSIONS.items() if not _any_begins(said, prefix))]


def _any_begins(texts: Iterable[str], prefix: str) -> bool:
    return any(each.startswith(prefix) for each in texts)


def _link(rel: str, href: str, *, media_type: str) -> dict[str, Any]:
    return {"rel": rel, "href": href, "type": media_type}


def _made_up(collection: str) -> dict[str, Any]:
    return {
        "type": "Collection",
        "stac_version": _STAC_VERSION,
        "id": collection,
        "description": f"Items of {collection}; their catalog has no document of the collection.",
        "license": "other",
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}},
    }
