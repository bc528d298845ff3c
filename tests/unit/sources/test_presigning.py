"""Signed addresses, judged by AWS's own library."""

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


def _bucket(*, own_host: bool = True, requester_pays: bool = False) -> Bucket:
    host = "bucket.s3.us-west-2.amazonaws.com" if own_host else "s3.us-west-2.amazonaws.com"
    return Bucket(
        name="bucket",
        endpoint=f"https://{host}",
        own_host=own_host,
        region="us-west-2",
        requester_pays=requester_pays,
    )


def _expected(mocker: MockerFixture, url: str) -> dict[str, str]:
    """What botocore makes of the same address at the same moment."""
    said = dict(parse_qsl(urlsplit(url).query, strict_parsing=True))
    moment = datetime.strptime(said["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    mocker.patch("botocore.auth.get_current_datetime", return_value=moment.replace(tzinfo=None))
    credentials = Credentials("AKID", "s3cr3t", said.get("X-Amz-Security-Token"))
    asked = cast("Any", AWSRequest("GET", url.partition("?")[0]))
    if "x-amz-request-payer" in said:
        asked.params = {"x-amz-request-payer": said["x-amz-request-payer"]}
    S3SigV4QueryAuth(credentials, "s3", "us-west-2", expires=900).add_auth(asked)
    return dict(parse_qsl(urlsplit(str(asked.url)).query, strict_parsing=True))


@pytest.mark.parametrize("own_host", [True, False])
@pytest.mark.parametrize("requester_pays", [True, False])
@pytest.mark.parametrize("keys", [_KEYS, _BARE])
@pytest.mark.parametrize("key", ["a/b.tif", "a b/c%20d+é&=~:*(1)!.tif"])
def test_signature(mocker: MockerFixture, key: str, keys: Keys, *, requester_pays: bool, own_host: bool) -> None:
    """AWS's own library signs the same way, whoever pays and wherever the bucket stands."""
    url = presigned(_bucket(own_host=own_host, requester_pays=requester_pays), key, keys=keys)

    said = dict(parse_qsl(urlsplit(url).query, strict_parsing=True))
    assert said == _expected(mocker, url)
    assert ("x-amz-request-payer" in said, "X-Amz-Security-Token" in said) == (requester_pays, keys is _KEYS)


@pytest.mark.parametrize(
    ("own_host", "address"),
    [
        (True, "https://bucket.s3.us-west-2.amazonaws.com/a%20b%2520"),
        (False, "https://s3.us-west-2.amazonaws.com/bucket/a%20b%2520"),
    ],
)
def test_address(address: str, *, own_host: bool) -> None:
    """The bucket stands in the host or in the path; a key's own percent sign is escaped."""
    url = presigned(_bucket(own_host=own_host), "a b%20", keys=_BARE)

    assert url.partition("?")[0] == address


def test_the_environment_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that obstore reads by itself change neither where a request goes nor by whose rights."""
    bucket = Bucket(name="other", endpoint="https://s3.example.org", own_host=False, region="r-1")
    for name, value in {
        "AWS_ENDPOINT_URL": "http://evil.example.org",
        "AWS_ENDPOINT_URL_S3": "http://evil.example.org",
        "AWS_REGION": "evil",
        "AWS_DEFAULT_REGION": "evil",
        "AWS_ACCESS_KEY_ID": "evil",
        "AWS_SECRET_ACCESS_KEY": "evil",
        "AWS_SESSION_TOKEN": "evil",
        "AWS_SKIP_SIGNATURE": "true",
        "AWS_REQUEST_PAYER": "true",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
        "AWS_S3_EXPRESS": "true",
        "HTTPS_PROXY": "http://evil.example.org",
    }.items():
        monkeypatch.setenv(name, value)

    url = presigned(bucket, "a", keys=_BARE)

    names = {name for name, _ in parse_qsl(urlsplit(url).query)}
    assert url.startswith("https://s3.example.org/other/a?")
    assert "evil" not in url
    assert names == {
        f"X-Amz-{name}" for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
    }


def test_not_shown() -> None:
    """The text of keys shows none of them."""
    assert repr(_KEYS) == "Keys()"
