"""What a Parquet file says of itself at its end: which columns it has, and where their parts are.

https://parquet.apache.org/docs/file-format: ``PAR1``, row groups, the footer, its length in four bytes, ``PAR1``. A row
group has a chunk of each column. The footer is read here first: a footer that lacks something, pyarrow takes so badly
that it ends the process.
"""

import asyncio
import dataclasses
import importlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.catalogs.parquet_bytes import RangedFile, Span
from shared.catalogs.parquet_thrift import Fields, Shape, number, read_struct, structs, text
from shared.model.errors import MalformedCatalogError

_MAGIC = b"PAR1"
_ENCRYPTED = b"PARE"
_ENDING_BYTES = 8
#: Of most files the whole footer.
_TAIL_BYTES = 64 * 1024
_MAX_FOOTER_BYTES = 16 * 1024 * 1024
#: No text and no list in the footer is longer, and no column deeper.
_MAX_TEXT_BYTES = 8 * 1024 * 1024
_MAX_ENTRIES = 1_000_000
_MAX_DEPTH = 32
_BYTE_ARRAY, _INT64, _INT64_BYTES, _REPEATED = 6, 2, 8, 2
#: What is read of it (https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).
_SHAPE: Shape = {
    #: Columns: type, repetition, name, how many there are in it.
    2: {1: None, 3: None, 4: None, 5: None},
    3: None,
    #: Row groups: columns (file, metadata: values, packed bytes, places, bounds), rows.
    4: {1: {1: None, 3: {5: None, 7: None, 9: None, 11: None, 12: {3: None, 5: None, 6: None}}}, 3: None},
    5: {1: None, 2: None},
}
#: Some writers of old count a chunk's length without its first header, which has so many bytes at most.
_UNCOUNTED_BYTES = 100


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A column that has values, as opposed to one that has columns."""

    #: Names joined by dots.
    path: str
    index: int
    type: int
    is_repeated: bool

    @property
    def is_text(self) -> bool:
        """Whether its values are bytes of any length."""
        return self.type == _BYTE_ARRAY


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The part of a leaf that stands in a row group."""

    leaf: Leaf
    span: Span
    values: int


class Footer:
    """Tells of a file; raises ValueError for what can't be so of all of it, MalformedCatalogError for a part of it."""

    def __init__(self, said: Fields, *, place: str, data_ends: int, library: Any = None) -> None:
        self.place = place
        #: What pyarrow knows of the file, to read it by.
        self.library = library
        self._data_ends = data_ends
        leaves = list(_leaves(structs(said, 2)))
        self.leaves = {each.path: each for each in leaves}
        if len(self.leaves) != len(leaves):
            raise ValueError("two of its columns have one name")
        groups = structs(said, 4)
        #: Rows of each row group.
        self.groups = tuple(number(each, 3) for each in groups)
        self.rows = number(said, 3)
        if sum(self.groups) != self.rows:
            raise ValueError(f"its row groups have {sum(self.groups)} rows, and it has {self.rows}")
        self._columns = [structs(each, 1) for each in groups]
        if any(
            len(each) != len(leaves) or not all(isinstance(one.get(3), dict) for one in each) for each in self._columns
        ):
            raise ValueError("a row group doesn't say of each column where it is")
        texts = structs(said, 5) if 5 in said else []  # noqa: PLR2004 - the field of these
        #: What its writer says of it beside that, by name.
        self.texts = {text(each, 1): text(each, 2, default="") for each in texts}

    @property
    def schema(self) -> Any:
        """The names of columns, and of those in them, with their types; pyarrow's."""
        return self.library.schema_arrow

    def chunk(self, group: int, leaf: Leaf) -> Chunk:
        """Where a row group has a column."""
        place = f"{self.place}, row group {group}, column {leaf.path}"
        column = self._columns[group][leaf.index]
        try:
            values, length, data = (number(column[3], each) for each in (5, 7, 9))
            first = min(data, number(column[3], 11, default=0) or data)
        except ValueError as error:
            raise MalformedCatalogError(f"{place}: {error}") from error
        span = Span(first, length)
        if column.get(1):
            raise MalformedCatalogError(f"{place}: it stands in another file; write one file of all columns")
        if first < len(_MAGIC) or not length or span.end > self._data_ends:
            raise MalformedCatalogError(f"{place}: it lies at bytes {first} to {span.end}, outside the file's data")
        if not leaf.is_repeated and values != self.groups[group]:
            raise MalformedCatalogError(f"{place}: {values} values in {self.groups[group]} rows")
        room = min(_UNCOUNTED_BYTES, self._data_ends - span.end)
        return Chunk(leaf=leaf, span=Span(first, length + room), values=values)

    def bounds(self, group: int, leaf: Leaf) -> tuple[int, int] | tuple[bytes, bytes] | None:
        """The least and the greatest value of a column in a row group, as they are stored; None where nobody says.

        None as well where there are rows without a value: what stands for it there, nobody says either.
        """
        said: Fields | None = self._columns[group][leaf.index][3].get(12)
        if not isinstance(said, Mapping) or said.get(3) != 0:
            return None
        least, most = said.get(6), said.get(5)
        if not isinstance(least, bytes) or not isinstance(most, bytes):
            return None
        if leaf.is_text:
            return least, most
        if leaf.type != _INT64 or not len(least) == len(most) == _INT64_BYTES:
            return None
        return int.from_bytes(least, "little", signed=True), int.from_bytes(most, "little", signed=True)


async def read_footer(file: RangedFile) -> Footer:
    """Read a file's footer, in one request or two; it is parsed in a thread, as copies share the event loop."""
    if file.beginning == _ENCRYPTED:
        raise MalformedCatalogError(f"{file.place} is encrypted Parquet; write it without encryption")
    if file.beginning != _MAGIC or file.total < len(_MAGIC) + _ENDING_BYTES:
        raise MalformedCatalogError(f"{file.place} is no Parquet: it begins with {file.beginning!r}")
    room = file.total - len(_MAGIC)
    tail = await file.read(_last(file, min(room, _TAIL_BYTES)))
    length, magic = struct.unpack("<I4s", tail[-_ENDING_BYTES:])
    if magic != _MAGIC:
        raise MalformedCatalogError(f"{file.place} is no Parquet, or was cut: it ends with {magic!r}")
    if length + _ENDING_BYTES > room or length > _MAX_FOOTER_BYTES:
        raise MalformedCatalogError(
            f"{file.place}: a footer of {length} bytes; its file has {file.total}, and 16 MiB it may have"
        )
    if len(tail) < length + _ENDING_BYTES:
        tail = await file.read(_last(file, length + _ENDING_BYTES))
    data_ends = file.total - _ENDING_BYTES - length
    return await asyncio.to_thread(_parsed, tail[-length - _ENDING_BYTES :], place=file.place, data_ends=data_ends)


def arrow() -> Any:
    """pyarrow, which takes a third of a second and 50 MiB: apps without such a catalog don't pay for it."""
    importlib.import_module("pyarrow.parquet")
    return importlib.import_module("pyarrow")


def reason(error: Exception) -> str:
    """What a library says of a file that it can't read, in a line."""
    return " ".join(str(error).split())[:200]


def _last(file: RangedFile, length: int) -> Span:
    return Span(file.total - length, length)


def _parsed(footer: bytes, *, place: str, data_ends: int) -> Footer:
    pa = arrow()
    try:
        said, _ = read_struct(footer, _SHAPE)
        # Whether it is whole is found out first: pyarrow finds that out when it is too late.
        Footer(said, place=place, data_ends=data_ends)
        # Places in the file don't matter yet: the footer alone is a file, too.
        library = pa.parquet.ParquetFile(
            pa.BufferReader(_MAGIC + footer),
            pre_buffer=False,
            thrift_string_size_limit=_MAX_TEXT_BYTES,
            thrift_container_size_limit=_MAX_ENTRIES,
            schema_depth_limit=_MAX_DEPTH,
            arrow_extensions_enabled=False,
        )
        return Footer(said, place=place, data_ends=data_ends, library=library)
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError) as error:
        raise MalformedCatalogError(f"{place}: its footer can't be read: {reason(error)}") from error


def _leaves(elements: Sequence[Fields]) -> Iterator[Leaf]:
    """The tree of columns is written from its root on, each with how many are in it."""
    #: Of what is open: its path, how many are still to come in it, and whether it may come several times.
    parents: list[tuple[str, int, bool]] = [("", number(elements[0], 5, default=0), False)] if elements else []
    index = 0
    for element in elements[1:]:
        while parents and not parents[-1][1]:
            parents.pop()
        if not parents or len(parents) > _MAX_DEPTH:
            raise ValueError("its columns aren't a tree, or a deep one")
        path, count, is_repeated = parents[-1]
        parents[-1] = path, count - 1, is_repeated
        name = text(element, 4)
        path = f"{path}.{name}" if len(parents) > 1 else name
        is_repeated = is_repeated or element.get(3) == _REPEATED
        if within := number(element, 5, default=0):
            parents.append((path, within, is_repeated))
        else:
            yield Leaf(path=path, index=index, type=number(element, 1), is_repeated=is_repeated)
            index += 1
    if any(count for _, count, _ in parents):
        raise ValueError("its columns end in the middle of their tree")
