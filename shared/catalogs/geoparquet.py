"""A table in Parquet: stac-geoparquet, a row an item, or any table with a column of addresses, a row a file.

Nothing is read whole: only the footer, and of a row group the columns that are wanted. A token says which row group and
row a page begins with, and which version of the file that is: all of a run is of one.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, override

from pydantic import Field, JsonValue

from shared.catalogs.geoparquet_items import FileField, Table, table_of
from shared.catalogs.geoparquet_pages import Place, Rows, Standing, fill
from shared.catalogs.json_text import parse_json
from shared.catalogs.kind import CatalogKind, Ways
from shared.catalogs.manifest_bytes import FileUrl
from shared.catalogs.parquet_bytes import RangedFile, ReadPart, read_by_scheme
from shared.catalogs.parquet_footer import Footer, read_footer
from shared.catalogs.parquet_rows import Row, read_rows
from shared.catalogs.reader import CatalogReader
from shared.catalogs.tokens import Token
from shared.model.access import Source
from shared.model.datasets import Dataset, Selection
from shared.model.errors import MalformedCatalogError, WindowError
from shared.model.items import CatalogCollection, CatalogItem, Page
from shared.model.windows import TimeProperty, Window

#: Row groups that are read for one item that is asked for by its name.
_MOST_SEARCHED = 4
#: One a process: a reader is made anew for each page.
_STANDING = Standing()


class GeoparquetCatalog(CatalogKind, frozen=True):
    """A table in Parquet: stac-geoparquet, or any with a column of addresses."""

    kind: Literal["geoparquet"]
    url: FileUrl
    """https://…, blob://container/name in the data account, or file:path within the app's folder."""
    columns: Mapping[FileField, str] = {}
    """Of a table that isn't stac-geoparquet: which of its columns is the url, size, md5, sha256, checksum, item,
    destination or media_type; those that are called so needn't be named. Windows are of datetime and updated, where
    these are named here."""
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Rows a page; it ends with its row group at the latest."""

    @property
    @override
    def has_times(self) -> bool:
        """What a table without named columns has, only its reader can tell."""
        return not self.columns or not self.columns.keys().isdisjoint({"datetime", "updated"})

    @override
    def check(self, *, source: Source, publishes: bool) -> None:
        if publishes:
            raise ValueError("publish: a table hasn't all that is said of an item; leave it out")

    @override
    def check_incremental(self, by: TimeProperty) -> None:
        if self.columns and by.value not in self.columns:
            raise ValueError(f"incremental: say in columns which one is {by.value}, or leave it out")

    @override
    def reader(self, dataset: Dataset, ways: Ways) -> CatalogReader:
        part = read_by_scheme(self.url, ways, allow=dataset.allow)
        return Geoparquet(self, select=dataset.select, part=part, standing=_STANDING)


class Geoparquet:
    """A CatalogReader of a table; a row that is no item or file is refused and stops nothing else."""

    def __init__(self, catalog: GeoparquetCatalog, *, select: Selection, part: ReadPart, standing: Standing) -> None:
        """``standing``: what this process knows of the page before; a new one knows nothing."""
        self._catalog = catalog
        self._select = select
        self._part = part
        self._standing = standing

    async def page(self, token: str | None, *, window: Window, by: TimeProperty = TimeProperty.DATETIME) -> Page:
        """See ``CatalogReader``; raises SourceChangedError where the table isn't the one that the run began with."""
        position = _Position() if token is None else _Position.decode(token)
        if window.is_empty:
            return Page(items=(), next_token=None)
        file = await RangedFile.opened(self._catalog.url, self._part, version=position.version)
        kept = self._standing.take(file)
        footer = kept.footer if kept else await read_footer(file)
        table = self._table(footer)
        if window.interval is not None and by not in table.times:
            message = f"the table has no {by.value} times: a run reads all of it, or the catalog's columns name them"
            raise WindowError(message, field="window")
        rows = Rows(table, footer, window=window, by=by, address=self._catalog.url, most=self._catalog.page_size)
        begins = Place(group=position.group, row=position.row)
        after = await fill(rows, file, begins=begins, kept=kept)
        if after is not None:
            self._standing.leave(file, after)
        return Page(
            items=tuple(rows.items),
            refusals=tuple(rows.refusals),
            next_token=None if after is None else _Position.of(after.place, version=file.version).encode(),
            matched=footer.rows if table.is_of_items and window.interval is None else None,
        )

    async def item(self, name: str) -> CatalogItem | None:
        """See ``CatalogReader``; None as well where the footer doesn't tell in which few row groups it may be."""
        file = await RangedFile.opened(self._catalog.url, self._part, version=None)
        footer = await read_footer(file)
        table = self._table(footer)
        leaf = footer.leaves.get("id")
        if not table.is_of_items or leaf is None:
            return None
        ids = {name, name.partition("/")[2]}
        groups = [each for each in range(len(footer.groups)) if _may_have(ids, footer.bounds(each, leaf))]
        for group in groups if len(groups) <= _MOST_SEARCHED else ():
            rows = await read_rows(file, footer, group=group, leaves=table.leaves, first=0)
            found = await asyncio.to_thread(_searched, rows, ids, table=table, name=name, address=self._catalog.url)
            if found is not None:
                return found
        return None

    async def collection(self, name: str) -> CatalogCollection | None:
        """See ``CatalogReader``; the footer may have it."""
        footer = await read_footer(await RangedFile.opened(self._catalog.url, self._part, version=None))
        document = _collections(footer).get(name)
        return None if document is None else CatalogCollection(document=document, address=self._catalog.url)

    def _table(self, footer: Footer) -> Table:
        return table_of(footer, columns=self._catalog.columns, select=self._select)


class _Position(Token):
    """Where a page begins."""

    of_what: ClassVar[str] = "a table"

    group: Annotated[int, Field(ge=0)] = 0
    #: Of the row group, from 0.
    row: Annotated[int, Field(ge=0)] = 0
    version: str | None = None

    @classmethod
    def of(cls, place: Place, *, version: str) -> Self:
        return cls(group=place.group, row=place.row, version=version)


def _may_have(ids: Collection[str], bounds: tuple[Any, Any] | None) -> bool:
    """Bytes of UTF-8 are ordered as its characters are."""
    if bounds is None or not isinstance(bounds[0], bytes):
        return True
    return any(bounds[0] <= each.encode() <= bounds[1] for each in ids)


def _searched(
    rows: Iterable[Row], ids: Collection[str], *, table: Table, name: str, address: str
) -> CatalogItem | None:
    found = (table.found(row, name=name, address=address).item for row in rows if row.get("id") in ids)
    return next((each for each in found if each is not None and each.item == name), None)


def _collections(footer: Footer) -> Mapping[str, Mapping[str, JsonValue]]:
    """The collections that a footer holds: one, or several by their ids; a newer writer has several."""
    try:
        said = parse_json(footer.texts.get("stac-geoparquet", "{}").encode())
    except ValueError as error:
        raise MalformedCatalogError(f"{footer.place}: stac-geoparquet in its footer is no JSON: {error}") from error
    if not isinstance(said, dict):
        return {}
    several, one = said.get("collections"), said.get("collection")
    named = [*(several.values() if isinstance(several, dict) else ()), one]
    return {str(each["id"]): each for each in named if isinstance(each, dict) and "id" in each}
