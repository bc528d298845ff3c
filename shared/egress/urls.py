"""URLs, read once: what is sent is put together again from the parts that were looked at here.

So no second parser can read a URL in another way.
"""

import re
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

from yarl import URL

from shared.model.errors import UrlRefusedError

_MAX_LENGTH = 8192
_UNFIT = re.compile(r"[\x00-\x20\x7f-\xa0\\\s\ud800-\udfff]")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
# Another name in IDNA 2008 than in IDNA 2003: https://www.unicode.org/reports/tr46/#Deviations
_DEVIANT = re.compile(r"[\xdf\u1e9e\u03c2\u200c\u200d]")
# Resolvers take 0x7f.1, 127.1 and 2130706433 for addresses: https://url.spec.whatwg.org/#ends-in-a-number-checker
_NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")


def parsed(text: str) -> URL:
    """Take a URL apart, or a reference to one; raises UrlRefusedError for what parsers disagree about."""
    if len(text) > _MAX_LENGTH:
        raise UrlRefusedError(f"a URL of more than {_MAX_LENGTH} characters")
    if _UNFIT.search(text):
        raise UrlRefusedError("a URL with spaces, control characters or backslashes")
    try:
        return URL(text, encoded=True)
    except (ValueError, IndexError):
        # The parser's own errors quote what it parsed; https://[a]@/ is an IndexError.
        raise UrlRefusedError("a malformed URL") from None


def joined(base: URL, reference: str) -> str:
    """Where a reference leads from a URL; raises UrlRefusedError."""
    try:
        return str(base.join(parsed(reference)))
    except ValueError:
        raise UrlRefusedError("a malformed URL") from None


def put_together(origin: str, url: URL) -> URL:
    """A URL at an origin, without fragment, and the rest as it was written: a signature covers that."""
    query = f"?{_quoted(url.raw_query_string)}" if url.raw_query_string else ""
    return URL(f"{origin}{_quoted(url.raw_path) or '/'}{query}", encoded=True)


def canonical_host(host: str) -> str:
    """The host in lower case and IDNA, without a final dot; raises ValueError for what is none."""
    if ":" in host:
        return str(IPv6Address(host if "%" not in host else ""))
    if _DEVIANT.search(host):
        raise ValueError(host)
    encoded = (URL.build(scheme="https", host=host).raw_host or "").removesuffix(".")
    if not _HOST.fullmatch(encoded):
        raise ValueError(encoded)
    return str(IPv4Address(encoded)) if _NUMBER.fullmatch(encoded) else encoded


def _quoted(text: str) -> str:
    return quote(text, safe="%/?:@!$&'()*+,;=~-._[]")
