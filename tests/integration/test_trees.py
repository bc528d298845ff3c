"""Trees of documents through egress: a static STAC that pystac wrote, and a directory's list, from a web server.

Each is the dataset of its example, but for the hosts.
"""

import functools
import threading
import tomllib
from collections.abc import Generator
from datetime import UTC, datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import override

import pystac
import pytest

from shared.catalogs.http_index import HttpIndex, HttpIndexCatalog
from shared.catalogs.reader import CatalogReader
from shared.catalogs.static_stac import StaticStac, StaticStacCatalog
from shared.egress import Egress
from shared.model.datasets import Dataset, Datasets
from shared.model.items import CatalogAsset, CatalogItem, Page
from shared.model.selection import plan_page
from shared.model.windows import Window

_PAGES_AT_MOST = 50


class _Handler(SimpleHTTPRequestHandler):
    """Serves files, and of a folder the list of what is in it."""

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def port(tmp_path: Path) -> Generator[int]:
    """Where the files of the test's folder are served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join(timeout=10)


def _example(kind: str, *, root: Path, port: int) -> Dataset:
    """The dataset of an example, from this server."""
    text = (root / "examples" / kind / "datasets.toml").read_text(encoding="utf-8")
    for host in ("stac.example.org", "data.example.org"):
        text = text.replace(f"https://{host}", f"http://127.0.0.1:{port}").replace(f'"{host}"', '"127.0.0.1"')
    defined = next(iter(Datasets.model_validate(tomllib.loads(text)).datasets.values()))
    local = {"http_hosts": ("127.0.0.1",), "ports": (port,), "private_networks": ("127.0.0.0/8",)}
    return defined.model_copy(update={"allow": defined.allow.model_copy(update=local)})


async def _pages(reader: CatalogReader) -> list[Page]:
    pages = [await reader.page(None, window=Window())]
    while pages[-1].next_token is not None:
        assert len(pages) < _PAGES_AT_MOST
        pages.append(await reader.page(pages[-1].next_token, window=Window()))
    return pages


def _written(kind: pystac.CatalogType, *, folder: Path, port: int) -> None:
    """A catalog of two collections, the second with one in it, with three items each."""
    catalog = pystac.Catalog(id="root", description="All there is.")
    outer, above = (_collection(each) for each in ("l8", "s2"))
    inner = _collection("s2-l2a")
    catalog.add_children([outer, above])
    above.add_child(inner)
    for collection in (outer, above, inner):
        collection.add_items([_item(f"{collection.id}-{number}", number) for number in range(3)])
    if kind is pystac.CatalogType.SELF_CONTAINED:
        catalog.normalize_and_save(str(folder), catalog_type=kind)
        return
    catalog.normalize_hrefs(f"http://127.0.0.1:{port}")
    catalog.save(catalog_type=kind, dest_href=str(folder))


def _collection(name: str) -> pystac.Collection:
    spatial = pystac.SpatialExtent([[0, 1, 2, 3]])
    extent = pystac.Extent(spatial=spatial, temporal=pystac.TemporalExtent([[datetime(2024, 1, 1, tzinfo=UTC), None]]))
    return pystac.Collection(id=name, description="Scenes.", extent=extent)


def _item(name: str, number: int) -> pystac.Item:
    moment = datetime(2024, 6, 1 + number, tzinfo=UTC)
    item = pystac.Item(id=name, geometry=None, bbox=None, datetime=moment, properties={})
    item.add_asset("data", pystac.Asset(href="./data.tif", media_type="image/tiff", extra_fields={"file:size": number}))
    return item


@pytest.mark.parametrize("kind", [pystac.CatalogType.SELF_CONTAINED, pystac.CatalogType.ABSOLUTE_PUBLISHED])
@pytest.mark.parametrize("page_size", [2, 100])
async def test_static_stac(
    kind: pystac.CatalogType, page_size: int, *, tmp_path: Path, port: int, root: Path, egress: Egress
) -> None:
    """Each item of a catalog that pystac wrote comes once, with its assets where they are."""
    _written(kind, folder=tmp_path, port=port)
    defined = _example("static_stac", root=root, port=port)
    assert isinstance(defined.catalog, StaticStacCatalog)
    catalog = defined.catalog.model_copy(update={"page_size": page_size})

    pages = await _pages(StaticStac(catalog, allow=defined.allow, http=egress))

    top = f"http://127.0.0.1:{port}"
    folders = {"l8": f"{top}/l8", "s2": f"{top}/s2", "s2-l2a": f"{top}/s2/s2-l2a"}
    items = {item.item: item for page in pages for item in page.items}
    assert items == {
        f"{collection}/{collection}-{number}": CatalogItem(
            item=f"{collection}/{collection}-{number}",
            collection=collection,
            id=f"{collection}-{number}",
            datetime=datetime(2024, 6, 1 + number, tzinfo=UTC),
            assets=(
                CatalogAsset(
                    key="data",
                    href=f"{folder}/{collection}-{number}/data.tif",
                    size=number,
                    media_type="image/tiff",
                ),
            ),
        )
        for collection, folder in folders.items()
        for number in range(3)
    }
    assert sum(len(page.items) for page in pages) == len(items)
    assert [each for page in pages for each in page.refusals] == []


async def test_plan_of_static_stac(tmp_path: Path, port: int, root: Path, egress: Egress) -> None:
    """The example's dataset makes copies of all that pystac wrote, under the names that it asks for."""
    _written(pystac.CatalogType.SELF_CONTAINED, folder=tmp_path, port=port)
    defined = _example("static_stac", root=root, port=port)
    assert isinstance(defined.catalog, StaticStacCatalog)
    (page,) = await _pages(StaticStac(defined.catalog, allow=defined.allow, http=egress))

    planned, refusals = plan_page(page, dataset_name="scenes", dataset=defined, capacity=100)

    assert refusals == ()
    assert sorted(asset.name for each in planned.items for asset in each.assets) == [
        f"{name}/{name}-{number}/data/data.tif" for name in ("l8", "s2-l2a", "s2") for number in range(3)
    ]


async def test_http_index(tmp_path: Path, port: int, root: Path, egress: Egress) -> None:
    """The example's dataset makes copies of the files that it wants, and each can be asked for as it was listed."""
    files = ["a.tif", "b & c.tif", "é #1?.tif", "2024/06/d.nc"]
    for each in (*files, "readme.txt", "tmp/e.tif", "2024/old/f.tif"):
        path = tmp_path / "pub" / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(each, encoding="utf-8")
    defined = _example("http_index", root=root, port=port)
    assert isinstance(defined.catalog, HttpIndexCatalog)

    (page,) = await _pages(HttpIndex(defined.catalog, allow=defined.allow, http=egress))
    planned, refusals = plan_page(page, dataset_name="archive", dataset=defined, capacity=100)

    assets = [asset for each in planned.items for asset in each.assets]
    assert refusals == ()
    assert {await _text(each.href, defined, egress=egress): each.name for each in assets} == {
        "2024/06/d.nc": "pub/2024/06/d.nc",
        "a.tif": "pub/a.tif",
        "b & c.tif": "pub/b%2520%2526%2520c.tif",
        "é #1?.tif": "pub/%25C3%25A9%2520%25231%253F.tif",
    }


async def _text(href: str, defined: Dataset, *, egress: Egress) -> str:
    async with egress.request("GET", href, allow=defined.allow) as reply:
        return (await reply.read(1000)).decode()
