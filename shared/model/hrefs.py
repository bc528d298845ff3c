"""Addresses of assets: without their signatures, since no secret rests."""

import dataclasses
import re
from typing import Self
from urllib.parse import SplitResult, unquote_plus, urljoin, urlsplit, urlunsplit

from shared.model.errors import UrlRefusedError

# Azure SAS (https://learn.microsoft.com/rest/api/storageservices/create-service-sas), AWS and Google V4 signatures,
# CloudFront and AWS V2 signed URLs.
_SAS = frozenset(
    {
        *("sv", "ss", "srt", "sr", "sp", "st", "se", "spr", "sip", "sig", "skoid", "sktid", "skt", "ske", "sks", "skv"),
        *("saoid", "suoid", "scid", "sdd", "ses", "rscc", "rscd", "rsce", "rscl", "rsct"),
    }
)
_WITH_SIGNATURE = frozenset({"signature", "expires", "policy"})
_SECRET = frozenset(
    {
        *("signature", "key-pair-id", "awsaccesskeyid", "googleaccessid"),
        *("access_token", "token", "apikey", "api_key", "subscription-key"),
    }
)
_SECRET_PREFIXES = ("x-amz-", "x-goog-")

_S3_BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_GOOGLE_BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
# https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftstorage
_ACCOUNT_AND_CONTAINER = re.compile(r"[a-z0-9]{3,24}/(?=.{3,63}$)([a-z0-9]+(-[a-z0-9]+)*|\$root|\$web)")
_BUCKETS = {"s3": _S3_BUCKET, "gs": _GOOGLE_BUCKET, "az": _ACCOUNT_AND_CONTAINER}
_UNFIT_KEY = re.compile(r"[\x00-\x1f\x7f?#]")
_LONGEST_KEY = 1024


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ObjectAddress:
    """What an address of an object store names; ``az`` has account and container as its bucket."""

    #: s3, gs or az.
    scheme: str
    bucket: str
    #: As it is, without escapes.
    key: str

    @classmethod
    def read(cls, href: str) -> Self | None:
        """Read ``s3://bucket/key``, ``gs://bucket/key``, ``az://account/container/key``; None for another scheme.

        Raises ValueError where bucket or key can't be one. Empty parts, ``.`` and ``..`` between the slashes of a key
        are refused, and so are ``?`` and ``#``: other programs take what follows them for no part of the key.
        """
        scheme, found, rest = href.partition("://")
        scheme = scheme.lower()
        if not found or scheme not in _BUCKETS:
            return None
        parts = rest.split("/", 2 if scheme == "az" else 1)
        bucket, key = "/".join(parts[:-1]), parts[-1]
        _check_bucket(bucket, scheme=scheme)
        _check_key(key)
        return cls(scheme=scheme, bucket=bucket, key=key)

    @classmethod
    def read_prefix(cls, href: str) -> Self:
        """Read a bucket, or a prefix of keys in it: ``s3://bucket``, ``s3://bucket/``, ``s3://bucket/a/b`` or ``…/a/``.

        Raises ValueError for another scheme, and for what no key begins with that ``read`` takes.
        """
        scheme, _, rest = href.partition("://")
        if scheme not in _BUCKETS:
            raise ValueError("it is neither s3:// nor gs:// nor az://")
        names = 2 if scheme == "az" else 1
        parts = rest.split("/", names)
        bucket, key = "/".join(parts[:names]), "".join(parts[names:])
        _check_bucket(bucket, scheme=scheme)
        if key:
            _check_key(key.removesuffix("/"))
        return cls(scheme=scheme, bucket=bucket, key=key)


def store_address(href: str) -> ObjectAddress | None:
    """As ``ObjectAddress.read``, where an asset is to be asked for: raises UrlRefusedError for what can't be."""
    try:
        return ObjectAddress.read(href)
    except ValueError as error:
        raise UrlRefusedError(f"the href can't be asked for: {error}") from error


def _check_bucket(bucket: str, *, scheme: str) -> None:
    if not _BUCKETS[scheme].fullmatch(bucket):
        form = "az://account/container/key" if scheme == "az" else f"{scheme}://bucket/key"
        raise ValueError(f"it isn't {form} with the names that such a store has")


def _check_key(key: str) -> None:
    if not {"", ".", ".."}.isdisjoint(key.split("/")) or len(key.encode()) > _LONGEST_KEY:
        raise ValueError("a key has no empty part, no . and no .. between its slashes, and at most 1024 bytes")
    if _UNFIT_KEY.search(key):
        raise ValueError("a key with control characters, ? or # can't be asked for")


def unsigned(href: str) -> str:
    """The href without userinfo, fragment and whatever signs it; other query parameters stay as they are written.

    Raises ValueError for what is no address (``https://[``).
    """
    parts = urlsplit(href)
    if not parts.query and not parts.fragment and "@" not in parts.netloc:
        return href
    return urlunsplit(
        SplitResult(parts.scheme, parts.netloc.rpartition("@")[2], parts.path, _unsigned_query(parts.query), "")
    )


def joined(base: str, href: str) -> str:
    """The href as seen from the base, also from an object store's address; raises ValueError for what is no address."""
    scheme, found, rest = base.partition("://")
    if not found or scheme.lower() not in _BUCKETS:
        return urljoin(base, href)
    # urljoin knows relative references of the web's schemes only.
    resolved = urljoin(f"https://{rest}", href)
    return f"{scheme}://{resolved.removeprefix('https://')}" if _is_relative(href) else resolved


def host_of(href: str) -> str:
    """The host of an href in lower case, or an empty string; of an object store's address its bucket or account."""
    try:
        return (urlsplit(href).hostname or "").lower()
    except ValueError:
        return ""


def _is_relative(href: str) -> bool:
    parts = urlsplit(href)
    return not parts.scheme and not parts.netloc


def _unsigned_query(query: str) -> str:
    pairs = {pair: unquote_plus(pair.partition("=")[0]).lower() for pair in query.split("&")}
    signs = _SECRET.union(
        _SAS if "sig" in pairs.values() else (), _WITH_SIGNATURE if "signature" in pairs.values() else ()
    )
    kept = [
        pair for pair in query.split("&") if pairs[pair] not in signs and not pairs[pair].startswith(_SECRET_PREFIXES)
    ]
    return "&".join(kept)
