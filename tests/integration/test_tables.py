"""Tables in Parquet through egress and from a blob: items that rustac wrote, on a server that knows ranges.

The dataset is that of the example, but for the hosts.
"""

import contextlib
import functools
import threading
import tomllib
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import rustac

from demo.azurite import azurite
from demo.files import FileHandler, FileServer
from shared.catalogs.geoparquet import GeoparquetCatalog
from shared.catalogs.reader import CatalogReader
from shared.clients import App, open_app
from shared.egress import Egress
from shared.model.datasets import Dataset, Datasets, Selection
from shared.model.items import CatalogAsset, CatalogItem, Page
from shared.model.rows import RunState
from shared.model.selection import plan_page
from shared.model.settings import Settings
from shared.model.windows import TimeProperty, Window
from shared.storage.accounts import Account, open_account
from tests.fakes.tables import pa, written
from tests.fakes.ways import ways
from tests.integration.draining import blobs, drain
from tests.integration.rustac import allowed, feature

_DAYS = 30
_DATASET = """
[datasets.scenes]
catalog = {{ kind = "geoparquet", url = "{url}", page_size = 4 }}
select = {{ include = ["image"] }}
destination = {{ container = "assets", name = "{{collection}}/{{id}}/{{key}}/{{file}}" }}

[datasets.scenes.allow]
hosts = ["127.0.0.1"]
http_hosts = ["127.0.0.1"]
ports = [{port}]
private_networks = ["127.0.0.0/8"]
"""


@pytest.fixture
def port(tmp_path: Path) -> Generator[int]:
    """Where the files of the test's folder are served, as a data host does."""
    handler = functools.partial(FileHandler, root=tmp_path, bytes_per_second=None)
    with FileServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join(timeout=10)


def _write(path: Path, features: list[dict[str, Any]], *, compression: str | None = None) -> None:
    """Write items as rustac does, and where a compression is named, in row groups of ten."""
    rustac.write_sync(str(path), features)
    if compression is not None:
        table = pa.parquet.read_table(path)
        path.write_bytes(written(table, group_size=10, compression=compression))


def _example(root: Path, *, port: int, **catalog: Any) -> Dataset:
    """The items' dataset of the example, from this server."""
    text = (root / "examples" / "geoparquet" / "datasets.toml").read_text(encoding="utf-8")
    for host in ("stac.example.org", "data.example.org"):
        text = text.replace(f"https://{host}", f"http://127.0.0.1:{port}").replace(f'"{host}"', '"127.0.0.1"')
    defined = Datasets.model_validate(tomllib.loads(text)).datasets["scenes"]
    return defined.model_copy(update={"allow": allowed(port), "catalog": defined.catalog.model_copy(update=catalog)})


def _reader(defined: Dataset, egress: Egress) -> CatalogReader:
    assert isinstance(defined.catalog, GeoparquetCatalog)
    return defined.catalog.reader(defined, ways(egress))


async def _pages(reader: CatalogReader, window: Window, *, by: TimeProperty = TimeProperty.DATETIME) -> list[Page]:
    pages = [await reader.page(None, window=window, by=by)]
    while pages[-1].next_token is not None:
        assert len(pages) < 50
        pages.append(await reader.page(pages[-1].next_token, window=window, by=by))
    return pages


@pytest.mark.parametrize("compression", [None, "snappy", "zstd", "gzip", "none"])
@pytest.mark.parametrize("page_size", [4, 100])
async def test_items_of_rustac(
    compression: str | None, page_size: int, *, tmp_path: Path, port: int, root: Path, egress: Egress
) -> None:
    """Each item that rustac wrote comes once, whole, and with its assets where they are, however it is packed."""
    _write(tmp_path / "items.parquet", [feature(day) for day in range(_DAYS)], compression=compression)
    defined = _example(root, port=port, page_size=page_size).model_copy(update={"select": Selection()})

    pages = await _pages(_reader(defined, egress), Window())

    assert [item for page in pages for item in page.items] == [
        CatalogItem(
            item=f"scenes/scene-{day:02}",
            collection="scenes",
            id=f"scene-{day:02}",
            datetime=datetime(2024, 1, day + 1, tzinfo=UTC),
            bbox=(day, 1, day + 1, 2),
            assets=(
                CatalogAsset(
                    key="image",
                    href=f"http://127.0.0.1:{port}/scene-{day:02}.tif",
                    size=day + 1,
                    checksum="md5:" + "0" * 32,
                    media_type="image/tiff",
                ),
            ),
        )
        for day in range(_DAYS)
    ]
    assert all(len(page.items) <= page_size for page in pages)
    assert {page.matched for page in pages} == {_DAYS}
    assert [each for page in pages for each in page.refusals] == []


async def test_window_of_rustac(tmp_path: Path, port: int, root: Path, egress: Egress) -> None:
    """A window has exactly its items, whichever row groups they stand in."""
    _write(tmp_path / "items.parquet", [feature(day) for day in range(_DAYS)], compression="zstd")
    window = Window.parse("2024-01-09T00:00:00Z/2024-01-12T12:00:00Z")

    pages = await _pages(_reader(_example(root, port=port), egress), window)

    assert [item.id for page in pages for item in page.items] == [f"scene-{day:02}" for day in range(8, 12)]


async def test_plan_of_rustac(tmp_path: Path, port: int, root: Path, egress: Egress) -> None:
    """The example's dataset makes copies of the assets that it selects, under the names that it asks for."""
    shown = {key: {"href": f"https://data.example.org/{key}.tif"} for key in ("data", "B02", "preview")}
    _write(tmp_path / "items.parquet", [feature(day, assets=shown) for day in range(2)])
    (page,) = await _pages(_reader(_example(root, port=port), egress), Window())

    planned, refusals = plan_page(page, dataset_name="scenes", dataset=_example(root, port=port), capacity=100)

    assert refusals == ()
    assert sorted(asset.name for each in planned.items for asset in each.assets) == [
        f"scenes/scene-0{day}/{key}/{key}.tif" for day in range(2) for key in ("B02", "data")
    ]


@pytest.mark.parametrize("place", ["web", "blob"])
async def test_a_run(place: str, *, tmp_path: Path, port: int, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run over a table on a server or in a blob copies each selected asset, and its counts agree."""
    files = {f"scene-{day:02}.tif": b"II*\0" + bytes(day) for day in range(12)}
    top = f"http://127.0.0.1:{port}"
    features = [feature(day, assets={"image": {"href": f"{top}/{name}"}}) for day, name in enumerate(files)]
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    _write(tmp_path / "items.parquet", features, compression="zstd")
    url = f"{top}/items.parquet" if place == "web" else "blob://lists/items.parquet"
    (tmp_path / "datasets.toml").write_text(_DATASET.format(url=url, port=port), encoding="utf-8")

    async with _app(tmp_path, root=root, monkeypatch=monkeypatch) as (app, account):
        lists = await account.blobs.create_container("lists")
        await lists.upload_blob("items.parquet", (tmp_path / "items.parquet").read_bytes())
        await app.starting.start("scenes", window=Window(), trigger="test")
        await drain(app, account)
        entry = await app.starting.runs.newest("scenes")
        copied = await blobs(account, "assets")

    assert copied == {f"scenes/{name.removesuffix('.tif')}/image/{name}": body for name, body in files.items()}
    assert entry is not None
    assert entry.run.state == RunState.COMPLETE


@contextlib.asynccontextmanager
async def _app(folder: Path, *, root: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[tuple[App, Account]]:
    """The app on an account of its own, since its queues have fixed names, and that account."""
    (folder / "azurite").mkdir()
    with azurite(folder / "azurite") as storage:
        (folder / "host.json").write_bytes((root / "host.json").read_bytes())
        monkeypatch.setenv("SluiceStorage", storage.connection_string)
        monkeypatch.setenv("STORAGE_CREATE_MISSING", "true")
        settings = Settings(storage_connection=storage.connection_string)
        async with open_account(settings) as account, open_app(folder) as app:
            yield app, account
