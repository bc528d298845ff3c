"""The rows of a row group, as nested dicts of the columns that are wanted, a batch at a time."""

import asyncio
import dataclasses
import io
import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, override

from shared.catalogs.parquet_bytes import RangedFile, Span
from shared.catalogs.parquet_footer import Chunk, Footer, Leaf, arrow, reason
from shared.catalogs.parquet_pages import Pages, check_pages
from shared.model.errors import MalformedCatalogError
from shared.model.windows import Window

#: What is read of a row group, packed; it is in memory until its last row is.
_MAX_GROUP_BYTES = 128 * 1024 * 1024
#: What is unpacked at once: a page and a dictionary of each column.
_MAX_UNPACKED_BYTES = 256 * 1024 * 1024
#: Values in the lists of a batch, such as links.
_MAX_LISTED = 1_000_000
#: Values in the lists of a row group: each has levels that are unpacked before it is known whose it is.
_MAX_REPEATED = 20_000_000
_MAX_REPEATED_BYTES = 64 * 1024 * 1024
#: What texts of dictionaries come to, written out, if each row of a batch has the longest.
_MAX_WRITTEN_BYTES = 256 * 1024 * 1024
#: Bytes between two chunks that are read rather than asked for anew.
_GAP_BYTES = 256 * 1024
_BATCH_ROWS = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_SECOND = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}
_WAY_OUT = "write the table with smaller row groups"

type Row = dict[str, Any]


async def read_rows(
    file: RangedFile, footer: Footer, *, group: int, leaves: Sequence[Leaf], first: int
) -> Iterator[Row]:
    """The rows of a row group from ``first`` on, to be iterated in a thread.

    What is read at once is bounded before it is read, and what it unpacks to before it is unpacked.
    Raises MalformedCatalogError, also while it is iterated, and what ``file`` does.
    """
    chunks = [footer.chunk(group, each) for each in leaves]
    spans = _joined([each.span for each in chunks])
    size = sum(each.length for each in spans)
    place = f"{footer.place}, row group {group}"
    if size > _MAX_GROUP_BYTES:
        raise MalformedCatalogError(f"{place}: {size} bytes to read, and {_MAX_GROUP_BYTES} it may have; {_WAY_OUT}")
    pieces = [(each.first, memoryview(await file.read(each))) for each in spans]
    plan = await asyncio.to_thread(_planned, chunks, pieces, place=place)
    return _rows(Pieces(pieces, total=file.total), footer, plan, group=group, first=first)


def times_of(footer: Footer, *, group: int, leaf: Leaf) -> Window | None:
    """From when to when a column's times lie in a row group; None where nobody says, or not in numbers."""
    kind = footer.schema.field(leaf.path).type
    found = footer.bounds(group, leaf) if arrow().types.is_timestamp(kind) else None
    if found is None:
        return None
    try:
        least, most = (_moment_of(int(each), unit=kind.unit) for each in found)
    except OverflowError:
        return None
    return Window(since=least, until=most) if least <= most else None


def _joined(spans: Sequence[Span]) -> list[Span]:
    """Spans that cover these, those that stand close by each other as one."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.first - joined[-1].end <= _GAP_BYTES:
            before = joined[-1]
            joined[-1] = Span(before.first, max(before.end, span.end) - before.first)
        else:
            joined.append(span)
    return joined


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """How a row group is read."""

    columns: list[str]
    #: Those whose texts are read as places in a dictionary: what repeats isn't written out.
    as_dictionaries: list[str]
    batch_rows: int


def _planned(chunks: Sequence[Chunk], pieces: Sequence[tuple[int, memoryview]], *, place: str) -> _Plan:
    """Look at all pages before one is unpacked.

    pyarrow keeps all texts of a chunk that it reads as a dictionary, so that is for chunks that are no more than one
    (and for lists, of which one row may have any number). Of the others it writes out what stands in their dictionary.
    """
    unpacked = written_out = 0
    as_dictionaries: list[str] = []
    for each in chunks:
        pages = _pages(each, pieces, place=f"{place}, column {each.leaf.path}")
        unpacked += pages.dictionary + pages.largest
        if each.leaf.is_text and pages.dictionary and (each.leaf.is_repeated or not pages.has_plain):
            as_dictionaries.append(each.leaf.path)
        elif each.leaf.is_text:
            written_out += pages.dictionary
    if unpacked > _MAX_UNPACKED_BYTES:
        raise MalformedCatalogError(f"{place}: its pages unpack to {unpacked} bytes at once; write smaller ones")
    rows = _BATCH_ROWS if not written_out else max(1, min(_BATCH_ROWS, _MAX_WRITTEN_BYTES // written_out))
    return _Plan(columns=[each.leaf.path for each in chunks], as_dictionaries=as_dictionaries, batch_rows=rows)


def _pages(chunk: Chunk, pieces: Sequence[tuple[int, memoryview]], *, place: str) -> Pages:
    first, body = next(piece for piece in reversed(pieces) if piece[0] <= chunk.span.first)
    try:
        pages = check_pages(body[chunk.span.first - first :][: chunk.span.length], values=chunk.values)
    except ValueError as error:
        raise MalformedCatalogError(f"{place}: {error}") from error
    if chunk.leaf.is_repeated and (chunk.values > _MAX_REPEATED or pages.total > _MAX_REPEATED_BYTES):
        raise MalformedCatalogError(f"{place}: {chunk.values} values in lists, of {pages.total} bytes; {_WAY_OUT}")
    return pages


def _rows(pieces: "Pieces", footer: Footer, plan: _Plan, *, group: int, first: int) -> Iterator[Row]:
    pa = arrow()
    row = 0
    try:
        opened = pa.parquet.ParquetFile(
            pieces,
            metadata=footer.library.metadata,
            read_dictionary=plan.as_dictionaries,
            pre_buffer=False,
            arrow_extensions_enabled=False,
        )
        batches = opened.iter_batches(plan.batch_rows, row_groups=[group], columns=plan.columns, use_threads=False)
        for batch in batches:
            skipped = min(max(first - row, 0), batch.num_rows)
            row += batch.num_rows
            if skipped < batch.num_rows:
                yield from _dicts(batch.schema.names, _Values(pa).of_all(batch.slice(skipped).columns))
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError) as error:
        name = f"{footer.place}, row group {group}, after row {row}"
        raise MalformedCatalogError(f"{name}: it can't be read: {reason(error)}") from error
    if row != footer.groups[group]:
        raise MalformedCatalogError(f"{footer.place}, row group {group}: {row} rows of {footer.groups[group]}")


def _dicts(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> Iterator[Row]:
    """Rows; what has no value isn't in them."""
    for values in zip(*columns, strict=True):
        yield {name: value for name, value in zip(names, values, strict=True) if value is not None}


@dataclasses.dataclass(frozen=True, slots=True)
class _Values:
    """Arrays of pyarrow as lists of what JSON has."""

    _pa: Any

    def of_all(self, arrays: Sequence[Any]) -> list[Sequence[Any]]:
        return [self.of(each) for each in arrays]

    def of(self, array: Any) -> Sequence[Any]:
        types, kind = self._pa.types, array.type
        if types.is_struct(kind):
            names = [kind.field(each).name for each in range(kind.num_fields)]
            rows = _dicts(names, self.of_all([array.field(each) for each in range(kind.num_fields)]))
            return [each or None for each in rows]
        if types.is_list(kind) or types.is_large_list(kind):
            return self._of_lists(array)
        if types.is_dictionary(kind):
            indices = array.indices.to_pylist()
            words = array.dictionary
            known = {each: words[each].as_py() for each in set(indices) if each is not None}
            return [known.get(each) for each in indices]
        if types.is_timestamp(kind):
            return [_moment(each, unit=kind.unit) for each in array.view(self._pa.int64()).to_pylist()]
        if types.is_date(kind):
            return [each and each.isoformat() for each in array.to_pylist()]
        return array.to_pylist()

    def _of_lists(self, array: Any) -> Sequence[Any]:
        offsets = array.offsets.to_pylist()
        listed = offsets[-1] - offsets[0]
        if listed > _MAX_LISTED:
            raise ValueError(f"{listed} values in the lists of {len(array)} rows, and {_MAX_LISTED} they may have")
        values = self.of(array.values.slice(offsets[0], listed))
        return [values[first - offsets[0] : end - offsets[0]] for first, end in itertools.pairwise(offsets)]


def _moment(count: int | None, *, unit: str) -> str | None:
    """A time as it is written; what lies outside the calendar as what nobody takes for a time."""
    if count is None:
        return None
    try:
        return _moment_of(count, unit=unit).isoformat()
    except OverflowError:
        return f"{count} {unit} since 1970"


def _moment_of(count: int, *, unit: str) -> datetime:
    return _EPOCH + timedelta(microseconds=count * 1_000_000 // _PER_SECOND[unit])


class Pieces(io.RawIOBase):
    """A file of which some pieces are there."""

    def __init__(self, pieces: Sequence[tuple[int, memoryview]], *, total: int) -> None:
        self._pieces = pieces
        self._total = total
        self._at = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._at

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._total}[whence] + offset
        return self._at

    @override
    def read(self, size: int = -1, /) -> Any:
        """Bytes that are there, without a copy of them."""
        for first, body in self._pieces:
            begins = self._at - first
            if begins >= 0 and 0 <= size <= len(body) - begins:
                self._at += size
                return body[begins : begins + size]
        raise OSError(f"bytes {self._at} to {self._at + size} are of no column that was read")
