"""Sources that want rights, asked for real: S3 on moto, Azure on Azurite, token endpoints on loopback."""

import contextlib
import json
import uuid
from collections.abc import AsyncGenerator, Generator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.blob import BlobSasPermissions, generate_blob_sas
from azure.storage.blob.aio import BlobServiceClient
from pydantic import SecretStr

from demo.azurite import ACCOUNT, KEY, Azurite
from shared.egress import Egress
from shared.model.datasets import Dataset
from shared.model.errors import AssetNotFoundError, SourceRefusedError, UrlRefusedError
from shared.sources.body import Rest
from shared.sources.credentials import Credentials
from shared.sources.reading import HttpSources
from shared.sources.tokens import Tokens
from tests.fakes.names import Names
from tests.fakes.raw_server import Answer, RawServer, raw_server, reply
from tests.integration.moto_server import moto_s3
from tests.unit.model.builders import dataset

_BODY = bytes(range(256)) * 64
_KEY_NAME = "a b/c%20d+é.bin"
_KEYS = {"access_key_id_setting": "SOURCE_ID", "secret_access_key_setting": "SOURCE_SECRET"}
_SECRETS = {"SOURCE_ID": "AKID", "SOURCE_SECRET": "s3cr3t", "SOURCE_USER": "me", "SOURCE_TOKEN": "t-0"}


class World:
    """Sources behind real requests, whose names all lie on this machine."""

    def __init__(self, egress: Egress) -> None:
        self.secrets = {name: SecretStr(value) for name, value in _SECRETS.items()}
        self.credentials = Credentials(
            http=egress, secrets=self.secrets, identity=_identity, tokens=Tokens(_now), clock=_now
        )
        self.sources = HttpSources(egress, self.credentials)

    async def read(self, href: str, dataset: Dataset, *, rest: Rest | None = None) -> bytes:
        """All bytes of an href."""
        async with self.sources.open(href, dataset=dataset, rest=rest) as body:
            return b"".join([chunk async for chunk in body.chunks()])


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    async with contextlib.aclosing(Egress(resolver=Names(["127.0.0.1"]))) as egress:
        yield World(egress)


@pytest.fixture(scope="module")
def s3() -> Generator[str]:
    """An S3 of moto's with one public and one private object; yields its endpoint."""
    with moto_s3(region="us-west-2") as (endpoint, client):
        client.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        client.put_object(Bucket="bucket", Key=_KEY_NAME, Body=_BODY)
        client.put_object(Bucket="bucket", Key="public.bin", Body=_BODY, ACL="public-read")
        yield endpoint


@pytest.fixture
async def server() -> AsyncGenerator[RawServer]:
    async with raw_server() as running:
        yield running


def _now() -> datetime:
    return datetime.now(UTC)


async def _identity() -> tuple[str, datetime]:
    return "identity", _now() + timedelta(hours=1)


def _dataset(port: int, source: Mapping[str, Any], *hosts: str) -> Dataset:
    allowed = ["127.0.0.1", *hosts]
    return dataset(
        catalog={"kind": "manifest", "url": "file:list.csv"},
        allow={"hosts": allowed, "http_hosts": allowed, "ports": [port], "private_networks": ["127.0.0.1/32"]},
        source=source,
    )


def _bucket(endpoint: str, **source: Any) -> Dataset:
    described = {"kind": "s3", "region": "us-west-2", "endpoint": endpoint, **source}
    return _dataset(int(endpoint.rpartition(":")[2]), described)


def _page(document: object, *, status: str = "200 OK") -> Answer:
    return Answer(sent=reply(json.dumps(document).encode(), status=status))


@pytest.mark.parametrize("more", [{}, {"requester_pays": True}])
async def test_s3_by_keys(world: World, s3: str, more: dict[str, Any]) -> None:
    """Keys open what is private, also where their owner pays, and whatever the key is called."""
    assert await world.read(f"s3://bucket/{_KEY_NAME}", _bucket(s3, **_KEYS, **more)) == _BODY


async def test_s3_ranges(world: World, s3: str) -> None:
    """The rest of a version is signed anew, and pinned as any other."""
    described = _bucket(s3, **_KEYS)
    href = f"s3://bucket/{_KEY_NAME}"
    async with world.sources.open(href, dataset=described) as body:
        validator = body.validator
    assert validator is not None

    rest = await world.read(href, described, rest=Rest(first=1000, total=len(_BODY), validator=validator))

    assert rest == _BODY[1000:]


async def test_s3_anonymous(world: World, s3: str) -> None:
    """Without keys only what is public is opened."""
    anonymous = _bucket(s3)

    assert await world.read("s3://bucket/public.bin", anonymous) == _BODY
    with pytest.raises(SourceRefusedError, match=r"127\.0\.0\.1 answered 403"):
        await world.read(f"s3://bucket/{_KEY_NAME}", anonymous)


async def test_s3_missing(world: World, s3: str) -> None:
    """A key that a bucket hasn't is not found."""
    with pytest.raises(AssetNotFoundError):
        await world.read("s3://bucket/missing.bin", _bucket(s3, **_KEYS))


async def test_s3_outside_the_allowlist(world: World) -> None:
    """The host that the address comes to has to be allowed, and is named where it isn't."""
    described = _dataset(443, {"kind": "s3", "region": "us-west-2"}, "*.s3.us-west-2.amazonaws.com")

    with pytest.raises(UrlRefusedError, match=r"the host 's3\.us-west-2\.amazonaws\.com' isn't in allow\.hosts"):
        await world.read("s3://dotted.bucket/a", described)


async def test_gs_by_keys(world: World, s3: str) -> None:
    """A Google bucket is asked as S3 is, by its interoperable keys."""
    source = {"kind": "gs", "endpoint": s3, "access_id_setting": "SOURCE_ID", "secret_setting": "SOURCE_SECRET"}

    assert await world.read(f"gs://bucket/{_KEY_NAME}", _dataset(int(s3.rpartition(":")[2]), source)) == _BODY


@pytest.mark.parametrize("form", ["az://{account}/{container}/a b.bin", "{endpoint}/{account}/{container}/a%20b.bin"])
async def test_azure_sas(world: World, storage: Azurite, form: str) -> None:
    """A shared access signature opens a private blob, by either way of writing its address; nothing else does."""
    endpoint, container = f"http://127.0.0.1:{storage.blob_port}", f"c-{uuid.uuid4().hex}"
    async with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        await service.create_container(container)
        await service.get_container_client(container).upload_blob("a b.bin", _BODY)
    world.secrets["SOURCE_SAS"] = SecretStr(_sas(container, "a b.bin"))
    source = {"kind": "azure", "accounts": [ACCOUNT], "endpoint": endpoint}
    by_sas = _dataset(storage.blob_port, {**source, "auth": "sas", "sas_setting": "SOURCE_SAS"})
    href = form.format(endpoint=endpoint, account=ACCOUNT, container=container)

    assert await world.read(href, by_sas) == _BODY
    with pytest.raises(SourceRefusedError):
        await world.read(href, _dataset(storage.blob_port, {**source, "auth": "anonymous"}))


def _sas(container: str, blob: str) -> str:
    return generate_blob_sas(
        ACCOUNT,
        container,
        blob,
        account_key=KEY,
        permission=BlobSasPermissions(read=True),
        expiry=_now() + timedelta(hours=1),
    )


async def test_azure_identity(world: World, server: RawServer) -> None:
    """The app's identity asks for a blob with a bearer token and the version that takes one."""
    server.answers["/data/con/a"] = (Answer(sent=reply(_BODY)),)
    source = {"kind": "azure", "accounts": ["data"], "endpoint": f"http://127.0.0.1:{server.port}"}

    assert await world.read("az://data/con/a", _dataset(server.port, source)) == _BODY
    sent = server.asked[0].headers
    assert (sent["authorization"], sent["x-ms-version"]) == ("Bearer identity", "2023-11-03")


async def test_oauth2_refused_once(world: World, server: RawServer) -> None:
    """A token that the source refuses is fetched anew by the next try, and not before."""
    source = {
        "kind": "oauth2",
        "hosts": ["data.example.org"],
        "token_url": server.url("/token"),
        "client_id": "me",
        "client_secret_setting": "SOURCE_SECRET",
    }
    described = _dataset(server.port, source, "data.example.org")
    server.answers = {
        "/token": tuple(_page({"access_token": f"t-{number}", "expires_in": 3600}) for number in (1, 2)),
        "/a": (Answer(sent=reply(status="401 No")), Answer(sent=reply(_BODY))),
    }
    href = server.url("/a", host="data.example.org")

    with pytest.raises(SourceRefusedError, match=r"data\.example\.org answered 401"):
        await world.read(href, described)
    read = [await world.read(href, described) for _ in range(2)]

    assert read == [_BODY, _BODY]
    assert [(each.target, each.headers.get("authorization")) for each in server.asked if each.target == "/a"] == [
        ("/a", "Bearer t-1"),
        ("/a", "Bearer t-2"),
        ("/a", "Bearer t-2"),
    ]
    assert [each.target for each in server.asked].count("/token") == 2


def _earthdata(server: RawServer, **source: Any) -> Dataset:
    described = {
        "kind": "earthdata",
        "hosts": ["data.example.org", "mirror.example.org"],
        "login": server.url("", host="login.example.org"),
        **source,
    }
    return _dataset(server.port, described, "*.example.org")


async def test_earthdata_by_password(world: World, server: RawServer) -> None:
    """The password goes to the login host alone; its token goes to hosts of data, and not to whom they redirect."""
    hosts = ("mirror", "/a"), ("signed", "/b")
    mirror, signed = (server.url(path, host=f"{host}.example.org") for host, path in hosts)
    server.answers = {
        "/api/users/find_or_create_token": (
            _page({"access_token": "t-1", "token_type": "Bearer", "expiration_date": "10/30/2999"}),
        ),
        "/data": (Answer(sent=reply(status="302 Found", headers={"Location": mirror})),),
        "/a": (Answer(sent=reply(status="303 See Other", headers={"Location": signed})),),
        "/b": (Answer(sent=reply(_BODY)),),
    }
    described = _earthdata(server, user_setting="SOURCE_USER", password_setting="SOURCE_SECRET")

    read = await world.read(server.url("/data", host="data.example.org"), described)

    assert read == _BODY
    assert [(each.headers["host"].partition(":")[0], each.headers.get("authorization")) for each in server.asked] == [
        ("login.example.org", "Basic bWU6czNjcjN0"),
        ("data.example.org", "Bearer t-1"),
        ("mirror.example.org", "Bearer t-1"),
        ("signed.example.org", None),
    ]


async def test_earthdata_login_page(world: World, server: RawServer) -> None:
    """A redirect to the login host is a refusal, though a page with a form comes with 200; no token goes there."""
    login = server.url("/oauth/authorize?client_id=1", host="login.example.org")
    server.answers = {
        "/data": (Answer(sent=reply(status="302 Found", headers={"Location": login})),),
        "/oauth/authorize": (Answer(sent=reply(b"<html>")),),
    }
    described = _earthdata(server, token_setting="SOURCE_TOKEN")

    with pytest.raises(SourceRefusedError, match=r"redirects to login\.example\.org to log in"):
        await world.read(server.url("/data", host="data.example.org"), described)

    assert [each.headers.get("authorization") for each in server.asked] == ["Bearer t-0", None]


async def test_planetary_computer(world: World, server: RawServer) -> None:
    """A container's signature is fetched through egress once, however many of its blobs are copied at a time."""
    server.answers["/sas/account/container"] = (
        _page({"msft:expiry": "2999-01-01T00:00:00Z", "token": "sv=1&sig=t-1"}),
    )
    source = {"kind": "planetary_computer", "token_url": server.url("/sas")}
    described = _dataset(server.port, source, "*.blob.core.windows.net")
    described = described.model_copy(update={"allow": described.allow.model_copy(update={"ports": (server.port, 443)})})

    signed = [
        await world.credentials.signed(f"https://account.blob.core.windows.net/container/{name}", dataset=described)
        for name in "ab"
    ]

    assert [each.url for each in signed] == [
        f"https://account.blob.core.windows.net/container/{name}?sv=1&sig=t-1" for name in "ab"
    ]
    assert [each.target for each in server.asked] == ["/sas/account/container"]
