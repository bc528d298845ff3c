"""Catalogs in a dictionary."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence

from shared.model.errors import MalformedCatalogError
from shared.model.items import CatalogItem, Page
from shared.model.windows import Window


class MemoryCatalog:
    """A CatalogReader: pages by the token that names them, None for the first."""

    def __init__(self, pages: Mapping[str | None, Page]) -> None:
        self.pages = dict(pages)
        #: What was asked for, in order.
        self.asked: list[tuple[str | None, Window]] = []
        #: Raised instead of the next answers, one for each.
        self.errors: list[Exception] = []
        #: Answers never.
        self.hangs = False

    async def page(self, token: str | None, *, window: Window) -> Page:
        """The page of a token."""
        self.asked.append((token, window))
        if self.hangs:
            await asyncio.Event().wait()
        if self.errors:
            raise self.errors.pop(0)
        if token not in self.pages:
            raise MalformedCatalogError(f"no page is called {token!r}")
        return self.pages[token]


def paged(items: Sequence[CatalogItem], *, size: int) -> dict[str | None, Page]:
    """The pages of a catalog that lists so many items on each; one empty page where there are none."""
    pieces = list(itertools.batched(items, size, strict=False)) or [()]
    tokens: list[str | None] = [None, *(f"page-{number}" for number in range(1, len(pieces))), None]
    return {
        token: Page(items=piece, next_token=following)
        for piece, (token, following) in zip(pieces, itertools.pairwise(tokens), strict=True)
    }
