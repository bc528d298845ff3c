"""The app copies what a catalog describes only when it is asked once more: on Azurite, from a real STAC API."""

import hashlib
import uuid
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo.azurite import Azurite
from shared.clients import App, open_app
from shared.model.assets import Asset
from shared.model.messages import CopyRequest, Queue
from shared.model.settings import Settings
from shared.storage.accounts import Account, open_account
from shared.storage.ledger import AzureLedger
from tests.fakes.raw_server import Answer, RawServer, reply
from tests.integration.rustac import feature, rustac

_BODY = b"II*\0 as it is now"
_SHA256 = hashlib.sha256(_BODY).hexdigest()
_DATASET = """
[datasets.scenes]
catalog = {{ kind = "stac", url = "http://127.0.0.1:{catalog}" }}
destination = {{ container = "{container}" }}

[datasets.scenes.allow]
hosts = ["127.0.0.1"]
http_hosts = ["127.0.0.1"]
ports = [{catalog}, {source}]
private_networks = ["127.0.0.0/8"]
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
    """An app of which the catalog has one item, whose asset lies on the server."""
    asset = {"href": server.url("/image.tif"), "file:checksum": f"1220{_SHA256}", "file:size": len(_BODY)}
    with rustac([feature(0, assets={"image": asset})], directory=tmp_path) as catalog:
        (tmp_path / "host.json").write_bytes((root / "host.json").read_bytes())
        datasets = _DATASET.format(catalog=catalog, source=server.port, container=container)
        (tmp_path / "datasets.toml").write_text(datasets, encoding="utf-8")
        monkeypatch.setenv("SluiceStorage", storage.connection_string)
        monkeypatch.setenv("STORAGE_CREATE_MISSING", "true")
        async with open_app(tmp_path) as app:
            yield app


async def test_a_catalog_that_is_late(app: App, account: Account, server: RawServer, container: str) -> None:
    """The request has an old checksum; blob and row are those of the description that the catalog has by then."""
    server.answers["/image.tif"] = (Answer(sent=reply(_BODY)),)
    old = Asset(
        item="scenes/scene-00",
        key="image",
        href=server.url("/image.tif"),
        name="scenes/scenes/scene-00/image/image.tif",
        checksum="sha256:" + "0" * 64,
    )
    cause = f"run-{uuid.uuid4().hex}"
    asked = CopyRequest(dataset="scenes", cause=cause, asked_at=datetime.now(UTC), assets=(old,))

    await app.copying.deliver(asked.encode().encode(), lane=Queue.COPY)

    blob = await account.blobs.get_blob_client(container, old.name).download_blob()
    row = (await AzureLedger(account.table_calls).of("scenes", [old.identity]))[old.identity].row
    fresh = old.model_copy(update={"checksum": f"sha256:{_SHA256}", "size": len(_BODY)})
    assert await blob.readall() == _BODY
    assert (row.description, row.instead_of) == (fresh.description, old.description)
    assert (row.cause, row.verified_by) == (cause, f"catalog sha256:{_SHA256}")
