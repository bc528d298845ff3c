"""What the rows of a table are: items of STAC, or files.

https://github.com/stac-utils/stac-geoparquet/blob/main/spec/stac-geoparquet-spec.md::

    id, collection, datetime, start_datetime, created, updated, published
    bbox {xmin, ymin, xmax, ymax}   links [{rel, href}]
    assets {B04 {href, type, "file:size", "file:checksum"}, thumbnail {href, ...}}

Any other table has a column ``url`` or ``href``, and those that a manifest's lines have.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, cast

from pydantic import JsonValue, TypeAdapter, ValidationError

from shared.catalogs.json_text import explained
from shared.catalogs.manifest_lines import Entry
from shared.catalogs.parquet_footer import Footer, Leaf, arrow
from shared.catalogs.parquet_rows import Row
from shared.catalogs.stac_items import read_item
from shared.model.datasets import Selection
from shared.model.errors import MalformedCatalogError
from shared.model.items import CatalogItem, Refusal
from shared.model.selection import is_selected_by_key
from shared.model.times import WrittenTime
from shared.model.windows import TimeProperty

#: What a table's columns may be, by the names of a manifest's, and the time that files have been taken at.
type FileField = Literal[
    "url",
    "size",
    "md5",
    "sha256",
    "crc64nvme",
    "crc32c",
    "crc32",
    "checksum",
    "destination",
    "item",
    "updated",
    "media_type",
    "datetime",
]

_DIGEST_BYTES = {"md5": 16, "sha256": 32, "crc64nvme": 8, "crc32c": 4, "crc32": 4}
_STAC = ("id", "collection", "datetime", "start_datetime", "created", "updated", "published")
_PROPERTIES = frozenset(_STAC[2:])
_ASSET = ("href", "type", "file:size", "file:checksum", "updated")
#: In two dimensions, and in three.
_BBOXES = (("xmin", "ymin", "xmax", "ymax"), ("xmin", "ymin", "zmin", "xmax", "ymax", "zmax"))
_TIME: TypeAdapter[datetime] = TypeAdapter(WrittenTime)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a row is."""

    item: CatalogItem | None = None
    refusals: tuple[Refusal, ...] = ()


class Table(Protocol):
    """How the rows of a table are to be read; ``table_of`` tells."""

    @property
    def leaves(self) -> Sequence[Leaf]:
        """The columns that are read."""
        ...

    @property
    def times(self) -> Mapping[TimeProperty, Leaf]:
        """The columns of times that windows can be of."""
        ...

    @property
    def is_of_items(self) -> bool:
        """Whether each row is an item."""
        ...

    def found(self, row: Row, *, name: str, address: str) -> Found:
        """What a row is; ``name`` is what it is called if it has no name, ``address`` where the table is."""
        ...


def table_of(footer: Footer, *, columns: Mapping[FileField, str], select: Selection) -> Table:
    """Tell items from files, and choose what is read of them; raises MalformedCatalogError."""
    names: list[str] = footer.schema.names
    if not columns and {"id", "assets"} <= set(names):
        return _stac(footer, select=select)
    stated = {name: name for name in (*Entry.model_fields, "datetime") if name in names}
    if "href" in names:
        stated.setdefault("url", "href")
    chosen: dict[str, Leaf] = {}
    for name, column in {**stated, **columns}.items():
        leaf = footer.leaves.get(column) if column in names else None
        if leaf is not None and not leaf.is_repeated:
            chosen[name] = leaf
        elif name in columns:
            raise MalformedCatalogError(f"{footer.place}: columns.{name}: {column!r} is no column; {_known(names)}")
    if "url" not in chosen:
        raise MalformedCatalogError(
            f"{footer.place} has neither id and assets, as stac-geoparquet has, nor url or href; {_known(names)};"
            " say in columns which one is the url"
        )
    times = {by: chosen[by.value] for by in (TimeProperty.DATETIME, TimeProperty.UPDATED) if by.value in columns}
    return _Files(columns=chosen, times=times)


def moment_of(row: Row, item: CatalogItem, *, by: TimeProperty, table: Table) -> datetime | None:
    """The time of a row that a window is of; raises MalformedCatalogError for what can't be read."""
    if by is TimeProperty.DATETIME:
        return item.datetime
    value = _text(row.get(table.times[by].path))
    try:
        return None if value is None else _TIME.validate_python(value)
    except ValidationError as error:
        raise MalformedCatalogError(f"{by.value}: {explained(error)}") from error


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Items:
    """A table whose rows are STAC items."""

    leaves: Sequence[Leaf]
    times: Mapping[TimeProperty, Leaf]
    is_of_items: bool = True

    def found(self, row: Row, *, name: str, address: str) -> Found:
        """Read a row as the item of a search."""
        written: Row = _text(row)
        bbox: Row = written.get("bbox", {})
        assets: Row = written.get("assets", {})
        feature: dict[str, JsonValue] = {
            **{each: written[each] for each in ("id", "collection") if each in written},
            "bbox": [bbox.get(each) for each in _BBOXES[1] if each in bbox] or None,
            "properties": {each: written[each] for each in _PROPERTIES & written.keys()},
            "links": written.get("links"),
            "assets": {key: _sized(each) for key, each in assets.items()},
        }
        item, refusals = read_item(feature, address=address, name=name)
        # A row hasn't all that was said of the item: it is no document to be published.
        return Found(item=item and dataclasses.replace(item, document=None, address=""), refusals=refusals)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """A table whose rows are files."""

    columns: Mapping[str, Leaf]
    times: Mapping[TimeProperty, Leaf]
    is_of_items: bool = False

    @property
    def leaves(self) -> Sequence[Leaf]:
        """One each, also where two names are of one column."""
        return list({each.path: each for each in self.columns.values()}.values())

    def found(self, row: Row, *, name: str, address: str) -> Found:
        """Read a row as a manifest's line."""
        del address
        values = {each: _digest(row.get(leaf.path), name=each) for each, leaf in self.columns.items()}
        moment = values.pop("datetime", None)
        try:
            entry = Entry.model_validate(values)
            taken = _TIME.validate_python(moment) if moment and TimeProperty.DATETIME in self.times else None
        except ValidationError as error:
            refused = MalformedCatalogError(explained(error))
            return Found(refusals=(Refusal.of(refused, item=name, key=name),))
        asset = entry.asset
        item = entry.item or asset.key
        return Found(item=CatalogItem(item=item, id=item, datetime=taken, assets=(asset,)))


def _stac(footer: Footer, *, select: Selection) -> Table:
    assets = footer.schema.field("assets").type
    if not arrow().types.is_struct(assets):
        raise MalformedCatalogError(f"{footer.place}, column assets: it has to be a struct of assets, and is {assets}")
    keys = [assets.field(each).name for each in range(assets.num_fields)]
    selected = [each for each in keys if is_selected_by_key(each, select=select)]
    wanted = [*_STAC, *(f"assets.{key}.{each}" for key in selected for each in _ASSET)]
    known = footer.leaves
    found = [known[each] for each in wanted if each in known and not known[each].is_repeated]
    bbox = [known[each] for each in (f"bbox.{name}" for name in _BBOXES[1]) if each in known]
    if "bbox" in footer.schema.names and {each.path.removeprefix("bbox.") for each in bbox} not in map(set, _BBOXES):
        raise MalformedCatalogError(f"{footer.place}, column bbox: it has to be a struct of {', '.join(_BBOXES[0])}")
    # What a list's elements are called differs by writer.
    links = [
        each
        for path, each in known.items()
        if path.startswith("links.") and each.is_repeated and path.rpartition(".")[2] in {"rel", "href"}
    ]
    times = {by: known[by.value] for by in TimeProperty if by.value in known}
    return _Items(leaves=[*found, *bbox, *links], times=times)


def _text(value: Any) -> Any:
    """Text where its writer didn't say that it is text."""
    match value:
        case bytes():
            return value.decode(errors="replace")
        case dict():
            return {name: _text(each) for name, each in cast("Row", value).items()}
        case list():
            return [_text(each) for each in cast("list[Any]", value)]
        case _:
            return value


def _sized(asset: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """An asset whose size is a whole number, as it is a float where a library had to write that others have none."""
    size = asset.get("file:size")
    return {**asset, "file:size": int(size)} if isinstance(size, float) and size.is_integer() else asset


def _digest(value: Any, *, name: str) -> Any:
    """A digest's bytes in hex; all else as text."""
    if isinstance(value, bytes) and len(value) == _DIGEST_BYTES.get(name):
        return value.hex()
    return int(value) if isinstance(value, float) and value.is_integer() else _text(value)


def _known(names: Sequence[str]) -> str:
    return f"its columns are {', '.join(names[:50])}"
