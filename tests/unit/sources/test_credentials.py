import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from shared.model.datasets import Dataset
from shared.model.errors import UrlRefusedError
from shared.sources.credentials import Credentials
from shared.sources.signing import Signed
from shared.sources.tokens import Tokens
from tests.fakes.egress import Answer, Asked, FakeEgress
from tests.unit.copying.world import Clock
from tests.unit.model.builders import dataset

_SECRETS = {"SOURCE_A": "s3cr3t-a", "SOURCE_B": "s3cr3t-b", "SOURCE_C": "s3cr3t-c", "SOURCE_SAS": "?sv=1&sig=a%2Bb"}
_HEADER = {"kind": "header", "hosts": ["data.example.org"], "header": "X-Key", "value_setting": "SOURCE_A"}
_OAUTH2 = {
    "kind": "oauth2",
    "hosts": ["data.example.org"],
    "token_url": "https://login.example.org/token",
    "client_id": "me",
    "client_secret_setting": "SOURCE_A",
}
_EARTHDATA = {"kind": "earthdata", "hosts": ["*.example.org"], "login": "https://login.example.org"}
_EARTHDATA_TOKEN = {**_EARTHDATA, "token_setting": "SOURCE_A"}
_EARTHDATA_USER = {**_EARTHDATA, "user_setting": "SOURCE_A", "password_setting": "SOURCE_B"}
_PLANETARY = {"kind": "planetary_computer", "token_url": "https://pc.example.org/token"}
_AZURE = {"kind": "azure", "accounts": ["data", "other"]}
_S3 = {"kind": "s3", "region": "us-west-2"}
_S3_KEYS = {**_S3, "access_key_id_setting": "SOURCE_A", "secret_access_key_setting": "SOURCE_B"}
_GS_KEYS = {"kind": "gs", "access_id_setting": "SOURCE_A", "secret_setting": "SOURCE_B"}


class World:
    """Credentials, the servers that give tokens, and a clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.egress = FakeEgress(self._answer)
        self.identities = 0
        self.credentials = Credentials(
            http=self.egress,
            secrets={name: SecretStr(value) for name, value in _SECRETS.items()},
            identity=self._identity,
            tokens=Tokens(self.clock),
            clock=self.clock,
        )

    async def signed(self, href: str, source: Mapping[str, Any], *hosts: str) -> Signed:
        """The address of an href for a source; hosts are allowed beside the usual ones."""
        return await self.credentials.signed(href, dataset=_dataset(source, *hosts))

    def _answer(self, _: Asked) -> Answer:
        expires_at = self.clock() + timedelta(hours=1)
        number = len(self.egress.asked)
        said = {
            "access_token": f"t-{number}",
            "token": f"sv=1&sig=t-{number}",
            "msft:expiry": expires_at.isoformat(),
            "expires_in": 3600,
            "expiration_date": "06/30/2024",
        }
        return Answer(chunks=(json.dumps(said).encode(),))

    async def _identity(self) -> tuple[str, datetime]:
        self.identities += 1
        return f"identity-{self.identities}", self.clock() + timedelta(hours=1)


def _dataset(source: Mapping[str, Any], *hosts: str) -> Dataset:
    usual = ["*.example.org", "*.blob.core.windows.net", "*.amazonaws.com", "storage.googleapis.com"]
    return dataset(source=source, allow={"hosts": [*usual, *hosts]})


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("href", "source", "url"),
    [
        ("https://data.example.org/a?b=%20#c", {"kind": "none"}, "https://data.example.org/a?b=%20#c"),
        ("https://bucket.s3.amazonaws.com/a", _S3_KEYS, "https://bucket.s3.amazonaws.com/a"),
        ("https://storage.googleapis.com/bucket/a", _GS_KEYS, "https://storage.googleapis.com/bucket/a"),
        ("https://other.example.org/a", _HEADER, "https://other.example.org/a"),
        ("https://other.example.org/a", _OAUTH2, "https://other.example.org/a"),
        (
            "https://foreign.blob.core.windows.net/con/a",
            {**_AZURE, "auth": "sas", "sas_setting": "SOURCE_SAS"},
            "https://foreign.blob.core.windows.net/con/a",
        ),
        ("https://foreign.blob.core.windows.net/con/a", _AZURE, "https://foreign.blob.core.windows.net/con/a"),
        ("https://pc.example.org/api/preview.png", _PLANETARY, "https://pc.example.org/api/preview.png"),
        (
            "https://ai4edatasetspublicassets.blob.core.windows.net/assets/a.png",
            _PLANETARY,
            "https://ai4edatasetspublicassets.blob.core.windows.net/assets/a.png",
        ),
        ("https://a.blob.core.windows.net/$root/b", _PLANETARY, "https://a.blob.core.windows.net/$root/b"),
        ("gs://bucket/a+b", {"kind": "gs"}, "https://storage.googleapis.com/bucket/a%2Bb"),
        ("az://data/con/a b", {**_AZURE, "auth": "anonymous"}, "https://data.blob.core.windows.net/con/a%20b"),
    ],
)
async def test_as_it_is(world: World, href: str, source: Mapping[str, Any], url: str) -> None:
    """What anybody may read, and what isn't the source's own, is asked without any rights."""
    signed = await world.signed(href, source)

    assert (signed, signed.headers) == (Signed(url=url), {})
    assert (world.egress.asked, world.identities) == ([], 0)


@pytest.mark.parametrize(
    ("href", "source", "url"),
    [
        ("s3://bucket/a b/%20", _S3, "https://bucket.s3.us-west-2.amazonaws.com/a%20b/%2520"),
        ("s3://my.bucket/a", _S3, "https://s3.us-west-2.amazonaws.com/my.bucket/a"),
        ("s3://my_bucket/a", _S3, "https://s3.us-west-2.amazonaws.com/my_bucket/a"),
        (
            "s3://bucket/a",
            {"kind": "s3", "endpoint": "https://s3.example.org"},
            "https://s3.example.org/bucket/a",
        ),
    ],
)
async def test_s3_anonymous(world: World, href: str, source: Mapping[str, Any], url: str) -> None:
    """A bucket that anybody may read is asked for checksums, and nothing is signed."""
    assert await world.signed(href, source) == Signed(url=url, headers={"x-amz-checksum-mode": "ENABLED"})


@pytest.mark.parametrize(
    ("href", "source", "url", "headers"),
    [
        ("https://DATA.example.org:443/a#b", _HEADER, "https://data.example.org/a", {"X-Key": "s3cr3t-a"}),
        ("https://data.example.org/a", _OAUTH2, "https://data.example.org/a", {"Authorization": "Bearer t-1"}),
        (
            "https://data.example.org/a",
            _EARTHDATA_TOKEN,
            "https://data.example.org/a",
            {"Authorization": "Bearer s3cr3t-a"},
        ),
        ("https://data.example.org/a", _EARTHDATA_USER, "https://data.example.org/a", {"Authorization": "Bearer t-1"}),
        (
            "https://data.blob.core.windows.net/con/a",
            _PLANETARY,
            "https://data.blob.core.windows.net/con/a?sv=1&sig=t-1",
            {},
        ),
        (
            "https://data.blob.core.windows.net/con/a?snapshot=1",
            {**_PLANETARY, "subscription_key_setting": "SOURCE_A"},
            "https://data.blob.core.windows.net/con/a?snapshot=1&sv=1&sig=t-1",
            {},
        ),
        (
            "az://other/con/a b",
            {**_AZURE, "auth": "sas", "sas_setting": "SOURCE_SAS"},
            "https://other.blob.core.windows.net/con/a%20b?sv=1&sig=a%2Bb",
            {},
        ),
        (
            "https://data.blob.core.windows.net/con/a",
            _AZURE,
            "https://data.blob.core.windows.net/con/a",
            {
                "Authorization": "Bearer identity-1",
                "x-ms-version": "2023-11-03",
                "x-ms-date": "Sat, 01 Jun 2024 12:00:00 GMT",
            },
        ),
    ],
)
async def test_with_rights(
    world: World, href: str, source: Mapping[str, Any], url: str, headers: Mapping[str, str]
) -> None:
    """Each kind of source gets what it wants, in the address or in a header."""
    signed = await world.signed(href, source)

    assert (signed.url, signed.headers) == (url, headers)


@pytest.mark.parametrize(
    ("href", "source", "address", "credential"),
    [
        (
            "s3://bucket/a b",
            {**_S3_KEYS, "requester_pays": True, "session_token_setting": "SOURCE_C"},
            "https://bucket.s3.us-west-2.amazonaws.com/a%20b",
            "X-Amz-Credential=s3cr3t-a%2F",
        ),
        (
            "s3://bucket/a",
            {**_S3_KEYS, "endpoint": "https://s3.example.org"},
            "https://s3.example.org/bucket/a",
            "%2Fus-west-2%2Fs3%2F",
        ),
        (
            "s3://bucket/a",
            {**_S3_KEYS, "region": None, "endpoint": "https://s3.example.org"},
            "https://s3.example.org/bucket/a",
            "%2Fus-east-1%2Fs3%2F",
        ),
        ("gs://bucket/a", _GS_KEYS, "https://storage.googleapis.com/bucket/a", "%2Fauto%2Fs3%2F"),
    ],
)
async def test_buckets(world: World, href: str, source: Mapping[str, Any], address: str, credential: str) -> None:
    """Keys sign the address of a bucket's object, by the region that is stated."""
    signed = await world.signed(href, source)

    there, _, query = signed.url.partition("?")
    assert there == address
    assert credential in query
    assert ("requester" in query, "s3cr3t-c" in query) == ("requester_pays" in source, "requester_pays" in source)


@pytest.mark.parametrize(
    ("href", "source", "headers", "names"),
    [
        ("s3://bucket/a", _S3_KEYS, {"x-amz-checksum-mode": "ENABLED"}, "host%3Bx-amz-checksum-mode"),
        ("gs://bucket/a", _GS_KEYS, {}, "host"),
    ],
)
async def test_checksums_of_buckets(
    world: World, href: str, source: Mapping[str, Any], headers: Mapping[str, str], names: str
) -> None:
    """S3 is asked for checksums, by a header that is signed; Google states them unasked."""
    signed = await world.signed(href, source)

    assert signed.headers == headers
    assert f"X-Amz-SignedHeaders={names}&" in signed.url


@pytest.mark.parametrize(
    ("policy", "headers"),
    [
        ({"digests": []}, {}),
        ({"digests": [], "integrity": "require"}, {"x-amz-checksum-mode": "ENABLED"}),
        ({"digests": ["md5"]}, {"x-amz-checksum-mode": "ENABLED"}),
    ],
)
async def test_checksums_that_would_keep_from_resuming(
    world: World, policy: Mapping[str, Any], headers: Mapping[str, str]
) -> None:
    """S3 isn't asked for checksums where a copy is to go on inside a file: comparing takes every byte."""
    wanted = dataset(source=_S3, allow={"hosts": ["*.example.org", "*.amazonaws.com"]}, policy=policy)

    signed = await world.credentials.signed("s3://bucket/a", dataset=wanted)

    assert signed.headers == headers


@pytest.mark.parametrize(
    ("source", "trusted", "login"),
    [
        (_HEADER, ("data.example.org",), None),
        (_OAUTH2, ("data.example.org",), None),
        (_EARTHDATA_TOKEN, ("*.example.org",), "login.example.org"),
        (_EARTHDATA_USER, ("*.example.org",), "login.example.org"),
        (_AZURE, (), None),
    ],
)
async def test_redirects(world: World, source: Mapping[str, Any], trusted: tuple[str, ...], login: str | None) -> None:
    """The hosts that a source names may see its token after a redirect; a redirect to its login is a refusal."""
    host = "data.blob.core.windows.net" if source is _AZURE else "data.example.org"

    signed = await world.signed(f"https://{host}/con/a", source)

    assert (signed.trusted, signed.login) == (trusted, login)


@pytest.mark.parametrize(
    ("source", "first", "second"),
    [
        (_OAUTH2, "Bearer t-1", "Bearer t-2"),
        (_EARTHDATA_USER, "Bearer t-1", "Bearer t-2"),
        (_PLANETARY, "sig=t-1", "sig=t-2"),
        (_AZURE, "Bearer identity-1", "Bearer identity-2"),
    ],
)
async def test_refused(world: World, source: Mapping[str, Any], first: str, second: str) -> None:
    """A token is used again until the source refuses it; then the next copy has a new one, fetched once."""
    azure = source in (_PLANETARY, _AZURE)
    href = "https://data.blob.core.windows.net/con/a" if azure else "https://data.example.org/a"
    used = [await world.signed(href, source) for _ in range(2)]

    for each in used:
        each.forget()
    used += [await world.signed(href, source) for _ in range(2)]

    tokens = [each.headers.get("Authorization") or each.url.partition("&")[2] for each in used]
    assert tokens == [first, first, second, second]


async def test_refused_for_good(world: World) -> None:
    """Where nothing is cached there is nothing to forget."""
    signed = await world.signed("https://data.example.org/a", _HEADER)

    signed.forget()

    assert await world.signed("https://data.example.org/a", _HEADER) == signed


async def test_tokens_expire(world: World) -> None:
    """A container's signature is kept until shortly before it expires; each container has its own."""
    hrefs = [f"https://data.blob.core.windows.net/{container}/a" for container in ("one", "two", "one")]
    for href in hrefs:
        await world.signed(href, _PLANETARY)
    world.clock.turn(timedelta(minutes=56))

    await world.signed(hrefs[0], _PLANETARY)

    asked = [each.url.rpartition("/")[2] for each in world.egress.asked]
    assert asked == ["one", "two", "one"]


@pytest.mark.parametrize(
    ("href", "source", "said"),
    [
        ("s3://bucket/a", {"kind": "none"}, "with kind = 's3' in datasets.toml"),
        ("az://data/con/a", _S3, "with kind = 'azure'"),
        ("az://foreign/con/a", _AZURE, "'foreign' isn't in the source's accounts"),
        ("s3://bucket/../a", _S3, "no empty part"),
        ("https://elsewhere.org/a", _OAUTH2, "'elsewhere.org' isn't in allow.hosts"),
        ("http://data.example.org/a", _OAUTH2, "instead of https"),
        ("https://data.example.org@elsewhere.org/a", _HEADER, "userinfo"),
        ("https://elsewhere.org\\@data.example.org/a", _HEADER, "backslashes"),
        ("ftp://data.example.org/a", _HEADER, "'ftp' instead of https"),
    ],
)
async def test_refused_addresses(world: World, href: str, source: Mapping[str, Any], said: str) -> None:
    """An address that won't be asked costs no token."""
    with pytest.raises(UrlRefusedError, match=said):
        await world.signed(href, source)

    assert world.egress.asked == []


async def test_emulator(world: World) -> None:
    """Another endpoint has the account in its path, and only that account's blobs are asked with its rights."""
    source = {**_AZURE, "endpoint": "https://azurite.example.org", "auth": "sas", "sas_setting": "SOURCE_SAS"}

    own = await world.signed("az://data/con/a", source)
    foreign = await world.signed("https://azurite.example.org/foreign/con/a", source)

    assert own.url == "https://azurite.example.org/data/con/a?sv=1&sig=a%2Bb"
    assert foreign.url == "https://azurite.example.org/foreign/con/a"


async def test_not_shown(world: World) -> None:
    """The text of what is signed, and of who signs, shows no secret."""
    signed = [
        await world.signed("https://data.example.org/a", _HEADER),
        await world.signed("https://data.example.org/a", _EARTHDATA_TOKEN),
        await world.signed("s3://bucket/a", _S3_KEYS),
    ]

    assert "s3cr3t" not in repr([signed, world.credentials])
