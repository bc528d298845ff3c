"""A run of the app over a listing: a container of one account copied into another one, both on Azurite."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas

from demo.azurite import ACCOUNT, KEY, azurite
from shared.clients import App, open_app
from shared.model.rows import RunState
from shared.model.settings import Settings
from shared.model.windows import Window
from shared.storage.accounts import Account, open_account
from tests.integration.draining import blobs, drain

_KEYS = ("a/1.tif", "a/2.tif", "a/é %+&.tif", "b/3.tif", "b/4.txt", "b/q?.tif")
_BODY = b"II*\0 of "
_DATASET = """
[datasets.deliveries]
catalog = {{ kind = "listing", url = "az://{account}/source", patterns = ["*.tif"], item = "folder", page_size = 2 }}
source = {{ kind = "azure", accounts = ["{account}"], endpoint = "http://127.0.0.1:{port}", auth = "sas", \
sas_setting = "SOURCE_SAS" }}
destination = {{ container = "assets" }}

[datasets.deliveries.allow]
hosts = ["127.0.0.1"]
http_hosts = ["127.0.0.1"]
ports = [{port}]
private_networks = ["127.0.0.0/8"]
"""


@pytest.fixture
async def world(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[tuple[App, Account]]:
    """The app on an account of its own, since its queues have fixed names, and that account."""
    with azurite(tmp_path) as storage:
        (tmp_path / "host.json").write_bytes((root / "host.json").read_bytes())
        datasets = _DATASET.format(account=ACCOUNT, port=storage.blob_port)
        (tmp_path / "datasets.toml").write_text(datasets, encoding="utf-8")
        monkeypatch.setenv("SluiceStorage", storage.connection_string)
        monkeypatch.setenv("STORAGE_CREATE_MISSING", "true")
        monkeypatch.setenv("SOURCE_SAS", _sas())
        settings = Settings(storage_connection=storage.connection_string)
        async with open_account(settings) as account, open_app(tmp_path) as app:
            yield app, account


def _sas() -> str:
    return generate_container_sas(
        ACCOUNT,
        "source",
        account_key=KEY,
        permission=ContainerSasPermissions(read=True, list=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )


async def test_a_run(world: tuple[App, Account]) -> None:
    """Pages of two keys: what matches is copied once under its own name, the unfit is counted as refused."""
    app, account = world
    source = await account.blobs.create_container("source")
    for key in _KEYS:
        await source.upload_blob(key, _BODY + key.encode())

    run = await app.starting.start("deliveries", window=Window(), trigger="test")
    await drain(app, account)

    wanted = _KEYS[:4]
    names = [f"deliveries/{ACCOUNT}/source/{key}" for key in wanted]
    encoded = [name.replace("é %+&", "%C3%A9%20%25+%26") for name in names]
    assert await blobs(account, "assets") == {
        name: _BODY + key.encode() for name, key in zip(encoded, wanted, strict=True)
    }
    entry = await app.starting.runs.newest("deliveries")
    assert entry is not None
    assert (entry.run.run, entry.run.state) == (run.run, RunState.COMPLETE)
