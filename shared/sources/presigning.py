"""Signed addresses of S3's kind, by AWS's own library: it computes and sends nothing.

It takes nothing from the environment: an endpoint comes from datasets.toml alone, and a key from the setting that it
names.
"""

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import quote

from awscrt import auth
from awscrt.auth import (
    AwsCredentialsProvider,
    AwsSignatureType,
    AwsSignedBodyValue,
    AwsSigningAlgorithm,
    AwsSigningConfig,
)
from awscrt.http import HttpHeaders, HttpRequest
from yarl import URL

#: A redelivery or another range is signed anew; this has to last until an answer begins.
_LIFETIME = timedelta(minutes=15)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Keys of an account."""

    access_key_id: str = dataclasses.field(repr=False)
    secret_access_key: str = dataclasses.field(repr=False)
    session_token: str | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket, and how it is asked."""

    name: str
    endpoint: str
    #: Whether the endpoint is the bucket's own host; else the bucket stands in the path.
    own_host: bool
    region: str
    requester_pays: bool = False

    def path(self, key: str) -> str:
        """A key's path at the endpoint, escaped; of no key the bucket's."""
        parts = (key,) if self.own_host else (self.name, key)
        return f"/{quote('/'.join(each for each in parts if each), safe='/~')}"


def presigned(
    bucket: Bucket, key: str, *, keys: Keys, headers: Mapping[str, str], now: datetime, query: str = ""
) -> str:
    """The address of a GET of this key, for a quarter of an hour; these headers have to be sent with it.

    Without a key it is the bucket that is asked, by an escaped query.

    S3 refuses what isn't signed of its own (``x-amz-…``): ``There were headers present in the request which were not
    signed``.
    """
    queries = [each for each in (query, "x-amz-request-payer=requester" * bucket.requester_pays) if each]
    # Its client writes no port that goes without saying.
    sent = [("Host", URL(bucket.endpoint).host_port_subcomponent or ""), *headers.items()]
    asked = HttpRequest("GET", bucket.path(key) + f"?{'&'.join(queries)}" * bool(queries), HttpHeaders(sent))
    config = AwsSigningConfig(
        algorithm=AwsSigningAlgorithm.V4,
        signature_type=AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS,
        credentials_provider=AwsCredentialsProvider.new_static(
            keys.access_key_id, keys.secret_access_key, keys.session_token
        ),
        region=bucket.region,
        service="s3",
        date=now,
        # S3 takes a path as it is.
        use_double_uri_encode=False,
        should_normalize_uri_path=False,
        signed_body_value=AwsSignedBodyValue.UNSIGNED_PAYLOAD,
        expiration_in_seconds=int(_LIFETIME.total_seconds()),
    )
    # The library has no types. With keys at hand its work is done when it returns.
    signed: HttpRequest = cast("Any", auth).aws_sign_request(asked, config).result(timeout=0)
    return f"{bucket.endpoint}{signed.path}"
