"""STAC, from an API or from files: every page is a stranger's."""

import json
from collections.abc import Mapping
from random import Random
from typing import Any

from shared.catalogs.kinds import KINDS
from shared.catalogs.stac import StacCatalog, StacSearch
from shared.catalogs.static_stac import StaticStac, StaticStacCatalog
from shared.model.datasets import Selection
from shared.model.kinds import define
from tests.fuzz.mutating import mutated_json
from tests.fuzz.target import Target
from tests.fuzz.targets.harness import ALLOW, OF_READERS, discovered, serving

define(KINDS)
ROOT = "https://stac.example.org/v1/catalog.json"

ITEM: Mapping[str, Any] = {
    "type": "Feature",
    "stac_version": "1.0.0",
    "id": "T32",
    "collection": "s2",
    "geometry": None,
    "bbox": [7.5, 47, 8.5, 48],
    "properties": {"datetime": "2024-06-01T10:00:00Z", "updated": "2024-06-02T00:00:00.5Z", "title": "a"},
    "links": [{"rel": "self", "href": "https://data.example.org/s2/T32.json"}, {"rel": "parent", "href": "../c.json"}],
    "assets": {
        "B04": {"href": "./B04.tif", "type": "image/tiff", "file:size": 9, "file:checksum": "d50110" + "0" * 32},
        "B08": {"href": "https://data.example.org/B08.tif?sv=1&sig=a", "alternate": {"s3": {"href": "s3://b/B08.tif"}}},
    },
}
PAGE = {
    "type": "FeatureCollection",
    "numberMatched": 3,
    "context": {"matched": 3},
    "features": [
        ITEM,
        {**ITEM, "id": "T33", "properties": {"datetime": None, "start_datetime": "2024-06-01T00:00:00Z"}},
    ],
    "links": [
        {
            "rel": "next",
            "method": "POST",
            "href": "?token=2",
            "body": {"token": "2"},
            "merge": True,
            "headers": {"a": "b"},
        }
    ],
}
_COLLECTION = {"type": "Collection", "id": "s2", "links": [{"rel": "self", "href": "./c.json"}], "title": "S2"}
CATALOG = {
    "type": "Catalog",
    "id": "root",
    "links": [
        {"rel": "child", "href": "./s2/collection.json"},
        {"rel": "items", "href": "./items.json"},
        {"rel": "item", "href": "T01.json"},
        {"rel": "root", "href": "./catalog.json"},
    ],
}


async def _stac(body: bytes) -> None:
    # The same page again and again, now and then.
    others = body if len(body) % 8 == 0 else b'{"type": "FeatureCollection", "features": []}'
    pages = iter((body,))
    http = serving(lambda _: next(pages, others))
    catalog = StacCatalog(kind="stac", url="https://stac.example.org/v1", page_size=2)
    await discovered(StacSearch(catalog, allow=ALLOW, http=http, select=Selection(bbox=(0, 0, 90, 90))), publish={})


async def _stac_item(body: bytes) -> None:
    catalog = StacCatalog(kind="stac", url="https://stac.example.org/v1")
    search = StacSearch(catalog, allow=ALLOW, http=serving(lambda _: body), select=Selection())
    if b"Collection" in body:
        await search.collection("s2")
    await search.item("s2/T32")


async def _static_stac(body: bytes) -> None:
    """A document that is what it says, wherever it is asked for: whatever it links, it links itself."""
    others = {
        "https://stac.example.org/v1/items.json": json.dumps(
            {"type": "FeatureCollection", "features": [ITEM]}
        ).encode(),
        "https://stac.example.org/v1/T01.json": json.dumps(ITEM).encode(),
    }
    is_catalog = b"Feature" not in body[:200]
    root = body if is_catalog else json.dumps(CATALOG).encode()
    http = serving(lambda asked: root if asked.url == ROOT else others.get(asked.url, body) if is_catalog else body)
    catalog = StaticStacCatalog(kind="static_stac", url=ROOT, page_size=5)
    await discovered(StaticStac(catalog, allow=ALLOW, http=http), catalog=catalog.model_dump(), publish={})


def _made_static(chance: Random) -> bytes:
    collection = {"type": "FeatureCollection", "features": [ITEM], "links": []}
    return mutated_json(chance, chance.choice((CATALOG, CATALOG, ITEM, collection)))


TARGETS = (
    Target.of("stac", make=lambda chance: mutated_json(chance, PAGE), run=_stac, allowed=OF_READERS),
    Target.of(
        "stac-item",
        make=lambda chance: mutated_json(chance, chance.choice((ITEM, _COLLECTION))),
        run=_stac_item,
        allowed=OF_READERS,
    ),
    Target.of("static-stac", make=_made_static, run=_static_stac, allowed=OF_READERS),
)
