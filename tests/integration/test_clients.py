"""Catalogs as the process opens them, on Azurite."""

import uuid
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from demo.azurite import Azurite
from shared.catalogs.reader import CatalogReader
from shared.clients import App, open_app
from shared.model.errors import AssetNotFoundError, SourceChangedError
from shared.model.settings import Settings
from shared.model.windows import Window
from shared.storage.accounts import Account, open_account
from tests.fakes.raw_server import Answer, RawServer, reply

_LINES = b"https://data.example.org/a.tif,1\nhttps://data.example.org/b.tif,2\n"
_DATASET = """
[datasets.{name}]
catalog = {{ kind = "manifest", url = "{url}", page_size = 1 }}
destination = {{ container = "{container}" }}
allow = {{ hosts = ["127.0.0.1"], http_hosts = ["127.0.0.1"], ports = [{port}], private_networks = ["127.0.0.0/8"] }}
"""


@pytest.fixture
def container() -> str:
    """A container of this test's own, which the app makes."""
    return f"c-{uuid.uuid4().hex}"


@pytest.fixture
async def account(storage: Azurite) -> AsyncGenerator[Account]:
    async with open_account(Settings(storage_connection=storage.connection_string)) as account:
        yield account


@pytest.fixture
async def app(
    storage: Azurite, server: RawServer, container: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[App]:
    """An app with a manifest in each place."""
    (tmp_path / "host.json").write_bytes((root / "host.json").read_bytes())
    (tmp_path / "list.csv").write_bytes(_LINES)
    urls = {"blob": f"blob://{container}/lists/list.csv", "file": "file:list.csv", "web": server.url("/list.csv")}
    datasets = (
        _DATASET.format(name=each, url=url, container=container, port=server.port) for each, url in urls.items()
    )
    (tmp_path / "datasets.toml").write_text("".join(datasets), encoding="utf-8")
    monkeypatch.setenv("SluiceStorage", storage.connection_string)
    monkeypatch.setenv("STORAGE_CREATE_MISSING", "true")
    async with open_app(tmp_path) as app:
        yield app


@pytest.mark.parametrize("place", ["blob", "file", "web"])
async def test_a_manifest_is_read_where_it_lies(
    app: App, account: Account, server: RawServer, container: str, place: str
) -> None:
    """In a blob of the data account, in the app's folder, or on a server: page by page, to its end."""
    await account.blobs.get_blob_client(container, "lists/list.csv").upload_blob(_LINES)
    server.answers["/list.csv"] = (Answer(sent=reply(_LINES, headers={"ETag": '"1"'})),)

    assert await _read(_reader(app, place)) == ["https://data.example.org/a.tif", "https://data.example.org/b.tif"]


async def test_a_blob_that_changes_is_another_manifest(app: App, account: Account, container: str) -> None:
    """A page of a manifest that was written over since its run began isn't read from the middle of a line."""
    blob = account.blobs.get_blob_client(container, "lists/list.csv")
    await blob.upload_blob(_LINES)
    first = await _reader(app, "blob").page(None, window=Window())
    await blob.upload_blob(_LINES, overwrite=True)

    with pytest.raises(SourceChangedError):
        await _reader(app, "blob").page(first.next_token, window=Window())


async def test_a_blob_that_isnt_there_is_no_manifest(app: App) -> None:
    """Its name and its container stand in the error."""
    with pytest.raises(AssetNotFoundError, match=r"no blob 'lists/list\.csv' in 'c-"):
        await _reader(app, "blob").page(None, window=Window())


async def test_what_is_missing_is_made(app: App, account: Account, container: str) -> None:
    """Where the setting asks for it, the datasets' containers are there once the app is open."""
    del app

    assert await account.blobs.get_container_client(container).exists()


def _reader(app: App, name: str) -> CatalogReader:
    return app.discovery.catalog_of(app.discovery.datasets.named(name))


async def _read(reader: CatalogReader) -> list[str]:
    """Every address of a catalog, each from a page of its own."""
    page = await reader.page(None, window=Window())
    hrefs = [asset.href for each in page.items for asset in each.assets]
    while page.next_token is not None:
        page = await reader.page(page.next_token, window=Window())
        hrefs += [asset.href for each in page.items for asset in each.assets]
    return hrefs


async def test_limits_of_hosts_are_leased(
    storage: Azurite, account: Account, server: RawServer, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a dataset is polite, its catalog too is asked under the leases of its host's shares."""
    (tmp_path / "host.json").write_bytes((root / "host.json").read_bytes())
    dataset = _DATASET.format(name="web", url=server.url("/list.csv"), container="assets", port=server.port)
    (tmp_path / "datasets.toml").write_text(f"{dataset}polite = {{ requests_at_once = 1 }}\n", encoding="utf-8")
    monkeypatch.setenv("SluiceStorage", storage.connection_string)
    monkeypatch.setenv("STORAGE_CREATE_MISSING", "true")
    server.answers["/list.csv"] = (Answer(sent=reply(_LINES, headers={"ETag": '"1"'})),)

    async with open_app(tmp_path) as app:
        assert len(await _read(_reader(app, "web"))) == 2
        shares = account.blobs.get_container_client("politeness")
        leases = [each.lease.state async for each in shares.list_blobs()]

    assert leases == ["leased"]
