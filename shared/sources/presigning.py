"""Signed addresses of S3's kind, by obstore: it computes and sends nothing.

What it would take from the environment (``AWS_ENDPOINT_URL``, ``AWS_SESSION_TOKEN``) is stated here, each of it: an
endpoint comes from datasets.toml alone, and a key from the setting that it names.
"""

import dataclasses
from datetime import timedelta
from functools import lru_cache

import obstore
from obstore.store import S3Store

#: A redelivery or another range is signed anew; this has to last until an answer begins.
_LIFETIME = timedelta(minutes=15)
#: To make a store takes milliseconds.
_STORES = 64


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


def presigned(bucket: Bucket, key: str, *, keys: Keys) -> str:
    """The address of a GET of this key, for a quarter of an hour."""
    return obstore.sign(_store(bucket, keys), "GET", key, _LIFETIME)


@lru_cache(maxsize=_STORES)
def _store(bucket: Bucket, keys: Keys) -> S3Store:
    return S3Store(
        bucket.name,
        endpoint=bucket.endpoint,
        # Where the environment has one of this name, it beats the other.
        aws_endpoint_url_s3=bucket.endpoint,
        region=bucket.region,
        virtual_hosted_style_request=bucket.own_host,
        request_payer=bucket.requester_pays,
        skip_signature=False,
        s3_express=False,
        credential_provider=lambda: {
            "access_key_id": keys.access_key_id,
            "secret_access_key": keys.secret_access_key,
            "token": keys.session_token,
            "expires_at": None,
        },
        # Which scheme may be asked is egress's to say.
        client_options={"allow_http": True},
    )
