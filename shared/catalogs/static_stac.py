"""A static STAC: documents on a web server that link each other, without an API that could be asked.

From a catalog or a collection its links ``child``, ``items`` (to an item collection) and ``item`` are followed, as
they are seen from where each document is. A document in the middle that can't be read ends the run, as nobody knows
what it would list; an item that can't be read is refused. Nothing can be asked of such a catalog: a run reads all of
it, and of items outside its window it takes no assets, so that they count as filtered.
"""

import asyncio
import dataclasses
import itertools
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, override

from pydantic import Field

from shared.catalogs.http import read_document
from shared.catalogs.kind import CatalogKind, Ways
from shared.catalogs.reader import CatalogReader, PagesOnly
from shared.catalogs.stac_items import read_item
from shared.catalogs.static_documents import Listed, parsed, read_node
from shared.catalogs.tree import Entries, Leaf, Tree
from shared.egress import Http
from shared.model.datasets import Allowlist, Dataset
from shared.model.errors import (
    MalformedCatalogError,
    PermanentError,
    WindowError,
)
from shared.model.items import CatalogItem, Page, Refusal
from shared.model.windows import TimeProperty, Window

_ACCEPT = "application/geo+json, application/json;q=0.9, */*;q=0.1"
_MAX_NODE_BYTES = 16 * 1024 * 1024
_MAX_ITEM_BYTES = 4 * 1024 * 1024
#: All items of a page, which are in memory at once.
_MAX_PAGE_BYTES = 64 * 1024 * 1024
#: Items that are asked for at once.
_AT_ONCE = 8

type _Read = tuple[CatalogItem | None, tuple[Refusal, ...]]


class StaticStacCatalog(CatalogKind, frozen=True):
    """STAC documents without an API: a catalog or a collection, and what its links lead to."""

    template: ClassVar[str] = "{dataset}/{item}/{key}/{file}"
    has_collections: ClassVar[bool] = True

    kind: Literal["static_stac"]
    url: Annotated[str, Field(pattern=r"^https?://")]
    """The address of a catalog.json or a collection.json."""
    page_size: Annotated[int, Field(ge=1, le=1000)] = 100
    """Items a page; each is a request."""

    @property
    @override
    def has_times(self) -> bool:
        return True

    @override
    def reader(self, dataset: Dataset, ways: Ways) -> CatalogReader:
        return StaticStac(self, allow=dataset.allow, http=ways.http)


class StaticStac(PagesOnly):
    """A CatalogReader of a static STAC."""

    def __init__(self, catalog: StaticStacCatalog, *, allow: Allowlist, http: Http) -> None:
        self._allow = allow
        self._http = http
        self._tree = Tree(catalog.url, page_size=catalog.page_size, read=self._node)

    async def page(self, token: str | None, *, window: Window, by: TimeProperty = TimeProperty.DATETIME) -> Page:
        """See ``CatalogReader``; a page can have no items and a next one all the same."""
        if by is not TimeProperty.DATETIME and window.interval is not None:
            raise WindowError(f"a static STAC can't be asked for items by {by.value}", field="window")
        if window.is_empty:
            return Page(items=(), next_token=None)
        leaves, next_token = await self._tree.page(token)
        items: list[CatalogItem] = []
        refusals: list[Refusal] = []
        for item, refused in await self._items(leaves):
            if item is None or window.holds(item.datetime):
                refusals += refused
            if item is not None:
                items.append(item if window.holds(item.datetime) else dataclasses.replace(item, assets=()))
        return Page(items=tuple(items), refusals=tuple(refusals), next_token=next_token)

    async def _node(self, address: str) -> Entries[Listed]:
        body, where = await self._asked(address, limit=_MAX_NODE_BYTES)
        # A large document takes a moment to parse, and copies share the event loop.
        return await asyncio.to_thread(read_node, body, address=where)

    async def _items(self, leaves: Sequence[Leaf[Listed]]) -> list[_Read]:
        """The items, some asked for at once."""
        found: list[_Read] = []
        size = 0
        for some in itertools.batched(leaves, _AT_ONCE, strict=False):
            for length, read in await self._together(some):
                found.append(read)
                size += length
            if size > _MAX_PAGE_BYTES:
                raise MalformedCatalogError(f"more than {_MAX_PAGE_BYTES} bytes of items: page_size has to be smaller")
        return found

    async def _together(self, leaves: Sequence[Leaf[Listed]]) -> list[tuple[int, _Read]]:
        """Ask for all at once; raises the first error alone."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._item(each.content)) for each in leaves]
        except ExceptionGroup as failed:
            first = failed.exceptions[0]
        else:
            return [each.result() for each in tasks]
        raise first

    async def _item(self, listed: Listed) -> tuple[int, _Read]:
        """Read an item of so many bytes; what can't ever be read is refused, anything else that fails is raised."""
        if listed.href is None:
            return 0, read_item(listed.document, address=listed.address, name=listed.name)
        try:
            body, where = await self._asked(listed.href, limit=_MAX_ITEM_BYTES)
            document = parsed(body, place=listed.name)
        except PermanentError as error:
            return 0, (None, (Refusal.of(error, item=listed.name, key=""),))
        return len(body), read_item(document, address=where, name=listed.name)

    async def _asked(self, address: str, *, limit: int) -> tuple[bytes, str]:
        return await read_document(self._http, address, allow=self._allow, accept=_ACCEPT, limit=limit)
