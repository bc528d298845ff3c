"""A catalog that changes while it is read, and lists no more than it can."""

import dataclasses
from collections.abc import Callable
from datetime import datetime

from shared.model.errors import TokenRefusedError
from shared.model.items import CatalogItem, Page
from shared.model.windows import TimeProperty, Window


@dataclasses.dataclass(kw_only=True)
class LiveCatalog:
    """A CatalogReader that searches its items anew for each page, and counts off those of the pages before it."""

    #: In the order in which it lists them.
    listed: list[CatalogItem]
    page_size: int
    #: Whether it says how many items there are.
    states: bool = True
    #: So many items of a search are all that it lists or states.
    cap: int | None = None
    #: Called before each page, with the number of pages before it.
    meanwhile: Callable[[int], None] = lambda _: None
    #: What was asked for, in order.
    asked: list[tuple[str | None, Window]] = dataclasses.field(default_factory=list[tuple[str | None, Window]])
    #: Tokens that it doesn't know any more.
    expired: set[str] = dataclasses.field(default_factory=set[str])

    async def page(self, token: str | None, *, window: Window, by: TimeProperty = TimeProperty.DATETIME) -> Page:
        """See ``CatalogReader``; a token says how many items come before its page."""
        del by
        self.meanwhile(len(self.asked))
        self.asked.append((token, window))
        if token in self.expired:
            raise TokenRefusedError("stac.example.org answered 400 to a next link of its own")
        found = [each for each in self.listed if _lies_in(window, each.datetime)][: self.cap]
        first = int(token or 0)
        end = first + self.page_size
        return Page(
            items=tuple(found[first:end]),
            next_token=str(end) if end < len(found) else None,
            matched=len(found) if self.states else None,
        )

    async def item(self, name: str) -> CatalogItem | None:
        """See ``CatalogReader``."""
        return next((each for each in self.listed if each.item == name), None)

    async def collection(self, name: str) -> None:
        """See ``CatalogReader``."""
        del name


def _lies_in(window: Window, moment: datetime | None) -> bool:
    """A search of all times finds what has none, too."""
    return window.interval is None or (moment is not None and window.holds(moment))
