"""Addresses of assets: without their signatures, since no secret rests."""

from urllib.parse import SplitResult, unquote_plus, urlsplit, urlunsplit

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


def host_of(href: str) -> str:
    """The host of an href in lower case, or an empty string."""
    try:
        return (urlsplit(href).hostname or "").lower()
    except ValueError:
        return ""


def _unsigned_query(query: str) -> str:
    pairs = {pair: unquote_plus(pair.partition("=")[0]).lower() for pair in query.split("&")}
    signs = _SECRET.union(
        _SAS if "sig" in pairs.values() else (), _WITH_SIGNATURE if "signature" in pairs.values() else ()
    )
    kept = [
        pair for pair in query.split("&") if pairs[pair] not in signs and not pairs[pair].startswith(_SECRET_PREFIXES)
    ]
    return "&".join(kept)
