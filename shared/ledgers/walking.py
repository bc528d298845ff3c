"""A run's kept pages, one after the other."""

import dataclasses
import itertools
from collections.abc import AsyncIterator

from shared.model.assets import Asset
from shared.model.causes import Cause
from shared.model.items import PlannedPage
from shared.requesting import copy_requests
from shared.storage.answers import each_of
from shared.storage.runs import Runs


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeptPage:
    """A page, and which of its assets were asked for."""

    place: tuple[int, int]
    page: PlannedPage
    #: In the order of its requests.
    asked: tuple[Asset, ...]
    not_asked: tuple[Asset, ...]
    #: Whether all that it asks for was sent, and what follows it.
    is_done: bool


@dataclasses.dataclass(slots=True)
class Walk:
    """Goes through a pass; what it has met so far is counted."""

    runs: Runs
    cause: Cause
    pass_number: int
    pages: int = 0
    #: Pages that were discovered, and aren't kept any more.
    gone: int = 0
    refused_items: int = 0
    #: Windows of the catalog that were begun or are to be, and haven't been read to their end.
    open_windows: int = 1
    #: Why the run ended before its catalog did: its dataset's caps.
    capped_because: str | None = None
    is_all_done: bool = True

    async def kept(self) -> AsyncIterator[KeptPage]:
        """Every page that is kept, in order. Raises StorageFailedError."""
        numbers = itertools.count()
        while True:
            place = (self.pass_number, next(numbers))
            page = await self.runs.page(self.cause.dataset, self.cause.name, place=place)
            if page is not None:
                kept = await self._kept(place, page)
                self._count(kept)
                yield kept
            elif await self.runs.part(self.cause.dataset, self.cause.name, place=(*place, 0)) is None:
                return
            else:
                self.gone += 1

    async def _kept(self, place: tuple[int, int], page: PlannedPage) -> KeptPage:
        """A part's counts are written once its requests were sent."""
        requests = copy_requests(self.cause, page)
        numbers = range(max(1, -(-len(requests) // page.cut.requests)))
        dataset, run = self.cause.dataset, self.cause.name
        parts = await each_of(numbers, lambda part: self.runs.part(dataset, run, place=(*place, part)))
        was_sent = {number for number, part in zip(numbers, parts, strict=True) if part is not None}
        asked: list[Asset] = []
        others: list[Asset] = []
        end = page.end.before if page.end else None
        for number, request in enumerate(requests):
            for asset in request.assets:
                is_within = end is None or len(asked) + len(others) < end
                is_asked = is_within and number // page.cut.requests in was_sent
                (asked if is_asked else others).append(asset)
        # The parts that lie beyond the caps never come.
        is_done = all(part is not None and part.done for part in parts) if end is None else True
        return KeptPage(place=place, page=page, asked=tuple(asked), not_asked=tuple(others), is_done=is_done)

    def _count(self, kept: KeptPage) -> None:
        page = kept.page
        self.pages += 1
        self.refused_items += page.refused
        self.is_all_done &= kept.is_done
        self.capped_because = page.end.because if page.end else self.capped_because
        self.open_windows += len(page.split) - (page.next_token is None)
