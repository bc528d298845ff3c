"""How lists are asked for with a source's rights."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from pydantic import SecretStr
from pytest_mock import MockerFixture

from shared.model.errors import UrlRefusedError
from shared.model.hrefs import ObjectAddress
from shared.sources.credentials import Credentials
from shared.sources.signing import Signed
from shared.sources.tokens import Tokens
from tests.fakes.egress import Answer, FakeEgress
from tests.unit.model.builders import dataset

_NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
_SECRETS = {"SOURCE_A": "s3cr3t-a", "SOURCE_B": "s3cr3t-b", "SOURCE_C": "s3cr3t-c", "SOURCE_SAS": "?sv=1&sig=a%2Bb"}
_QUERY = {"list-type": "2", "prefix": "a b+c%20/é&=~*'(1)!/", "continuation-token": "1/x+y=="}
_ASKED = "list-type=2&prefix=a%20b%2Bc%2520%2F%C3%A9%26%3D~%2A%27%281%29%21%2F&continuation-token=1%2Fx%2By%3D%3D"
_S3 = {"kind": "s3", "region": "us-west-2"}
_S3_KEYS = {**_S3, "access_key_id_setting": "SOURCE_A", "secret_access_key_setting": "SOURCE_B"}
_AZURE = {"kind": "azure", "accounts": ["data"]}


async def _listed(place: str, source: Mapping[str, Any]) -> Signed:
    usual = ["*.blob.core.windows.net", "*.amazonaws.com", "storage.googleapis.com", "s3.example.org"]
    credentials = Credentials(
        http=FakeEgress(lambda _: Answer(status=404)),
        secrets={name: SecretStr(value) for name, value in _SECRETS.items()},
        identity=_identity,
        tokens=Tokens(lambda: _NOW),
        clock=lambda: _NOW,
    )
    described = dataset(source=source, allow={"hosts": [*usual, "stac.example.org"]})
    return await credentials.listed(ObjectAddress.read_prefix(place), query=_QUERY, dataset=described)


async def _identity() -> tuple[str, datetime]:
    return "identity", _NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("place", "source", "url"),
    [
        ("s3://bucket/not/here", _S3, "https://bucket.s3.us-west-2.amazonaws.com/"),
        ("s3://my.bucket", _S3, "https://s3.us-west-2.amazonaws.com/my.bucket"),
        ("s3://bucket", {"kind": "s3", "endpoint": "https://s3.example.org"}, "https://s3.example.org/bucket"),
        ("gs://bucket", {"kind": "gs"}, "https://storage.googleapis.com/bucket"),
    ],
)
async def test_anonymous(place: str, source: Mapping[str, Any], url: str) -> None:
    """A bucket that anybody may list is asked by the query alone, at its own address."""
    assert await _listed(place, source) == Signed(url=f"{url}?{_ASKED}")


@pytest.mark.parametrize(
    ("more", "place", "address"),
    [
        ({}, "s3://bucket/not/here", "https://bucket.s3.us-west-2.amazonaws.com/"),
        ({}, "s3://my.bucket/", "https://s3.us-west-2.amazonaws.com/my.bucket"),
        ({"session_token_setting": "SOURCE_C"}, "s3://bucket", "https://bucket.s3.us-west-2.amazonaws.com/"),
        ({"requester_pays": True}, "s3://bucket", "https://bucket.s3.us-west-2.amazonaws.com/"),
    ],
)
async def test_signature(mocker: MockerFixture, more: dict[str, Any], place: str, address: str) -> None:
    """AWS's library for Python signs the same list the same way."""
    mocker.patch("botocore.auth.get_current_datetime", return_value=_NOW.replace(tzinfo=None))
    query = {**_QUERY, **({"x-amz-request-payer": "requester"} if "requester_pays" in more else {})}
    asked = cast("Any", AWSRequest("GET", f"{address}?{urlencode(query, quote_via=quote, safe='~')}"))
    session = "s3cr3t-c" if "session_token_setting" in more else None
    S3SigV4QueryAuth(BotoCredentials("s3cr3t-a", "s3cr3t-b", session), "s3", "us-west-2", expires=900).add_auth(asked)

    signed = await _listed(place, {**_S3_KEYS, **more})

    assert signed.url.partition("?")[0] == address
    assert dict(parse_qsl(urlsplit(signed.url).query)) == dict(parse_qsl(urlsplit(str(asked.url)).query))


async def test_google_keys() -> None:
    """Google's interoperable keys sign a list as S3's do."""
    source = {"kind": "gs", "access_id_setting": "SOURCE_A", "secret_setting": "SOURCE_B"}

    signed = await _listed("gs://bucket", source)

    said = dict(parse_qsl(urlsplit(signed.url).query))
    assert signed.url.startswith("https://storage.googleapis.com/bucket?")
    assert {name: said[name] for name in _QUERY} == _QUERY
    assert said["X-Amz-Credential"] == "s3cr3t-a/20240601/auto/s3/aws4_request"


_VERSION = {"x-ms-version": "2023-11-03"}


@pytest.mark.parametrize(
    ("source", "more", "headers"),
    [
        ({"auth": "anonymous"}, "", _VERSION),
        ({"auth": "sas", "sas_setting": "SOURCE_SAS"}, "&sv=1&sig=a%2Bb", _VERSION),
        (
            {"auth": "identity"},
            "",
            {**_VERSION, "Authorization": "Bearer identity", "x-ms-date": "Sat, 01 Jun 2024 12:00:00 GMT"},
        ),
    ],
)
async def test_azure(source: dict[str, Any], more: str, headers: dict[str, str]) -> None:
    """A container is listed by each of the rights that its blobs are read by, in a version that escapes odd names."""
    signed = await _listed("az://data/con/not/here", {**_AZURE, **source})

    assert signed.url == f"https://data.blob.core.windows.net/con?{_ASKED}{more}"
    assert signed.headers == headers


@pytest.mark.parametrize(("place", "source"), [("s3://bucket", {"kind": "none"}), ("az://foreign/con", _AZURE)])
async def test_refused(place: str, source: dict[str, Any]) -> None:
    """A list that the source has no addresses of isn't asked for."""
    with pytest.raises(UrlRefusedError):
        await _listed(place, source)
