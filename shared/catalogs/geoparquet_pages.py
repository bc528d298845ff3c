"""A page of a table: from where it begins, row by row, to where it is full."""

import asyncio
import dataclasses
from collections.abc import Iterator
from typing import Any, cast

from shared.catalogs.geoparquet_items import Table, moment_of
from shared.catalogs.parquet_bytes import RangedFile
from shared.catalogs.parquet_footer import Footer
from shared.catalogs.parquet_rows import Row, read_rows, times_of
from shared.model.errors import MalformedCatalogError
from shared.model.items import CatalogItem, Refusal
from shared.model.windows import TimeProperty, Window

#: All texts of a page, each counted as often as it stands there: the row that has the last of them ends it.
_MAX_PAGE_CHARACTERS = 32 * 1024 * 1024
_MAX_ROW_CHARACTERS = 1024 * 1024
#: What is read for one page while nothing of it is wanted: row groups, and rows.
_MOST_GROUPS = 50
_MOST_ROWS = 100_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a reader stands in a file."""

    group: int
    #: Of the row group, from 0.
    row: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Where the reading of a file stands."""

    place: Place
    footer: Footer
    #: The columns that are read.
    paths: tuple[str, ...]
    #: The rows from there to the row group's end; None at its beginning, when it hasn't been read.
    rows: Iterator[Row] | None


class Standing:
    """Where a process' last page ended, so that the next one needn't read its row group anew: at most one file's."""

    def __init__(self) -> None:
        self._kept: tuple[str, str, Reading] | None = None

    def take(self, file: RangedFile) -> Reading | None:
        """What is known of this version of a file, which is the caller's alone from now on; else it is forgotten."""
        kept, self._kept = self._kept, None
        return kept[2] if kept and kept[:2] == (file.place, file.version) else None

    def leave(self, file: RangedFile, reading: Reading) -> None:
        """Leave what the next page goes on with."""
        self._kept = file.place, file.version, reading


class Rows:
    """Takes in what is wanted of rows."""

    def __init__(
        self, table: Table, footer: Footer, *, window: Window, by: TimeProperty, address: str, most: int
    ) -> None:
        self.table = table
        self.footer = footer
        self.items: list[CatalogItem] = []
        self.refusals: list[Refusal] = []
        self._window = window
        self._by = by
        self._address = address
        self._most = most
        self._names: set[str] = set()
        self._characters = 0
        self._passed = 0

    @property
    def is_full(self) -> bool:
        """Whether the page has all that it may have."""
        wanted = len(self.items) + len(self.refusals)
        return wanted >= self._most or self._characters >= _MAX_PAGE_CHARACTERS or self._passed >= _MOST_ROWS

    @property
    def is_empty(self) -> bool:
        """Whether nothing was wanted so far."""
        return not self.items and not self.refusals

    def may_want(self, group: int) -> bool:
        """Tell whether a row group may have what is wanted."""
        if self._window.interval is None:
            return True
        times = times_of(self.footer, group=group, leaf=self.table.times[self._by])
        return times is None or not times.meet(self._window).is_empty

    def take(self, rows: Iterator[Row], place: Place) -> int:
        """Take rows in until the page is full; returns how many, of those that follow this place."""
        before = sum(self.footer.groups[: place.group]) + place.row
        taken = 0
        for row in rows:
            taken += 1
            self._add(row, name=f"row {before + taken} of {self.footer.place}")
            if self.is_full:
                break
        return taken

    def _add(self, row: Row, *, name: str) -> None:
        self._passed += 1
        characters = _characters(row)
        self._characters += characters
        if characters > _MAX_ROW_CHARACTERS:
            self._refuse(f"a row of {characters} characters, and {_MAX_ROW_CHARACTERS} it may have", name=name)
            return
        found = self.table.found(row, name=name, address=self._address)
        item = found.item
        if item is not None and self._window.interval is not None:
            try:
                if not self._window.holds(moment_of(row, item, by=self._by, table=self.table)):
                    return
            except MalformedCatalogError as error:
                self._refuse(str(error), name=item.item)
                return
        self.refusals += found.refusals
        if item is not None and self.table.is_of_items and item.item in self._names:
            # Counts say how many rows there are: one of them mustn't get lost in another.
            self._refuse(f"the item {item.item} stands in the table twice", name=name)
        elif item is not None:
            self._names.add(item.item)
            self.items.append(item)

    def _refuse(self, message: str, *, name: str) -> None:
        self.refusals.append(Refusal.of(MalformedCatalogError(message), item=name, key=name))


async def fill(rows: Rows, file: RangedFile, *, begins: Place, kept: Reading | None) -> Reading | None:
    """Fill a page from a place on; returns where the next one begins, None where nothing follows that may be wanted.

    One row group at most has what is wanted of it on a page.
    """
    footer, leaves = rows.footer, rows.table.leaves
    paths = tuple(each.path for each in leaves)
    read = 0
    for group in range(begins.group, len(footer.groups)):
        place = begins if group == begins.group else Place(group=group, row=0)
        if place.row >= footer.groups[group] or not rows.may_want(group):
            continue
        if read == _MOST_GROUPS or rows.is_full or not rows.is_empty:
            return Reading(place=place, footer=footer, paths=paths, rows=None)
        following = kept.rows if kept and (kept.place, kept.paths) == (place, paths) else None
        if following is None:
            following = await read_rows(file, footer, group=group, leaves=leaves, first=place.row)
        row = place.row + await asyncio.to_thread(rows.take, following, place)
        if row < footer.groups[group]:
            return Reading(place=Place(group=group, row=row), footer=footer, paths=paths, rows=following)
        read += 1
    return None


def _characters(value: Any) -> int:
    match value:
        case str() | bytes():
            return len(value)
        case dict():
            return sum(map(_characters, cast("Row", value).values()))
        case list():
            return sum(map(_characters, cast("list[Any]", value)))
        case _:
            return 1
