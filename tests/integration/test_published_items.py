"""Published items, read by libraries that aren't ours: ``pystac``, and ``rustac serve``."""

import hashlib
import sys
import uuid
from collections.abc import AsyncGenerator, Generator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.request import urlopen

import pystac
import pytest
from jsonschema import Draft7Validator
from pystac.validation.local_validator import get_local_schema_cache
from referencing import Registry, Resource

from demo.azurite import Azurite
from demo.processes import free_ports, running
from shared.egress import Egress
from shared.model.assets import Asset
from shared.model.datasets import Datasets
from shared.model.messages import PublishRequest
from shared.model.rewriting import Addresses
from shared.model.rows import LedgerRow, Run
from shared.model.selection import plan_page
from shared.model.settings import Settings
from shared.model.windows import Window
from shared.publishing import Publishing
from shared.requesting import Documents
from shared.storage.accounts import Account, open_account
from shared.storage.blobs import AzureBlobs, BlobPath, Content
from shared.storage.items import Items
from tests.fakes import MemoryFailures, MemoryLedger, MemoryQueues
from tests.integration.rustac import allowed, feature, rustac, searching
from tests.unit.model.builders import dataset

_NOW = datetime(2024, 2, 1, tzinfo=UTC)
_BODY = b"II*\0 a raster"
_SCHEMAS = "https://schemas.stacspec.org/v1.1.0"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Generator[int]:
    """Where the catalog listens; one of its items has a name that an address has to quote."""
    features = [feature(0), feature(1, id="a b%2F+é"), feature(2)]
    with rustac(features, directory=tmp_path_factory.mktemp("rustac")) as port:
        yield port


@pytest.fixture
async def published(port: int, egress: Egress, storage: Azurite) -> AsyncGenerator[list[str]]:
    """The addresses of the catalog's items, published in a container that anybody may read."""
    container = f"c-{uuid.uuid4().hex}"
    async with open_account(Settings(storage_connection=storage.connection_string)) as account:
        await account.blobs.create_container(container, public_access="container")
        kept = f"k-{uuid.uuid4().hex}"
        await account.blobs.create_container(kept)
        yield await _publish(port, egress, account, container=container, kept=kept)


async def test_pystac(published: Sequence[str]) -> None:
    """Each item opens, is valid by the core's schemas, and leads to its collection and its assets' bytes."""
    for address in published:
        item = pystac.Item.from_file(address)

        assert _flaws(item.to_dict(include_self_link=True), "item-spec/json-schema/item.json") == []
        collection = item.get_collection()
        assert collection is not None
        assert _flaws(collection.to_dict(), "collection-spec/json-schema/collection.json") == []
        assert (collection.id, item.get_self_href()) == ("scenes", address)
        assert item.get_root() is not None
        assert item.get_parent() is not None
        assert item.links[0].target == address
        asset = item.assets["image"]
        assert _read(asset.href) == _BODY
        assert asset.extra_fields["file:size"] == len(_BODY)
        assert asset.extra_fields["alternate"]["origin"]["href"].startswith("http://127.0.0.1:")


async def test_rustac_serves_them(published: Sequence[str], egress: Egress, tmp_path: Path) -> None:
    """An API made of the published documents alone lists every item, with hrefs of the blobs."""
    collection = pystac.Item.from_file(published[0]).get_single_link("collection")
    assert collection is not None
    addresses = [str(collection.target), *published]
    files = [f"{number}.json" for number in range(len(addresses))]
    for name, address in zip(files, addresses, strict=True):
        (tmp_path / name).write_bytes(_read(address))
    (port,) = free_ports(1)
    command = [str(Path(sys.executable).with_name("rustac")), "serve", "--addr", f"127.0.0.1:{port}", *files]

    with running(command, log=tmp_path / "rustac.log", ports=(port,), directory=tmp_path):
        page = await searching(port, egress, collections=("scenes",)).page(None, window=Window())

    hrefs = [each.assets[0].href for each in page.items]
    assert sorted(each.id for each in page.items) == ["a b%2F+é", "scene-00", "scene-02"]
    assert [_read(each) for each in hrefs] == [_BODY] * 3


async def _publish(port: int, egress: Egress, account: Account, *, container: str, kept: str) -> list[str]:
    """Discover the catalog, let its assets be copied, and publish every item; returns the items' addresses."""
    defined = dataset(
        catalog={"kind": "stac", "url": f"http://127.0.0.1:{port}"},
        allow=allowed(port),
        destination={"container": container},
        publish={},
    )
    datasets = Datasets(datasets={"demo": defined})
    blobs = AzureBlobs(account.blobs, account.blob_calls)
    parts: dict[str, Any] = {
        "items": Items(blobs, container=kept),
        "queues": MemoryQueues(),
        "failures": MemoryFailures(),
        "endpoint": account.blob_calls.url,
        "clock": lambda: _NOW,
    }
    documents = Documents(datasets, catalog_of=lambda _: searching(port, egress), **parts)
    page = await searching(port, egress).page(None, window=Window())
    planned, _ = plan_page(page, dataset_name="demo", dataset=defined, capacity=24)
    run = Run(dataset="demo", run="run-1", trigger="request", began_at=_NOW, progress_at=_NOW)
    planned = await documents.keep(page, planned, refusals=(), cause=run.cause)
    rows = [await _copied(each, blobs, container=container) for item in planned.items for each in item.assets]
    publishing = Publishing(datasets=datasets, ledger=MemoryLedger(rows), **parts)
    for each in planned.items:
        assert each.version is not None
        request = PublishRequest(dataset="demo", item=each.item, version=each.version, asked_at=_NOW)
        await publishing.deliver(request.encode().encode())
    addresses = Addresses(dataset_name="demo", dataset=defined, endpoint=account.blob_calls.url)
    return [addresses.of_item(each.item) for each in planned.items]


async def _copied(asset: Asset, blobs: AzureBlobs, *, container: str) -> LedgerRow:
    """Let an asset be there; returns its row."""
    content = Content(md5=None, media_type="image/tiff", metadata={})
    blob = await blobs.put(BlobPath(container=container, name=asset.name), (_BODY,), content=content)
    return LedgerRow(
        dataset="demo",
        item=asset.item,
        key=asset.key,
        href=asset.href,
        container=container,
        blob=asset.name,
        etag=blob.etag,
        length=blob.length,
        digests=(f"sha256:{hashlib.sha256(_BODY).hexdigest()}",),
        verified_by="none",
        description=asset.description,
        described_at=_NOW,
        cause="run-1",
        completed_at=_NOW,
    )


def _flaws(document: dict[str, Any], schema: str) -> list[str]:
    """What the core's schema says against a document: pystac brings the schemas along, so nothing is asked for."""
    cache = get_local_schema_cache()
    resources = [(uri, Resource.from_contents(each)) for uri, each in cache.items()]
    registry = cast("Any", Registry)().with_resources(resources)
    validator: Any = Draft7Validator(cache[f"{_SCHEMAS}/{schema}"], registry=registry)
    return [str(each.message) for each in validator.iter_errors(document)]


def _read(address: str) -> bytes:
    with urlopen(address, timeout=10) as answer:
        return answer.read()
