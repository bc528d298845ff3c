"""What every kind of catalog can do."""

from typing import Protocol

from shared.model.items import Page
from shared.model.windows import Window


class CatalogReader(Protocol):
    """A dataset's catalog, page by page."""

    async def page(self, token: str | None, *, window: Window) -> Page:
        """Read the page that a token names; None: the first.

        The same token gives the same page while the catalog doesn't change. Raises MalformedCatalogError for what is no
        page of this kind, WindowError where the catalog has no times and the window isn't open, and the errors of
        ``egress``.
        """
        ...
