"""The names in a directory, from the page on which a web server lists them.

Apache, nginx and Caddy link each name, a directory's with a slash at its end::

    <a href="../">../</a>  <a href="2024/">2024/</a>  <a href="b%20&amp;%20c.tif">b &amp; c.tif</a>
    <a href="?C=N;O=D">Name</a>  <a href="./a:b.tif">a:b.tif</a>  <a href="https://caddyserver.com">Caddy</a>
"""

import dataclasses
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import override
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from shared.model.hrefs import joined

# Each tag is parsed by itself: HTMLParser takes half a minute for 60 KB of tags that don't end
# (https://github.com/python/cpython/issues/135462).
_TAG = re.compile(rb"<[aA][\t\n\f\r /][^<>]{1,4096}>")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A name in a directory."""

    address: str
    #: As people write it.
    name: str
    is_folder: bool


def links_of(body: bytes, *, address: str) -> list[Link]:
    """The names that the page at an address lists, each once, in its order.

    What doesn't lie right below that address (a link that sorts, or that leads up, deeper or elsewhere) is no name.
    """
    base = urlsplit(address)
    links = (_below(href, base=base) for href in _hrefs(body))
    return list(dict.fromkeys(each for each in links if each is not None))


def readable(path: str) -> str:
    """A part of a path without its escapes; one that isn't UTF-8 as it is, for two of them must not become one."""
    try:
        return unquote(path, errors="strict")
    except UnicodeDecodeError:
        return path


def _hrefs(body: bytes) -> Iterator[str]:
    for tag in _TAG.findall(body):
        anchor = _Anchor()
        anchor.feed(tag.decode("utf-8", "replace"))
        if anchor.href:
            yield anchor.href


class _Anchor(HTMLParser):
    """One tag."""

    href: str | None = None

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.href = dict(attrs).get("href")


def _below(href: str, *, base: SplitResult) -> Link | None:
    """The name that an href stands for; None if it is none of this directory."""
    try:
        parts = urlsplit(joined(base.geturl(), href.strip()))
    except ValueError:
        return None
    path = parts.path.removeprefix(base.path)
    name = readable(path.removesuffix("/"))
    if (parts.scheme, parts.netloc) != (base.scheme, base.netloc) or parts.query or parts.fragment:
        return None
    # What lies elsewhere has kept its first slash.
    if "/" in name or name in {"", ".", ".."}:
        return None
    return Link(address=urlunsplit(parts), name=name, is_folder=path.endswith("/"))
