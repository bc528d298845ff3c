"""Where an href leads, told without signing it."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from shared.model.access import Source
from shared.model.errors import UrlRefusedError
from shared.sources.origins import origin_of

_SOURCE: TypeAdapter[Source] = TypeAdapter(Source)
_S3 = {"kind": "s3", "region": "us-west-2"}
_AZURE = {"kind": "azure", "accounts": ["mine"]}


@pytest.mark.parametrize(
    ("source", "href", "origin"),
    [
        ({"kind": "none"}, "https://data.example.org/a.tif", "https://data.example.org/a.tif"),
        (_S3, "https://data.example.org/a.tif", "https://data.example.org/a.tif"),
        (_S3, "s3://bucket/a b.tif", "https://bucket.s3.us-west-2.amazonaws.com"),
        (_S3, "s3://with.dot/a.tif", "https://s3.us-west-2.amazonaws.com"),
        ({**_S3, "endpoint": "https://minio.example.org"}, "s3://bucket/a.tif", "https://minio.example.org"),
        ({"kind": "gs"}, "gs://bucket/a.tif", "https://storage.googleapis.com"),
        (_AZURE, "az://mine/container/a.tif", "https://mine.blob.core.windows.net"),
    ],
)
def test_origin(source: dict[str, Any], href: str, origin: str) -> None:
    """An https address is its own; an object store's is the endpoint's that the source names."""
    assert origin_of(href, source=_SOURCE.validate_python(source)) == origin


@pytest.mark.parametrize(
    ("source", "href", "why"),
    [
        ({"kind": "none"}, "s3://bucket/a.tif", "s3:// addresses need .* kind = 's3'"),
        (_AZURE, "az://theirs/container/a.tif", "the account 'theirs' isn't in the source's accounts"),
        (_S3, "s3://UPPER/a.tif", "the href can't be asked for: it isn't s3://bucket/key"),
    ],
)
def test_what_leads_nowhere(source: dict[str, Any], href: str, why: str) -> None:
    """As a copy would refuse it."""
    with pytest.raises(UrlRefusedError, match=why):
        origin_of(href, source=_SOURCE.validate_python(source))
