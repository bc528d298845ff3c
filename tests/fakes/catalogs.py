"""Catalogs in a dictionary."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence

from shared.copying.job import Job
from shared.model.errors import MalformedCatalogError
from shared.model.items import CatalogCollection, CatalogItem, Page
from shared.model.windows import TimeProperty, Window


class MemoryCatalog:
    """A CatalogReader: pages by the token that names them, None for the first."""

    def __init__(self, pages: Mapping[str | None, Page]) -> None:
        self.pages = dict(pages)
        #: What was asked for, in order.
        self.asked: list[tuple[str | None, Window]] = []
        #: Which of the items' times the windows were of.
        self.asked_by: list[TimeProperty] = []
        #: Items that are another thing asked for by name than on their page; None: they are gone.
        self.items: dict[str, CatalogItem | None] = {}
        self.asked_items: list[str] = []
        self.collections: dict[str, CatalogCollection] = {}
        self.asked_collections: list[str] = []
        #: The same as ``errors`` and ``hangs`` for collections.
        self.collection_errors: list[Exception] = []
        self.collection_hangs = False
        #: Raised instead of the next answers, one for each.
        self.errors: list[Exception] = []
        #: Answers never.
        self.hangs = False

    async def page(self, token: str | None, *, window: Window, by: TimeProperty = TimeProperty.DATETIME) -> Page:
        """The page of a token."""
        self.asked.append((token, window))
        self.asked_by.append(by)
        await self._fail()
        if token not in self.pages:
            raise MalformedCatalogError(f"no page is called {token!r}")
        return self.pages[token]

    async def item(self, name: str) -> CatalogItem | None:
        """The item of this name, as the last page has it that has it."""
        self.asked_items.append(name)
        await self._fail()
        listed = {each.item: each for page in self.pages.values() for each in page.items}
        return {**listed, **self.items}.get(name)

    async def collection(self, name: str) -> CatalogCollection | None:
        """The collection of this name."""
        self.asked_collections.append(name)
        if self.collection_hangs:
            await asyncio.Event().wait()
        if self.collection_errors:
            raise self.collection_errors.pop(0)
        return self.collections.get(name)

    async def _fail(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.errors:
            raise self.errors.pop(0)


async def as_before(job: Job) -> Job:
    """``Describing.again`` of a catalog that never has anything new to say."""
    return job


def paged(items: Sequence[CatalogItem], *, size: int) -> dict[str | None, Page]:
    """The pages of a catalog that lists so many items on each; one empty page where there are none."""
    pieces = list(itertools.batched(items, size, strict=False)) or [()]
    tokens: list[str | None] = [None, *(f"page-{number}" for number in range(1, len(pieces))), None]
    return {
        token: Page(items=piece, next_token=following)
        for piece, (token, following) in zip(pieces, itertools.pairwise(tokens), strict=True)
    }
