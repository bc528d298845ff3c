"""A dataset's catalog from its beginning to its end, read and named as a run does, without a run.

What a run leaves to its queue is done here: a page that fails is read again a few times.
"""

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from shared.catalogs.reader import CatalogReader
from shared.model.datasets import Dataset
from shared.model.errors import (
    DeferredError,
    EndlessCatalogError,
    Fate,
    PermanentError,
    SourceChangedError,
    SourceUnavailableError,
    TokenRefusedError,
    fate_of,
)
from shared.model.items import Page, PlannedPage, Refusal
from shared.model.selection import plan_page
from shared.model.windows import TimeProperty, Window
from shared.redaction import told

logger = logging.getLogger(__name__)

_PAGE_SECONDS = 600
#: How often a page is asked for, and the longest wait in between.
_TRIES = 4
_LONGEST_WAIT = timedelta(minutes=2)
#: Windows that can't be split, until no more are: items that last long lie in both halves of every window.
_MOST_CAPPED = 8


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """A page, what is selected of it, and what can't be asked for."""

    page: Page
    planned: PlannedPage
    refusals: Sequence[Refusal]


class Walk:
    """One way through a catalog."""

    def __init__(
        self,
        catalog: CatalogReader,
        *,
        dataset_name: str,
        dataset: Dataset,
        now: datetime,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._catalog = catalog
        self._dataset_name = dataset_name
        self._dataset = dataset
        self._now = now
        self._sleep = sleep
        self._windows: list[Window] = []
        self._capped = 0
        #: Why not all of the catalog was listed; None while nothing is known to be missing.
        self.broken: str | None = None

    async def pages(self) -> AsyncIterator[Walked]:
        """All pages; those of a window that is split, and of its parts, list the same items.

        A page that can't ever be read ends it, and ``broken`` says why. Raises SourceChangedError and TokenRefusedError
        where it has to begin anew, and what still fails after a few tries.
        """
        self._windows = [Window()]
        while self._windows:
            try:
                async for page in self._window(self._windows.pop()):
                    yield self._walked(page)
            except (SourceChangedError, TokenRefusedError):
                raise
            except PermanentError as error:
                self.broken = f"{type(error).__name__}: {told(error)}"
                return

    async def _window(self, window: Window) -> AsyncIterator[Page]:
        """The pages of a window. A circle shows as R. P. Brent finds cycles.

        A token is compared with the one before, and with the last one whose number is a power of two.
        """
        listed, number = 0, 0
        token: str | None = None
        mark: str | None = None
        while True:
            page = await self._page(token, window=window)
            listed += len(page.names)
            number += 1
            if self._is_capped(page, number=number, listed=listed) and self._split(window) and page.matched is not None:
                # Its parts list what it would.
                return
            yield page
            if page.next_token is None:
                return
            if page.next_token in {token, mark}:
                raise EndlessCatalogError(f"after page {number} the catalog leads back to a page before")
            token = page.next_token
            if number & (number - 1) == 0:
                mark = token

    def _is_capped(self, page: Page, *, number: int, listed: int) -> bool:
        """Tell whether the catalog may have more in a window than it lists, as discovery does."""
        most = self._dataset.catalog.most_results
        if most == 0:
            return False
        if page.matched is not None:
            return number == 1 and page.matched >= most
        return page.next_token is None and listed == most

    def _split(self, window: Window) -> bool:
        """Read the parts of a window next; tell whether it has any."""
        within = self._dataset.select.window.meet(window)
        parts = within.halves(now=self._now) if self._capped < _MOST_CAPPED else None
        if parts is None:
            self._capped += 1
            self.broken = f"the catalog lists no more than {self._dataset.catalog.most_results} items of a window"
            return False
        self._windows.extend(reversed(parts))
        return True

    async def _page(self, token: str | None, *, window: Window) -> Page:
        for tried in range(1, _TRIES):
            try:
                return await self._asked(token, window=window)
            except Exception as error:
                if fate_of(error) is Fate.POISON or isinstance(error, SourceChangedError):
                    raise
                extra = {"action": "census_page_again", "dataset": self._dataset_name, "error": told(error)}
                logger.warning("page of a catalog is read again", extra=extra)
                await self._sleep(_wait(error, tried=tried).total_seconds())
        return await self._asked(token, window=window)

    async def _asked(self, token: str | None, *, window: Window) -> Page:
        try:
            async with asyncio.timeout(_PAGE_SECONDS):
                return await self._catalog.page(token, window=window, by=TimeProperty.DATETIME)
        except TimeoutError as error:
            raise SourceUnavailableError(f"the catalog gave no whole page within {_PAGE_SECONDS} s") from error

    def _walked(self, page: Page) -> Walked:
        planned, refusals = plan_page(page, dataset_name=self._dataset_name, dataset=self._dataset, capacity=1)
        return Walked(page=page, planned=planned, refusals=refusals)


def _wait(error: Exception, *, tried: int) -> timedelta:
    asked = error.retry_after if isinstance(error, DeferredError) else None
    return min(asked or timedelta(seconds=2**tried), _LONGEST_WAIT)
