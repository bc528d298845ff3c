"""What catalogs do: over HTTP, in lines, and in memory."""

import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime

import pytest
from pydantic import JsonValue

from shared.catalogs.geoparquet import Geoparquet, GeoparquetCatalog
from shared.catalogs.geoparquet_pages import Standing
from shared.catalogs.manifest import Manifest, ManifestCatalog
from shared.catalogs.manifest_bytes import Opened
from shared.catalogs.parquet_bytes import read_web
from shared.catalogs.reader import CatalogReader
from shared.catalogs.stac import StacCatalog, StacSearch
from shared.model.datasets import Allowlist, Selection
from shared.model.items import CatalogAsset, CatalogCollection, CatalogItem
from shared.model.windows import Window
from tests.fakes.catalogs import MemoryCatalog, paged
from tests.fakes.egress import Answer, Asked, FakeEgress
from tests.fakes.tables import pa, ranged, written

_API = "https://stac.example.org"
_NAMES = ("T32", "a/b", "é & ?#%2F")
_ITEMS = [
    CatalogItem(
        item=f"s2/{name}",
        collection="s2",
        id=name,
        datetime=datetime(2024, 6, 1, 10, tzinfo=UTC),
        assets=(CatalogAsset(key="B04", href="https://data.example.org/B04.tif", size=number),),
    )
    for number, name in enumerate(_NAMES)
]
_COLLECTION: dict[str, JsonValue] = {"type": "Collection", "id": "s2", "links": []}
_LINES = b"https://data.example.org/a.tif\t1\nhttps://data.example.org/b.tif\t2\n"


@pytest.fixture(params=["stac", "memory", "geoparquet"])
def catalog(request: pytest.FixtureRequest) -> CatalogReader:
    """A catalog that lists these items."""
    if request.param == "memory":
        memory = MemoryCatalog(paged(_ITEMS, size=10))
        memory.collections["s2"] = CatalogCollection(document=_COLLECTION, address=f"{_API}/collections/s2")
        return memory
    allow = Allowlist(hosts=("*.example.org",))
    if request.param == "geoparquet":
        # Its collections are where it is.
        url = f"{_API}/collections/s2"
        part = read_web(url, FakeEgress(ranged({url: _table()})), allow=allow)
        table = GeoparquetCatalog(kind="geoparquet", url=url)
        return Geoparquet(table, select=Selection(), part=part, standing=Standing())
    return StacSearch(StacCatalog(kind="stac", url=_API), allow=allow, http=FakeEgress(_serve), select=Selection())


async def test_items_by_name(catalog: CatalogReader) -> None:
    """Each item of a page can be asked for by what the page calls it, and is the same."""
    page = await catalog.page(None, window=Window())

    found = [await catalog.item(each.item) for each in page.items]

    assert found == list(page.items) == _ITEMS


@pytest.mark.parametrize("name", ["s2/T33", "s1/T32", "T32", "s2/", ""])
async def test_absent_item(catalog: CatalogReader, name: str) -> None:
    """An item that isn't there is None."""
    assert await catalog.item(name) is None


async def test_collection(catalog: CatalogReader) -> None:
    """A collection comes whole, with where its links are seen from; one that isn't there is None."""
    found = CatalogCollection(document=_COLLECTION, address=f"{_API}/collections/s2")

    assert [await catalog.collection(name) for name in ("s2", "s1")] == [found, None]


async def test_manifests_have_no_items_to_ask_for() -> None:
    """A line has no address: what a manifest calls an item finds none, and the manifest isn't opened for it."""
    lines = _Lines()
    manifest = Manifest(ManifestCatalog(kind="manifest", url=f"{_API}/list.tsv"), open_manifest=lines.open)
    page = await manifest.page(None, window=Window())

    assert [await manifest.item(each.item) for each in page.items] == [None, None]
    assert await manifest.collection("s2") is None
    assert lines.opened == 1


def _table() -> bytes:
    """The items as stac-geoparquet, with their collection."""
    rows = [
        {
            "id": each.id,
            "collection": each.collection,
            "datetime": each.datetime,
            "assets": {asset.key: {"href": asset.href, "file:size": asset.size} for asset in each.assets},
        }
        for each in _ITEMS
    ]
    said = json.dumps({"version": "1.0.0", "collection": _COLLECTION})
    return written(pa.Table.from_pylist(rows).replace_schema_metadata({"stac-geoparquet": said}))


class _Lines:
    """A manifest's bytes, and how often they were opened."""

    def __init__(self) -> None:
        self.opened = 0

    @contextlib.asynccontextmanager
    async def open(self, url: str, offset: int, /) -> AsyncGenerator[Opened]:
        del url, offset
        self.opened += 1
        yield Opened(chunks=_chunks(), version="1")


async def _chunks() -> AsyncIterator[bytes]:
    yield _LINES


def _serve(asked: Asked) -> Answer:
    """An API of these items."""
    features = {each.item: _feature(each) for each in _ITEMS}
    if asked.url == f"{_API}/search":
        return _answer({"features": list(features.values()), "links": []})
    if asked.url == f"{_API}/collections/s2":
        return _answer(_COLLECTION)
    by_address: dict[str, dict[str, object]] = dict(
        zip(("T32", "a%2Fb", "%C3%A9%20%26%20%3F%23%252F"), features.values(), strict=True)
    )
    found = by_address.get(asked.url.removeprefix(f"{_API}/collections/s2/items/"))
    return Answer(status=404) if found is None else _answer(found)


def _answer(document: object) -> Answer:
    return Answer(chunks=(json.dumps(document).encode(),))


def _feature(item: CatalogItem) -> dict[str, object]:
    return {
        "type": "Feature",
        "collection": item.collection,
        "id": item.id,
        "properties": {"datetime": "2024-06-01T10:00:00Z"},
        "links": [],
        "assets": {each.key: {"href": each.href, "file:size": each.size} for each in item.assets},
    }
