"""Which URLs may be asked.

What is let through is put together again from the parts that were looked at, and that is what is sent: no second parser
can read the URL in another way.
"""

import dataclasses
import re
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

from yarl import URL

from shared.egress.addresses import address_of
from shared.model.datasets import Allowlist, matches_host
from shared.model.errors import UrlRefusedError

_MAX_LENGTH = 8192
_UNFIT = re.compile(r"[\x00-\x20\x7f-\xa0\\\s\ud800-\udfff]")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
# Resolvers take 0x7f.1, 127.1 and 2130706433 for addresses: https://url.spec.whatwg.org/#ends-in-a-number-checker
_NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """What an allowlist says of URLs."""

    allow: Allowlist

    def checked(self, text: str) -> URL:
        """The URL as it may be asked; raises UrlRefusedError."""
        url = _parsed(text)
        host = url.raw_host or ""
        if not _names(host, self.allow.hosts):
            raise UrlRefusedError(f"the host {host!r} isn't in allow.hosts")
        if url.scheme != "https" and not (url.scheme == "http" and _names(host, self.allow.http_hosts)):
            raise UrlRefusedError(f"{host}: {url.scheme!r} instead of https, and the host isn't in allow.http_hosts")
        if url.port not in self.allow.ports:
            raise UrlRefusedError(f"{host}: port {url.port} isn't in allow.ports")
        return url

    def redirected(self, base: URL, location: str) -> URL:
        """Where a redirect leads, if that may be asked; raises UrlRefusedError."""
        _check_characters(location)
        try:
            joined = str(base.join(URL(location, encoded=True)))
        except ValueError:
            raise UrlRefusedError(f"{base.host}: a redirect to a malformed URL") from None
        target = self.checked(joined)
        if base.scheme == "https" and target.scheme != "https":
            raise UrlRefusedError(f"{base.host}: a redirect from https to {target.scheme}")
        return target


def _parsed(text: str) -> URL:
    """The URL without its fragment, its host canonical and the rest as it was written: a signature covers that."""
    _check_characters(text)
    try:
        url = URL(text, encoded=True)
        host, port = _canonical(url.raw_host or ""), url.port
    except ValueError:
        # The parsers' own errors quote what they parsed.
        raise UrlRefusedError("a malformed URL") from None
    if "@" in url.raw_authority or not url.scheme:
        raise UrlRefusedError(f"{host}: a URL with userinfo, or without a scheme")
    authority = f"[{host}]" if ":" in host else host
    # Some signatures cover the Host header, which has no default port.
    shown_port = "" if url.is_default_port() or port is None else f":{port}"
    query = f"?{_quoted(url.raw_query_string)}" if url.raw_query_string else ""
    return URL(f"{url.scheme}://{authority}{shown_port}{_quoted(url.raw_path) or '/'}{query}", encoded=True)


def _check_characters(text: str) -> None:
    if len(text) > _MAX_LENGTH:
        raise UrlRefusedError(f"a URL of more than {_MAX_LENGTH} characters")
    if _UNFIT.search(text):
        raise UrlRefusedError("a URL with spaces, control characters or backslashes")


def _canonical(host: str) -> str:
    """The host in lower case and IDNA, without a final dot; raises ValueError for what is none."""
    if ":" in host:
        return str(IPv6Address(host if "%" not in host else ""))
    encoded = (URL.build(scheme="https", host=host).raw_host or "").removesuffix(".")
    if not _HOST.fullmatch(encoded):
        raise ValueError(encoded)
    return str(IPv4Address(encoded)) if _NUMBER.fullmatch(encoded) else encoded


def _quoted(text: str) -> str:
    return quote(text, safe="%/?:@!$&'()*+,;=~-._[]")


def _names(host: str, patterns: tuple[str, ...]) -> bool:
    """As ``matches_host``, except that an address has to stand there itself."""
    address = address_of(host)
    if address is None:
        return matches_host(host, patterns)
    return any(address_of(each.strip("[]")) == address for each in patterns)
