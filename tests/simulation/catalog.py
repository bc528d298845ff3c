"""The catalog: it describes files as they are when it is asked for one, and a little later on its pages."""

import dataclasses
from collections.abc import Callable
from typing import override

from shared.model.items import CatalogItem, Page
from shared.model.windows import TimeProperty, Window
from tests.fakes.catalogs import MemoryCatalog
from tests.simulation.scenario import Scenario, items_of


class LateCatalog(MemoryCatalog):
    """The catalog of a scenario."""

    def __init__(self, scenario: Scenario, *, now: Callable[[], float]) -> None:
        super().__init__(scenario.pages)
        self._scenario = scenario
        self._now = now

    @override
    async def page(self, token: str | None, *, window: Window, by: TimeProperty = TimeProperty.DATETIME) -> Page:
        page = await super().page(token, window=window, by=by)
        items = [self._described(each, is_late=True) for each in page.items]
        turned = len(self.asked) % len(items) if self._scenario.shuffles and items else 0
        return dataclasses.replace(page, items=(*items[turned:], *items[:turned]))

    @override
    async def item(self, name: str) -> CatalogItem | None:
        item = await super().item(name)
        return None if item is None else self._described(item, is_late=False)

    def _described(self, item: CatalogItem, *, is_late: bool) -> CatalogItem:
        files = self._scenario.items[item.item]
        if not any(each.states_checksum and each.changes_at for each in files):
            return item
        late = max(each.late for each in files) if is_late else 0.0
        (described,) = items_of(files, now=self._now() - late, with_documents=item.document is not None)
        return described
