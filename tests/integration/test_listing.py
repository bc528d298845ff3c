"""Listings of real servers: S3 and Google's XML API on moto, Azure on Azurite."""

import contextlib
import hashlib
import uuid
from collections.abc import AsyncGenerator, Generator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from azure.storage.blob.aio import BlobServiceClient
from pydantic import SecretStr

from demo.azurite import ACCOUNT, KEY, Azurite
from shared.catalogs.listing import Listing, ListingCatalog
from shared.egress import Egress
from shared.model.datasets import Dataset
from shared.model.errors import AssetNotFoundError, SourceRefusedError
from shared.model.items import CatalogAsset, Page
from shared.model.selection import plan_page
from shared.model.windows import TimeProperty, Window
from shared.sources.credentials import Credentials
from shared.sources.reading import HttpSources
from shared.sources.tokens import Tokens
from tests.fakes.names import Names
from tests.fakes.raw_server import Answer, RawServer, reply
from tests.integration.moto_server import moto_s3
from tests.unit.model.builders import dataset

_ODD = ("a b/c%20d+é&=.tif", "a b/~(1)!*'@:,;.tif", "a b/日本.tif")
#: What the console makes, and names that nothing can be asked for by.
_UNFIT = ("a b/x//y.tif", "a b/q?.tif", "a b/h#.tif", "a b/\x01.tif", "a b/./z.tif")
_PLAIN = tuple(f"many/{number:02}.tif" for number in range(7))
_KEYS = {"access_key_id_setting": "SOURCE_ID", "secret_access_key_setting": "SOURCE_SECRET"}
_SECRETS = {"SOURCE_ID": "AKID", "SOURCE_SECRET": "s3cr3t"}


@pytest.fixture(scope="module")
def s3() -> Generator[str]:
    """An S3 of moto's with a private and a public bucket; yields its endpoint."""
    with moto_s3(region="us-west-2") as (endpoint, client):
        place = {"LocationConstraint": "us-west-2"}
        client.create_bucket(Bucket="private", CreateBucketConfiguration=place)
        client.create_bucket(Bucket="public", CreateBucketConfiguration=place, ACL="public-read")
        for key in (*_ODD, *_UNFIT, *_PLAIN, "a b/", "many/readme.txt"):
            client.put_object(Bucket="private", Key=key, Body=b"" if key.endswith("/") else key.encode())
        client.put_object(Bucket="public", Key="p.bin", Body=b"public")
        yield endpoint


class World:
    """Listings behind real requests."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        self.secrets = {name: SecretStr(value) for name, value in _SECRETS.items()}
        self._credentials = Credentials(
            http=egress, secrets=self.secrets, identity=_identity, tokens=Tokens(_now), clock=_now
        )

    async def read(self, href: str, *, source: Mapping[str, Any]) -> bytes:
        """All bytes of an href, as a copy reads them."""
        described = _dataset("s3://private", source=source)
        async with HttpSources(self._egress, self._credentials).open(href, dataset=described) as body:
            return b"".join([chunk async for chunk in body.chunks()])

    def listing(self, url: str, *, source: Mapping[str, Any], **catalog: Any) -> Listing:
        """The listing of a dataset whose source is on this machine."""
        described = _dataset(url, source=source, **catalog)
        assert isinstance(described.catalog, ListingCatalog)
        return Listing(described.catalog, dataset=described, http=self._egress, sign=self._credentials.listed)


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    async with contextlib.aclosing(Egress(resolver=Names(["127.0.0.1"]))) as egress:
        yield World(egress)


def _now() -> datetime:
    return datetime.now(UTC)


async def _identity() -> tuple[str, datetime]:
    return "identity", _now() + timedelta(hours=1)


def _dataset(url: str, *, source: Mapping[str, Any], **catalog: Any) -> Dataset:
    port = int(str(source["endpoint"]).rpartition(":")[2])
    allowed = ["127.0.0.1"]
    return dataset(
        catalog={"kind": "listing", "url": url, **catalog},
        allow={"hosts": allowed, "http_hosts": allowed, "ports": [port], "private_networks": ["127.0.0.1/32"]},
        source=source,
    )


def _by_keys(endpoint: str) -> dict[str, Any]:
    return {"kind": "s3", "region": "us-west-2", "endpoint": endpoint, **_KEYS}


async def _pages(listing: Listing, window: Window) -> list[Page]:
    pages = [await listing.page(None, window=window)]
    while pages[-1].next_token is not None:
        pages.append(await listing.page(pages[-1].next_token, window=window))
    return pages


def _hrefs(pages: list[Page]) -> list[str]:
    return [asset.href for page in pages for item in page.items for asset in item.assets]


async def test_s3_pages(world: World, s3: str) -> None:
    """A private bucket is listed by keys, page by page; a page comes again by its token."""
    listing = world.listing("s3://private/many/", source=_by_keys(s3), patterns=["*.tif"], page_size=3)

    pages = await _pages(listing, Window())

    assert _hrefs(pages) == [f"s3://private/{key}" for key in _PLAIN]
    assert [len(page.items) for page in pages] == [3, 3, 1]
    assert await listing.page(pages[0].next_token, window=Window()) == pages[1]


async def test_s3_odd_keys(world: World, s3: str) -> None:
    """Keys come as they are; those that nothing can be asked for by are refused, and folders are passed over."""
    listing = world.listing("s3://private/a b/", source=_by_keys(s3), page_size=1)

    pages = await _pages(listing, Window())

    assert sorted(_hrefs(pages)) == sorted(f"s3://private/{key}" for key in _ODD)
    refused = [(each.key, each.error) for page in pages for each in page.refusals]
    assert sorted(refused) == sorted((f"s3://private/{key}", "UrlRefusedError") for key in _UNFIT)


async def test_s3_listed_and_read(world: World, s3: str) -> None:
    """What is listed can be copied: its href leads to its bytes, and no two have one blob's name."""
    source = _by_keys(s3)
    pages = await _pages(world.listing("s3://private", source=source), Window())
    described = _dataset("s3://private", source=source)

    planned = [plan_page(page, dataset_name="x", dataset=described, capacity=9)[0] for page in pages]

    assets = [asset for page in planned for item in page.items for asset in item.assets]
    keys = [each.href.removeprefix("s3://private/") for each in assets]
    assert sorted(keys) == sorted((*_ODD, *_PLAIN, "many/readme.txt"))
    assert [await world.read(each.href, source=source) for each in assets] == [each.encode() for each in keys]
    assert len({each.name for each in assets}) == len(assets)


async def test_s3_assets(world: World, s3: str) -> None:
    """An asset has its size and time; its ETag is no MD5 that could be counted on."""
    listing = world.listing("s3://private/many/readme.txt", source=_by_keys(s3))

    page = await listing.page(None, window=Window())

    (asset,) = page.items[0].assets
    href = "s3://private/many/readme.txt"
    assert asset == CatalogAsset(key=href, href=href, size=15, updated=page.items[0].datetime)
    assert asset.updated is not None
    assert abs(_now() - asset.updated) < timedelta(minutes=5)


@pytest.mark.parametrize("prefix", ["many/readme.txt", "a b/c%20d+é&=.t"])
async def test_s3_prefixes(world: World, s3: str, prefix: str) -> None:
    """A prefix is what keys begin with, whatever it is written with."""
    pages = await _pages(world.listing(f"s3://private/{prefix}", source=_by_keys(s3)), Window())

    assert [href.startswith(f"s3://private/{prefix}") for href in _hrefs(pages)] == [True]


async def test_s3_patterns(world: World, s3: str) -> None:
    """What patterns begin with is listed, one prefix after the other, whatever it is written with."""
    patterns = ["many/05*", "many/01.tif", "a b/c%20d+é&=.*", "nothing/*"]
    listing = world.listing("s3://private", source=_by_keys(s3), patterns=patterns, page_size=1)

    pages = await _pages(listing, Window())

    keys = ("a b/c%20d+é&=.tif", "many/01.tif", "many/05.tif")
    assert _hrefs(pages) == [f"s3://private/{key}" for key in keys]
    assert [await listing.page(each.next_token, window=Window()) for each in pages[:-1]] == pages[1:]
    assert [each.key for page in pages for each in page.refusals] == []


async def test_s3_window(world: World, s3: str) -> None:
    """A window is of times of modification: with nothing in it, the listing is one empty page."""
    listing = world.listing("s3://private/many/", source=_by_keys(s3), page_size=3)
    past, present = Window(until=_now() - timedelta(hours=1)), Window(since=_now() - timedelta(hours=1))

    pages = [await listing.page(None, window=each, by=TimeProperty.UPDATED) for each in (past, present)]

    assert [len(page.items) for page in pages] == [0, 3]
    assert pages[0].next_token is None


async def test_s3_anonymous(world: World, s3: str) -> None:
    """Without keys a bucket is listed that anybody may list."""
    listing = world.listing("s3://public", source={"kind": "s3", "endpoint": s3})

    assert _hrefs(await _pages(listing, Window())) == ["s3://public/p.bin"]


async def test_s3_missing(world: World, s3: str) -> None:
    """A bucket that isn't there is not found."""
    with pytest.raises(AssetNotFoundError):
        await world.listing("s3://missing", source=_by_keys(s3)).page(None, window=Window())


async def test_s3_item(world: World, s3: str) -> None:
    """One asset is described anew by its own name, and by no longer one."""
    listing = world.listing("s3://private/", source=_by_keys(s3))
    pages = await _pages(listing, Window())
    names = [item.item for page in pages for item in page.items]

    assert [await listing.item(name) for name in names] == [item for page in pages for item in page.items]
    assert await listing.item("s3://private/many/0") is None


async def test_gs_pages(world: World, s3: str) -> None:
    """Google's XML API is asked as S3 is, by interoperable keys."""
    source = {"kind": "gs", "endpoint": s3, "access_id_setting": "SOURCE_ID", "secret_setting": "SOURCE_SECRET"}
    listing = world.listing("gs://private/many/", source=source, patterns=["*.tif"], page_size=5)

    assert _hrefs(await _pages(listing, Window())) == [f"gs://private/{key}" for key in _PLAIN]


@pytest.fixture
async def container(storage: Azurite) -> str:
    """A container with blobs; their MD5 is Azure's own."""
    name = f"c-{uuid.uuid4().hex}"
    async with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        await service.create_container(name)
        for key in ("a/1.tif", "a/2.tif", "b c/é%+&.tif", "b c/q?.tif"):
            await service.get_container_client(name).upload_blob(key, key.encode())
    return name


def _azure(storage: Azurite, **source: Any) -> dict[str, Any]:
    return {
        "kind": "azure",
        "accounts": [ACCOUNT],
        "endpoint": f"http://127.0.0.1:{storage.blob_port}",
        **source,
    }


def _sas(container: str) -> SecretStr:
    return SecretStr(
        generate_container_sas(
            ACCOUNT,
            container,
            account_key=KEY,
            permission=ContainerSasPermissions(read=True, list=True),
            expiry=_now() + timedelta(hours=1),
        )
    )


async def test_azure_pages(world: World, storage: Azurite, container: str) -> None:
    """A container is listed by a shared access signature, with sizes, times and the MD5 that the store has."""
    world.secrets["SOURCE_SAS"] = _sas(container)
    place = f"az://{ACCOUNT}/{container}"
    listing = world.listing(place, source=_azure(storage, auth="sas", sas_setting="SOURCE_SAS"), page_size=1)

    pages = await _pages(listing, Window())

    names = ("a/1.tif", "a/2.tif", "b c/é%+&.tif")
    times = [item.datetime for page in pages for item in page.items]
    assert [asset for page in pages for item in page.items for asset in item.assets] == [
        CatalogAsset(
            key=f"{place}/{name}",
            href=f"{place}/{name}",
            size=len(name.encode()),
            checksum=f"md5:{hashlib.md5(name.encode()).hexdigest()}",
            updated=updated,
        )
        for name, updated in zip(names, times, strict=True)
    ]
    assert [each.key for page in pages for each in page.refusals] == [f"{place}/b c/q?.tif"]
    assert await listing.page(pages[0].next_token, window=Window()) == pages[1]


async def test_azure_prefix_and_window(world: World, storage: Azurite, container: str) -> None:
    """A prefix and a window choose among a container's blobs."""
    world.secrets["SOURCE_SAS"] = _sas(container)
    place = f"az://{ACCOUNT}/{container}"
    source = _azure(storage, auth="sas", sas_setting="SOURCE_SAS")
    listing = world.listing(f"{place}/b c/", source=source, patterns=["*.tif"])
    past, present = Window(until=_now() - timedelta(hours=1)), Window(since=_now() - timedelta(hours=1))

    listed = [_hrefs(await _pages(listing, window)) for window in (past, present)]

    assert listed == [[], [f"{place}/b c/é%+&.tif"]]
    assert await listing.item(f"{place}/b c/é%+&.tif") is not None


async def test_azure_patterns(world: World, storage: Azurite, container: str) -> None:
    """What patterns begin with is listed, one prefix after the other; nothing beside it is read, or refused."""
    world.secrets["SOURCE_SAS"] = _sas(container)
    place = f"az://{ACCOUNT}/{container}"
    source = _azure(storage, auth="sas", sas_setting="SOURCE_SAS")
    listing = world.listing(place, source=source, patterns=["b c/é%+&*", "a/2*", "x/*"], page_size=1)

    pages = await _pages(listing, Window())

    assert _hrefs(pages) == [f"{place}/a/2.tif", f"{place}/b c/é%+&.tif"]
    assert [await listing.page(each.next_token, window=Window()) for each in pages[:-1]] == pages[1:]
    assert [each.key for page in pages for each in page.refusals] == []


async def test_azure_anonymous(world: World, storage: Azurite, container: str) -> None:
    """A private container isn't listed without rights."""
    listing = world.listing(f"az://{ACCOUNT}/{container}", source=_azure(storage, auth="anonymous"))

    with pytest.raises((SourceRefusedError, AssetNotFoundError)):
        await listing.page(None, window=Window())


async def test_azure_identity(world: World, server: RawServer) -> None:
    """The app's identity lists with a bearer token and the version that takes one; a refused token is one to forget."""
    empty = b"<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>"
    server.answers["/data/con"] = (Answer(sent=reply(status="403 No")), Answer(sent=reply(empty)))
    source = {"kind": "azure", "accounts": ["data"], "endpoint": f"http://127.0.0.1:{server.port}"}
    listing = world.listing("az://data/con/a b/", source=source, page_size=10)

    with pytest.raises(SourceRefusedError):
        await listing.page(None, window=Window())
    page = await listing.page(None, window=Window())

    assert page == Page(items=(), next_token=None)
    sent = server.asked[1]
    assert sent.target == "/data/con?restype=container&comp=list&maxresults=10&prefix=a%20b%2F"
    assert (sent.headers["authorization"], sent.headers["x-ms-version"]) == ("Bearer identity", "2023-11-03")
