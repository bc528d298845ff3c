"""Directories as web servers list them: Apache's mod_autoindex, nginx' autoindex, Caddy's browse.

Such a page says which names a directory has, and of sizes and times nothing that can be relied on. A directory that
shows a page of its own instead of its list can't be told from one: what it links right below itself is taken.
"""

import asyncio
import functools
from collections.abc import Iterable
from typing import Annotated, Literal, override
from urllib.parse import unquote, urlsplit

from pydantic import Field

from shared.catalogs.http import read_document
from shared.catalogs.index_html import Link, links_of, readable
from shared.catalogs.kind import CatalogKind, Ways
from shared.catalogs.reader import CatalogReader, PagesOnly
from shared.catalogs.tree import Entries, Leaf, Node, Tree
from shared.egress import Http, Reply, check_status
from shared.model.datasets import Allowlist, Dataset, Selection
from shared.model.errors import MalformedCatalogError, WindowError
from shared.model.hrefs import host_of, unsigned
from shared.model.items import CatalogAsset, CatalogItem, Page
from shared.model.selection import is_selected_by_key
from shared.model.windows import TimeProperty, Window
from shared.redaction import redacted

_MAX_BYTES = 8 * 1024 * 1024
_HTML = frozenset({"text/html", "application/xhtml+xml"})


class HttpIndexCatalog(CatalogKind, frozen=True):
    """A directory as Apache, nginx or Caddy lists it, with all directories below it."""

    kind: Literal["http_index"]
    url: Annotated[str, Field(pattern=r"^https?://[^?#]+/$")]
    """The directory's address; it ends in a slash."""
    patterns: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] = ("*",)
    """Paths of files below the directory, such as 2024/*.tif, with * and ? (a slash is a character as any other);
    others are as good as not there."""
    exclude: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Paths that are left out; a directory whose path (it ends in a slash) is among them isn't asked for."""
    item: Literal["asset", "folder"] = "asset"
    """How files belong together: each is an item (asset), or those of one directory are (folder)."""
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Files a page; a directory that is an item stands on one page, whatever it has."""

    @override
    def reader(self, dataset: Dataset, ways: Ways) -> CatalogReader:
        return HttpIndex(self, allow=dataset.allow, http=ways.http)


class HttpIndex(PagesOnly):
    """A CatalogReader of a directory and of those below it; directories come in the order in which they are listed."""

    def __init__(self, catalog: HttpIndexCatalog, *, allow: Allowlist, http: Http) -> None:
        self._catalog = catalog
        self._allow = allow
        self._http = http
        self._depth = urlsplit(catalog.url).path.count("/")
        self._files = Selection(include=catalog.patterns, exclude=catalog.exclude)
        self._folders = Selection(exclude=catalog.exclude)
        self._tree = Tree(catalog.url, page_size=catalog.page_size, read=self._node)

    async def page(self, token: str | None, *, window: Window, by: TimeProperty = TimeProperty.DATETIME) -> Page:
        """See ``CatalogReader``; a page can have no items and a next one all the same."""
        del by
        if window.interval is not None:
            raise WindowError("a directory's list has no times: a run reads all of it", field="window")
        leaves, next_token = await self._tree.page(token)
        return Page(items=tuple(each.content for each in leaves), next_token=next_token)

    async def _node(self, address: str) -> Entries[CatalogItem]:
        check = functools.partial(_check, address=address)
        body, where = await read_document(
            self._http, address, allow=self._allow, accept="text/html", limit=_MAX_BYTES, check=check
        )
        # A long list takes a second, and copies share the event loop.
        return await asyncio.to_thread(self._entries, body, address=where)

    def _entries(self, body: bytes, *, address: str) -> Entries[CatalogItem]:
        links = [each for each in links_of(body, address=address) if self._is_wanted(each)]
        if self._catalog.item == "asset":
            return [Node(address=each.address) if each.is_folder else _file(each) for each in links]
        nodes = [Node(address=each.address) for each in links if each.is_folder]
        files = [each for each in links if not each.is_folder]
        return [self._folder(files, address=address), *nodes] if files else nodes

    def _is_wanted(self, link: Link) -> bool:
        return is_selected_by_key(self._below(link.address), select=self._folders if link.is_folder else self._files)

    def _below(self, address: str) -> str:
        """The path below the top, as people write it."""
        return readable(urlsplit(address).path.split("/", self._depth)[-1])

    def _folder(self, files: Iterable[Link], *, address: str) -> Leaf[CatalogItem]:
        assets = tuple(CatalogAsset(key=each.name, href=each.address) for each in files)
        name = f"/{self._below(address)}"
        return Leaf(address="#", content=CatalogItem(item=name, id=name, assets=assets), weight=len(assets))


def _file(link: Link) -> Leaf[CatalogItem]:
    asset = CatalogAsset(key=link.address, href=link.address)
    return Leaf(address=link.address, content=CatalogItem(item=asset.key, id=asset.key, assets=(asset,)))


def _check(reply: Reply, *, address: str) -> None:
    """Raise what a status means, and MalformedCatalogError for what is no list of this directory."""
    check_status(reply)
    place = redacted(unsigned(address))
    media_type = reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type not in _HTML:
        raise MalformedCatalogError(f"{place} is no directory's list in HTML, found {media_type[:80]!r}")
    if _where(reply.url) != _where(address):
        # What that page lists isn't below this one: all of it would be left out without a word.
        raise MalformedCatalogError(f"{place} leads to {redacted(unsigned(reply.url))}; that has to be the address")


def _where(address: str) -> tuple[str, str]:
    return host_of(address), unquote(urlsplit(address).path)
