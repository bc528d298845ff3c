"""What every kind of catalog can do."""

from typing import Protocol

from shared.model.items import CatalogCollection, CatalogItem, Page
from shared.model.windows import TimeProperty, Window


class CatalogReader(Protocol):
    """A dataset's catalog, page by page."""

    async def page(self, token: str | None, *, window: Window, by: TimeProperty = TimeProperty.DATETIME) -> Page:
        """Read the page that a token names; None: the first. ``by`` says which of the items' times the window is of.

        The same token gives the same page while the catalog doesn't change. Raises MalformedCatalogError for what is no
        page of this kind, TokenRefusedError or SourceChangedError for a token that can't be used any more, WindowError
        where the catalog has no times and the window isn't open, and the errors of ``egress``.
        """
        ...

    async def item(self, name: str) -> CatalogItem | None:
        """Read one item anew, as it is described now; ``name`` is what a page calls it (``CatalogItem.item``).

        None where there is no such item, and where the catalog has no address for it. Raises MalformedCatalogError for
        what isn't this item, and the errors of ``egress``.
        """
        ...

    async def collection(self, name: str) -> CatalogCollection | None:
        """Read what the catalog says of a collection.

        None where it says nothing. Raises MalformedCatalogError for what isn't this collection, and the errors of
        ``egress``.
        """
        ...


class PagesOnly:
    """The part of a CatalogReader that can't be asked for anything by its name."""

    async def item(self, name: str) -> None:
        """See ``CatalogReader``; what an item is called doesn't tell where it is."""

    async def collection(self, name: str) -> None:
        """See ``CatalogReader``; there are no collections, or what one is called doesn't tell where it is."""
