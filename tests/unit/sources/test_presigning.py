"""Signed addresses, judged by AWS's own library."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from pytest_mock import MockerFixture

from shared.sources.presigning import Bucket, Keys, presigned

_KEYS = Keys(access_key_id="AKID", secret_access_key="s3cr3t", session_token="t0k3n")
_BARE = Keys(access_key_id="AKID", secret_access_key="s3cr3t")
_NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
_MODE = {"x-amz-checksum-mode": "ENABLED"}


def _bucket(*, own_host: bool = True, requester_pays: bool = False) -> Bucket:
    host = "bucket.s3.us-west-2.amazonaws.com" if own_host else "s3.us-west-2.amazonaws.com"
    return Bucket(
        name="bucket",
        endpoint=f"https://{host}",
        own_host=own_host,
        region="us-west-2",
        requester_pays=requester_pays,
    )


def _expected(
    mocker: MockerFixture, address: str, *, keys: Keys, headers: Mapping[str, str], requester_pays: bool
) -> dict[str, str]:
    """What botocore makes of the same address at the same moment."""
    mocker.patch("botocore.auth.get_current_datetime", return_value=_NOW.replace(tzinfo=None))
    credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
    asked = cast("Any", AWSRequest("GET", address, headers=dict(headers)))
    if requester_pays:
        asked.params = {"x-amz-request-payer": "requester"}
    S3SigV4QueryAuth(credentials, "s3", "us-west-2", expires=900).add_auth(asked)
    return dict(parse_qsl(urlsplit(str(asked.url)).query, strict_parsing=True))


@pytest.mark.parametrize("own_host", [True, False])
@pytest.mark.parametrize("requester_pays", [True, False])
@pytest.mark.parametrize("keys", [_KEYS, _BARE])
@pytest.mark.parametrize("key", ["a/b.tif", "a b/c%20d+é&=~:*(1)!.tif"])
@pytest.mark.parametrize("headers", [_MODE, {}], ids=["checksums", "no header"])
def test_signature(
    mocker: MockerFixture, key: str, keys: Keys, headers: Mapping[str, str], *, requester_pays: bool, own_host: bool
) -> None:
    """AWS's library for Python signs the same way, whoever pays and wherever the bucket stands."""
    bucket = _bucket(own_host=own_host, requester_pays=requester_pays)

    url = presigned(bucket, key, keys=keys, headers=headers, now=_NOW)

    address, _, query = url.partition("?")
    said = dict(parse_qsl(query, strict_parsing=True))
    assert said == _expected(mocker, address, keys=keys, headers=headers, requester_pays=requester_pays)
    assert said["X-Amz-Expires"] == "900"


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("https://s3.example.org:443", "s3.example.org"),
        ("http://s3.example.org:80", "s3.example.org"),
        ("https://s3.example.org:9000", "s3.example.org:9000"),
        ("http://[::1]:9000", "[::1]:9000"),
        ("https://S3.example.org", "s3.example.org"),
    ],
)
def test_host(mocker: MockerFixture, endpoint: str, host: str) -> None:
    """What is signed is the host as a client names it: in lower case, and without a port that goes without saying."""
    bucket = Bucket(name="bucket", endpoint=endpoint, own_host=False, region="us-west-2")

    url = presigned(bucket, "a", keys=_BARE, headers={}, now=_NOW)

    address, _, query = url.partition("?")
    asked = f"{endpoint.partition('://')[0]}://{host}/bucket/a"
    assert address == f"{endpoint}/bucket/a"
    assert dict(parse_qsl(query)) == _expected(mocker, asked, keys=_BARE, headers={}, requester_pays=False)


@pytest.mark.parametrize(
    ("own_host", "address"),
    [
        (True, "https://bucket.s3.us-west-2.amazonaws.com/a%20b%2520"),
        (False, "https://s3.us-west-2.amazonaws.com/bucket/a%20b%2520"),
    ],
)
def test_address(address: str, *, own_host: bool) -> None:
    """The bucket stands in the host or in the path; a key's own percent sign is escaped."""
    url = presigned(_bucket(own_host=own_host), "a b%20", keys=_BARE, headers={}, now=_NOW)

    assert url.partition("?")[0] == address


def test_the_environment_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that AWS's tools read change neither where a request goes nor by whose rights."""
    bucket = Bucket(name="other", endpoint="https://s3.example.org", own_host=False, region="r-1")
    for name, value in {
        "AWS_ENDPOINT_URL": "http://evil.example.org",
        "AWS_ENDPOINT_URL_S3": "http://evil.example.org",
        "AWS_REGION": "evil",
        "AWS_DEFAULT_REGION": "evil",
        "AWS_ACCESS_KEY_ID": "evil",
        "AWS_SECRET_ACCESS_KEY": "evil",
        "AWS_SESSION_TOKEN": "evil",
        "AWS_PROFILE": "evil",
        "HTTPS_PROXY": "http://evil.example.org",
    }.items():
        monkeypatch.setenv(name, value)

    url = presigned(bucket, "a", keys=_BARE, headers={}, now=_NOW)

    names = {name for name, _ in parse_qsl(urlsplit(url).query)}
    assert url.startswith("https://s3.example.org/other/a?")
    assert "evil" not in url
    assert names == {
        f"X-Amz-{name}" for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
    }


def test_not_shown() -> None:
    """The text of keys shows none of them."""
    assert repr(_KEYS) == "Keys()"
