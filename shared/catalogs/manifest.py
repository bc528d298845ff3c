"""A manifest: a list of files, one a line, read from where the page before ended.

A token says where a page begins (bytes and lines before it), what the first line said of the others, and which version
of the manifest that was: an offset into another version would begin in the middle of a line.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, ClassVar, Literal, override

from pydantic import Field

from shared.catalogs.kind import CatalogKind, Ways
from shared.catalogs.manifest_bytes import FileUrl, Opened, OpenManifest, open_by_scheme, open_file, open_web
from shared.catalogs.manifest_lines import Entry, Layout, Line, ManifestFormat, split_lines, text_of
from shared.catalogs.reader import CatalogReader, PagesOnly
from shared.catalogs.tokens import Token
from shared.model.datasets import Dataset
from shared.model.errors import MalformedCatalogError, SourceChangedError, WindowError
from shared.model.hrefs import unsigned
from shared.model.items import CatalogAsset, CatalogItem, Page, Refusal
from shared.model.windows import TimeProperty, Window
from shared.redaction import redacted

#: Lines that a page has beyond its size, so that an item whose lines stand together stands on one page.
_MOST_MORE = 10_000


class ManifestCatalog(CatalogKind, frozen=True):
    """A list of files: TSV, CSV or NDJSON, one line a file."""

    kind: Literal["manifest"]
    url: FileUrl
    """https://…, blob://container/name in the data account, or file:path within the app's folder."""
    format: ManifestFormat = ManifestFormat.AUTO
    """How its lines are written."""
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Lines a page."""

    @override
    def check_incremental(self, by: TimeProperty) -> None:
        raise ValueError("incremental: a manifest has no times; leave it out")

    @override
    def reader(self, dataset: Dataset, ways: Ways) -> CatalogReader:
        web = open_web(ways.http, allow=dataset.allow)
        return Manifest(self, open_manifest=open_by_scheme(web=web, blob=ways.open_blob, file=open_file(ways.root)))


class Manifest(PagesOnly):
    """A CatalogReader of a manifest; a line that names no file is refused and stops nothing else."""

    def __init__(self, catalog: ManifestCatalog, *, open_manifest: OpenManifest) -> None:
        self._catalog = catalog
        self._open = open_manifest

    async def page(self, token: str | None, *, window: Window, by: TimeProperty = TimeProperty.DATETIME) -> Page:
        """See ``CatalogReader``; raises SourceChangedError where the manifest isn't the one that the run began with."""
        del by
        if window.interval is not None:
            raise WindowError("a manifest has no times: a run reads all of it", field="window")
        position = _Position() if token is None else _Position.decode(token)
        async with self._open(self._catalog.url, position.offset) as opened:
            if token is not None and opened.version != position.version:
                raise SourceChangedError("the manifest has changed since this run began to read it")
            return await self._read(opened, position)

    async def _read(self, opened: Opened, position: "_Position") -> Page:
        found = _Found(place=redacted(unsigned(self._catalog.url)), layout=position.layout)
        lines = split_lines(opened.chunks, number=position.line, offset=position.offset)
        async with contextlib.aclosing(lines):
            following = await self._take(lines, found)
        if following is None:
            return found.page(next_token=None)
        after = _Position(offset=following.offset, line=following.number, version=opened.version, layout=found.layout)
        return found.page(next_token=after.encode())

    async def _take(self, lines: AsyncIterator[Line], found: "_Found") -> Line | None:
        """Take a page of lines in, and what more lines its last item has; returns the line after, if there is one."""
        async for line in lines:
            more = found.count - self._catalog.page_size
            if more >= _MOST_MORE or (more >= 0 and not found.is_of_last_item(line)):
                return line
            found.take(line, catalog=self._catalog)
        return None


class _Position(Token):
    """Where a page begins."""

    of_what: ClassVar[str] = "a manifest"

    offset: Annotated[int, Field(ge=0)] = 0
    #: The number of its first line.
    line: Annotated[int, Field(ge=1)] = 1
    version: str | None = None
    layout: Layout | None = None


class _Found:
    """What the lines of one page come to."""

    def __init__(self, *, place: str, layout: Layout | None) -> None:
        self.layout = layout
        #: Lines that name a file, or should.
        self.count = 0
        self._place = place
        self._items: dict[str, list[CatalogAsset]] = {}
        self._refusals: list[Refusal] = []
        self._last_item: str | None = None

    def take(self, line: Line, *, catalog: ManifestCatalog) -> None:
        """Take a line in: a file, a line of names, a comment, or something to refuse."""
        try:
            text = text_of(line)
            layout = self._layout_of(text, catalog=catalog) if text is not None else None
            if text is None or layout is None:
                return
            self._add(layout.entry(text))
        except MalformedCatalogError as error:
            name = f"line {line.number} of {self._place}"
            self._refusals.append(Refusal.of(error, item=name, key=name))
        self.count += 1

    def is_of_last_item(self, line: Line) -> bool:
        """Tell whether a line names one more file of the item of the line before it; comments may stand between."""
        try:
            text = text_of(line)
            item = self.layout.entry(text).item if text is not None and self.layout is not None else self._last_item
        except MalformedCatalogError:
            return False
        return item is not None and item == self._last_item

    def page(self, *, next_token: str | None) -> Page:
        """All of it, as a page."""
        items = tuple(CatalogItem(item=name, id=name, assets=tuple(assets)) for name, assets in self._items.items())
        return Page(items=items, refusals=tuple(self._refusals), next_token=next_token)

    def _layout_of(self, text: str, *, catalog: ManifestCatalog) -> Layout | None:
        """How a line is written that names a file; None for the line that names the columns."""
        if self.layout is not None:
            return self.layout
        self.layout, names_columns = Layout.of(text, url=catalog.url, stated=catalog.format)
        return None if names_columns else self.layout

    def _add(self, entry: Entry) -> None:
        asset = entry.asset
        self._last_item = entry.item
        self._items.setdefault(entry.item or asset.key, []).append(asset)
