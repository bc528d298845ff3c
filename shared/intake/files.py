"""A file that was written to a place which its dataset watches, as an item."""

import dataclasses
from datetime import datetime

from shared.intake.event import IGNORED, Content
from shared.model.datasets import Dataset
from shared.model.errors import UrlRefusedError
from shared.model.events import Events
from shared.model.hrefs import store_address
from shared.model.items import CatalogAsset


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Whose events are read, and when that is."""

    dataset: Dataset
    events: Events
    now: datetime

    def file(self, href: str, *, size: int | None, written_at: datetime | None) -> Content:
        """The item of a file; nothing where the dataset's catalog wouldn't list it.

        A time that is still to come is none: nothing that is written until then would count as newer.
        """
        try:
            store_address(href)
        except UrlRefusedError as error:
            return Content.refused(error, name=href)
        updated = written_at if written_at is not None and written_at <= self.now else None
        item = self.dataset.catalog.item_of(CatalogAsset(key=href, href=href, size=size, updated=updated))
        return IGNORED if item is None else Content(items=(item,))
