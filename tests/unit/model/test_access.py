from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from shared.model.access import OpenSource, S3Source, check_scheme
from shared.model.datasets import load_datasets
from shared.model.errors import DatasetsInvalidError, UrlRefusedError
from tests.unit.model.builders import dataset

_FILE = """
[datasets.s2]
catalog = { kind = "stac", url = "https://stac.example.org" }
destination = { container = "assets" }
allow = { hosts = ["*.example.org", "*.s3.us-west-2.amazonaws.com"] }
source = { %s }
"""
_HEADER = 'kind = "header", hosts = ["data.example.org"], value_setting = "SOURCE_KEY"'
_S3_KEYS = (
    'kind = "s3", region = "us-west-2", requester_pays = true, access_key_id_setting = "SOURCE_ID", '
    'secret_access_key_setting = "SOURCE_SECRET"'
)
_OAUTH2 = (
    'kind = "oauth2", hosts = ["*.example.org"], token_url = "https://login.example.org/token", client_id = "me", '
    'client_secret_setting = "SOURCE_OAUTH"'
)


def _error(folder: Path, source: str) -> str:
    path = folder / "datasets.toml"
    path.write_text(_FILE % source, encoding="utf-8")
    with pytest.raises(DatasetsInvalidError) as raised:
        load_datasets(path)
    return str(raised.value)


def test_open() -> None:
    """Without a section of its own a source is one that anybody may read."""
    assert dataset().source == OpenSource()


@pytest.mark.parametrize(
    ("source", "secrets"),
    [
        (_HEADER, {"value_setting": "SOURCE_KEY"}),
        (_OAUTH2, {"client_secret_setting": "SOURCE_OAUTH"}),
        ('kind = "s3", region = "us-west-2"', {}),
        (
            _S3_KEYS,
            {"access_key_id_setting": "SOURCE_ID", "secret_access_key_setting": "SOURCE_SECRET"},
        ),
    ],
)
def test_secrets(source: str, secrets: dict[str, str], tmp_path: Path) -> None:
    """The settings that hold a source's secrets are known by the fields that name them."""
    path = tmp_path / "datasets.toml"
    path.write_text(_FILE % source, encoding="utf-8")

    datasets = load_datasets(path)

    assert datasets.secrets == {f"datasets.s2.source.{field}": name for field, name in secrets.items()}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('kind = "ftp"', ["datasets.s2.source: ", "'ftp'", "it could be 'none', 'header', 'oauth2'"]),
        (_HEADER.replace("SOURCE_KEY", "KEY"), ["source.header.value_setting: ", "such as SOURCE_TOKEN"]),
        (_HEADER.replace("SOURCE_KEY", "SOURCE_KEY."), ["source.header.value_setting: "]),
        (_HEADER + ', header = "Host"', ["source.header.header: ", "Authorization"]),
        (_HEADER.replace('["data.example.org"]', "[]"), ["source.header.hosts: "]),
        (
            _OAUTH2.replace("login.example.org", "login.example.net"),
            ["'login.example.net' isn't allowed", "allow.hosts"],
        ),
        (_OAUTH2.replace("https://login", "ftp://login"), ["source.oauth2.token_url: "]),
        ('kind = "s3"', ["source.s3: ", "state the region (such as us-west-2), or an endpoint"]),
        ('kind = "s3", region = "eu-x-1"', ["'*.s3.eu-x-1.amazonaws.com' isn't allowed", "allow.hosts"]),
        ('kind = "s3", endpoint = "https://s3.example.net"', ["'s3.example.net' isn't allowed"]),
        ('kind = "s3", endpoint = "https://s3.example.org/?x"', ["source.s3.endpoint: "]),
        (
            'kind = "s3", region = "us-west-2", access_key_id_setting = "SOURCE_A"',
            ["access_key_id_setting and secret_access_key_setting go together"],
        ),
        ('kind = "s3", region = "us-west-2", requester_pays = true', ["requester_pays", "need access_key_id_setting"]),
        ('kind = "gs"', ["'storage.googleapis.com' isn't allowed"]),
        ('kind = "gs", secret_setting = "SOURCE_A"', ["access_id_setting and secret_setting go together"]),
        ('kind = "azure", accounts = ["data"]', ["'data.blob.core.windows.net' isn't allowed"]),
        ('kind = "azure", accounts = ["data"], auth = "sas"', ["sas_setting go together"]),
        ('kind = "azure", accounts = ["Data"]', ["source.azure.accounts.0: "]),
        ('kind = "planetary_computer"', ["'planetarycomputer.microsoft.com' isn't allowed"]),
        (
            'kind = "planetary_computer", token_url = "https://pc.example.org/token"',
            ["'*.blob.core.windows.net' isn't allowed"],
        ),
        ('kind = "earthdata", hosts = ["data.example.org"]', ["state either token_setting, or user_setting"]),
        (
            'kind = "earthdata", hosts = ["data.example.org"], user_setting = "SOURCE_A"',
            ["user_setting and password_setting go together"],
        ),
        (
            'kind = "earthdata", hosts = ["a.example.org"], user_setting = "SOURCE_A", password_setting = "SOURCE_B"',
            ["'urs.earthdata.nasa.gov' isn't allowed"],
        ),
    ],
)
def test_errors(source: str, said: list[str], tmp_path: Path) -> None:
    """An error names the field, and what could stand there."""
    error = _error(tmp_path, source)

    assert [each for each in said if each not in error] == []


@pytest.mark.parametrize(
    "source",
    [
        _HEADER.replace("SOURCE_KEY", "c4n4ry"),
        _HEADER + ', password = "c4n4ry"',
        _OAUTH2.replace('"me"', '{ c4n4ry = "c4n4ry" }'),
        _OAUTH2.replace("https://login", "https://me:c4n4ry@login"),
    ],
)
def test_secret_in_the_file(source: str, tmp_path: Path) -> None:
    """A secret that stands in the file, where a setting's name was to stand, is not shown."""
    assert "c4n4ry" not in _error(tmp_path, source)


@pytest.mark.parametrize(
    ("hosts", "allowed"),
    [
        (["*.s3.us-west-2.amazonaws.com"], True),
        (["*.amazonaws.com"], True),
        (["bucket.s3.us-west-2.amazonaws.com"], True),
        (["s3.us-west-2.amazonaws.com"], False),
        (["*.s3.us-east-1.amazonaws.com"], False),
    ],
)
def test_buckets_hosts(hosts: list[str], *, allowed: bool) -> None:
    """Some host of the region's buckets has to be allowed: all of them, or those of single buckets."""
    parts: dict[str, Any] = {
        "allow": {"hosts": ["stac.example.org", *hosts]},
        "source": {"kind": "s3", "region": "us-west-2"},
    }

    if allowed:
        assert isinstance(dataset(**parts).source, S3Source)
    else:
        with pytest.raises(ValidationError, match="isn't allowed; add it"):
            dataset(**parts)


def test_scheme_without_a_source() -> None:
    """Who has addresses of a bucket and no source for them is told what to add."""
    with pytest.raises(UrlRefusedError, match=r"gs:// addresses need \[datasets.<name>.source\] with kind = 'gs'"):
        check_scheme("gs", source=S3Source(kind="s3", region="us-west-2"))
