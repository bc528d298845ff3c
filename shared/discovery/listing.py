"""The pages of a run: each is read from the catalog once, and from then on as it was kept."""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime

from shared.catalogs.reader import CatalogReader
from shared.discovery.capping import Capping
from shared.model.datasets import Dataset
from shared.model.errors import EndlessCatalogError, PermanentError, SourceChangedError, SourceUnavailableError
from shared.model.items import Page, PlannedPage, Refusal
from shared.model.messages import PageRequest
from shared.model.plans import some_refusals
from shared.model.rows import Run
from shared.model.selection import plan_page
from shared.model.windows import TimeProperty, Window
from shared.redaction import told
from shared.requesting import Documents, failure_of
from shared.storage.failures import Failures
from shared.storage.runs import Runs

#: Well under host.json's functionTimeout.
_PAGE_SECONDS = 600
#: Pages without an item, one after another, that are still followed.
_MOST_EMPTY = 1000
#: Windows of a run that can't be split, until no more are: items that last long lie in both halves of every window, and
#: halving those would go on for ever. The run is incomplete with the first one.
_MOST_CAPPED = 8


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Reads pages and keeps them."""

    runs: Runs
    failures: Failures
    documents: Documents
    capping: Capping
    catalog_of: Callable[[Dataset], CatalogReader]
    #: Copy requests that one part of a page may have.
    capacity: int
    clock: Callable[[], datetime]

    async def page(self, request: PageRequest, run: Run, dataset: Dataset) -> PlannedPage:
        """The page as it was kept, or else as the catalog gives it now, kept before anything is sent."""
        place = request.pass_number, request.page
        if kept := await self.runs.page(request.dataset, request.run, place=place):
            return kept
        page = await self._listed(request, run, dataset)
        before = await self._before(request)
        await self._check_end(request, page, before=before)
        planned, refusals = self._planned(request, run, dataset, page=page, before=before)
        if request.is_plan:
            planned = planned.model_copy(update={"refusals": some_refusals(refusals)})
        else:
            await self._record(refusals, run)
            planned = await self.documents.keep(page, planned, refusals=refusals, cause=run.cause)
            planned = await self.capping.cut(request, run, dataset, planned)
        return await self.runs.keep(request.dataset, request.run, place=place, page=planned)

    async def change(self, request: PageRequest, run: Run, dataset: Dataset, *, kept: PlannedPage) -> str | None:
        """Look at a window's last page once more; say what is missing, in words. None: it is all there.

        What came after its items meanwhile is no lack: the next run finds it.
        """
        try:
            page = await self._listed(request, run, dataset)
        except (PermanentError, SourceChangedError) as error:
            return f"its last page can't be read again: {type(error).__name__}: {told(error)}"
        if page.next_token is not None:
            return "its last page has a next one when it is looked at again"
        gone = len(set(kept.listed) - set(page.names))
        return (
            f"{gone} of the {len(kept.listed)} of its last page are gone when it is looked at again" if gone else None
        )

    async def matched(self, run: Run, dataset: Dataset) -> int | None:
        """How many items the catalog states now that there are in all of a run's window."""
        first = PageRequest(dataset=run.dataset, run=run.run, pass_number=run.pass_number)
        return (await self._listed(first, run, dataset)).matched

    async def _record(self, refusals: Sequence[Refusal], run: Run) -> None:
        if refusals:
            now = self.clock()
            await self.failures.record([failure_of(each, cause=run.cause, at=now) for each in refusals])

    async def _listed(self, request: PageRequest, run: Run, dataset: Dataset) -> Page:
        """The page as the catalog gives it; one that trickles must not hold an invocation until the host ends it."""
        window = request.window or run.window
        try:
            async with asyncio.timeout(_PAGE_SECONDS):
                return await self.catalog_of(dataset).page(request.token, window=window, by=run.by)
        except TimeoutError as error:
            raise SourceUnavailableError(f"the catalog gave no whole page within {_PAGE_SECONDS} s") from error

    async def _before(self, request: PageRequest) -> PlannedPage | None:
        """The page before, in the same window; kept pages go away after a month."""
        if request.page == request.window_page:
            return None
        return await self.runs.page(request.dataset, request.run, place=(request.pass_number, request.page - 1))

    async def _check_end(self, request: PageRequest, page: Page, *, before: PlannedPage | None) -> None:
        """Raise EndlessCatalogError once the catalog leads round in a circle, or on and on through nothing.

        As R. P. Brent finds cycles (https://doi.org/10.1007/BF01933190): a page is compared with the last one of its
        window whose number there is a power of two, by its next token and, as tokens may be new each time round, by its
        items. So a circle of any length shows after a few times round, and no list is kept. The page right after that
        one isn't compared by its items: where something new moves all others on, a page of one item comes twice.
        """
        position = request.page - request.window_page
        if page.next_token is None or position == 0:
            return
        mark = 1 << (position.bit_length() - 1)
        marked = None
        if mark != position:
            place = request.pass_number, request.window_page + mark
            marked = await self.runs.page(request.dataset, request.run, place=place)
        is_seen = marked is not None and (
            page.next_token == marked.token
            or (position > mark + 1 and bool(marked.listed) and tuple(page.names) == marked.listed)
        )
        if is_seen or page.next_token == request.token:
            raise EndlessCatalogError(f"after page {request.page} the catalog leads back to a page before")
        if not page.names and _empty_before(before) >= _MOST_EMPTY:
            raise EndlessCatalogError(f"{_MOST_EMPTY} pages before page {request.page} had no items, and it has none")

    def _planned(
        self, request: PageRequest, run: Run, dataset: Dataset, *, page: Page, before: PlannedPage | None
    ) -> tuple[PlannedPage, tuple[Refusal, ...]]:
        listed_before = before.listed_before + len(before.listed) if before else 0
        is_capped = _is_capped(request, page, dataset=dataset, listed=listed_before + len(page.names))
        is_splitting = is_capped and request.capped < _MOST_CAPPED
        parts = _window(request, run, dataset).halves(now=run.began_at) if is_splitting else None
        if parts and page.matched is not None:
            # Its parts list what it would; where nothing is stated, it has been read already.
            page = Page(items=(), next_token=None, matched=page.matched)
        planned, refusals = plan_page(
            page,
            dataset_name=request.dataset,
            dataset=dataset,
            capacity=self.capacity,
            before=before.listed if before else (),
        )
        update = {
            "token": request.token,
            "listed_before": listed_before,
            "empty_before": _empty_before(before),
            "split": parts or (),
            "is_capped": is_capped and not parts,
        }
        return planned.model_copy(update=update), refusals


def _empty_before(before: PlannedPage | None) -> int:
    return 0 if before is None or before.listed else before.empty_before + 1


def _is_capped(request: PageRequest, page: Page, *, dataset: Dataset, listed: int) -> bool:
    """Tell whether the catalog may have more in the window than it lists.

    A window's first page states so many, or so many have come where nothing is stated: exactly the cap looks like it.
    """
    most = dataset.catalog.most_results
    if most == 0:
        return False
    if page.matched is not None:
        return request.page == request.window_page and page.matched >= most
    return page.next_token is None and listed == most


def _window(request: PageRequest, run: Run, dataset: Dataset) -> Window:
    """What is read of the catalog's time: an open window's middle would lie far from all that is selected."""
    window = request.window or run.window
    return window.meet(dataset.select.window) if run.by is TimeProperty.DATETIME else window
