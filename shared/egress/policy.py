"""The one object that says where a dataset's requests may go.

It is asked for every URL and every redirect, and its addresses for every answer of a resolver and every socket.
"""

import functools
import re
from collections.abc import Mapping

from yarl import URL

from shared.egress.addresses import Addresses, address_of
from shared.egress.urls import canonical_host, joined, parsed, put_together
from shared.model.datasets import Allowlist, matches_host
from shared.model.errors import UrlRefusedError

#: Origins whose judgement is remembered: a dataset's files lie on a few hosts.
_ORIGINS = 256
# The parsers take a port by int(), which also reads +443 and 4_43.
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(:[0-9]*)?")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_BREAKS_LINE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
#: Where a request goes and where it ends is the client's to say: another Host would be another site at that address.
_FRAMING = frozenset(
    {
        *("host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade"),
        *("expect", "proxy-authorization", "proxy-connection"),
    }
)


class Policy:
    """What one allowlist lets through. Immutable: made once, and asked for each request."""

    def __init__(self, allow: Allowlist) -> None:
        self._allow = allow
        self.addresses = Addresses.within(allow.private_networks)
        self._origin = functools.lru_cache(maxsize=_ORIGINS)(self._judged)

    def checked(self, text: str) -> URL:
        """The URL as it may be asked; raises UrlRefusedError."""
        url = parsed(text)
        return put_together(self._origin(url.scheme, url.raw_authority), url)

    def redirected(self, base: URL, location: str) -> URL:
        """Where a redirect leads, if that may be asked; raises UrlRefusedError."""
        target = self.checked(joined(base, location))
        if base.scheme == "https" and target.scheme != "https":
            raise UrlRefusedError(f"{base.host}: a redirect from https to {target.scheme}")
        return target

    def _judged(self, scheme: str, authority: str) -> str:
        """An origin as it may be asked, from the only parts of a URL that say where it leads."""
        if "@" in authority or not scheme:
            raise UrlRefusedError("a URL with userinfo, or without a scheme")
        if not _AUTHORITY.fullmatch(authority):
            raise UrlRefusedError("a URL with a malformed host or port")
        try:
            url = URL(f"{scheme}://{authority}/", encoded=True)
            host, port = canonical_host(url.raw_host or ""), url.port
        except ValueError:
            raise UrlRefusedError("a URL with a malformed host or port") from None
        if not names_host(host, self._allow.hosts):
            raise UrlRefusedError(f"the host {host!r} isn't in allow.hosts")
        if scheme != "https" and not (scheme == "http" and names_host(host, self._allow.http_hosts)):
            raise UrlRefusedError(f"{host}: {scheme!r} instead of https, and the host isn't in allow.http_hosts")
        if port not in self._allow.ports:
            raise UrlRefusedError(f"{host}: port {port} isn't in allow.ports")
        # Some signatures cover the Host header, which has no default port.
        shown_port = "" if url.is_default_port() else f":{port}"
        return f"{scheme}://[{host}]{shown_port}" if ":" in host else f"{scheme}://{host}{shown_port}"


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise UrlRefusedError for a header that breaks out of its line, or that leads the request elsewhere."""
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or name.lower() in _FRAMING or _BREAKS_LINE.search(value):
            raise UrlRefusedError(f"the header {name!r} isn't one that may be sent")


def names_host(host: str, patterns: tuple[str, ...]) -> bool:
    """As ``matches_host``, except that an address has to stand there itself."""
    address = address_of(host)
    if address is None:
        return matches_host(host, patterns)
    return any(address_of(each.strip("[]")) == address for each in patterns)
