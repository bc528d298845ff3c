import io
from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.catalogs import parquet_rows
from shared.catalogs.parquet_bytes import RangedFile
from shared.catalogs.parquet_footer import Footer, Leaf, read_footer
from shared.catalogs.parquet_rows import Pieces, Row, read_rows, times_of
from shared.model.errors import MalformedCatalogError
from shared.model.windows import Window
from tests.fakes.tables import MemoryFile, pa, written

_MOMENT = datetime(2024, 6, 1, 10, tzinfo=UTC)


class _File(MemoryFile):
    """With its footer."""

    async def footer(self) -> tuple[RangedFile, Footer]:
        file = await RangedFile.opened("file:a.parquet", self.part, version=None)
        footer = await read_footer(file)
        self.read.clear()
        return file, footer


async def _rows(body: bytes, *paths: str, group: int = 0, first: int = 0) -> list[Row]:
    file, footer = await _File(body).footer()
    leaves = [footer.leaves[each] for each in paths or footer.leaves]
    return list(await read_rows(file, footer, group=group, leaves=leaves, first=first))


async def test_rows() -> None:
    """Rows come as nested dicts, without what has no value; times and dates as they are written."""
    rows: list[Row] = [
        {
            "id": "a",
            "deep": {"x": 1, "y": {"z": "w"}},
            "list": [{"n": 1}, {"n": 2}],
            "at": _MOMENT,
            "on": _MOMENT.date(),
        },
        {"id": "b", "deep": {"x": None, "y": {"z": None}}, "list": None, "at": None, "on": None},
        {"id": "a", "deep": None, "list": [{"n": None}, None], "at": _MOMENT, "on": date(2024, 6, 2)},
    ]

    assert await _rows(written(rows)) == [
        {
            "id": "a",
            "deep": {"x": 1, "y": {"z": "w"}},
            "list": [{"n": 1}, {"n": 2}],
            "at": "2024-06-01T10:00:00+00:00",
            "on": "2024-06-01",
        },
        {"id": "b", "list": []},
        {"id": "a", "list": [None, None], "at": "2024-06-01T10:00:00+00:00", "on": "2024-06-02"},
    ]


async def test_part_of_a_row_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows begin where they are asked for, in whichever batch that is."""
    monkeypatch.setattr(parquet_rows, "_BATCH_ROWS", 4)
    body = written([{"n": each, "links": [{"m": each}] * (each % 3)} for each in range(20)], group_size=15)

    assert await _rows(body, "n", group=0, first=9) == [{"n": each} for each in range(9, 15)]
    assert [each["links"] for each in await _rows(body, group=1, first=1)] == [
        [{"m": each}] * (each % 3) for each in range(16, 20)
    ]


@pytest.mark.parametrize("version", ["1.0", "2.6"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
async def test_units_of_time(unit: str, version: str) -> None:
    """A time is the same in each unit that it may be written in, and so are the bounds of a row group's."""
    table = pa.table({"at": pa.array([_MOMENT, _MOMENT], pa.timestamp(unit, tz="UTC"))})
    body = written(table, version=version)
    _, footer = await _File(body).footer()

    assert await _rows(body) == [{"at": "2024-06-01T10:00:00+00:00"}] * 2
    assert times_of(footer, group=0, leaf=footer.leaves["at"]) == Window(since=_MOMENT, until=_MOMENT)


async def test_times_outside_the_calendar() -> None:
    """They are none, and no bounds either."""
    body = written(pa.table({"at": pa.array([2**62], pa.timestamp("ms", tz="UTC"))}))
    _, footer = await _File(body).footer()

    assert await _rows(body) == [{"at": f"{2**62} ms since 1970"}]
    assert times_of(footer, group=0, leaf=footer.leaves["at"]) is None


async def test_times_in_text() -> None:
    """Text isn't ordered as time is: its bounds say nothing."""
    _, footer = await _File(written([{"at": "2024-06-01T10:00:00Z"}])).footer()

    assert times_of(footer, group=0, leaf=footer.leaves["at"]) is None


async def test_times_that_run_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row group whose least time comes after its greatest may have any."""
    _, footer = await _File(written([{"at": _MOMENT}])).footer()
    monkeypatch.setattr(footer, "bounds", _backwards)

    assert times_of(footer, group=0, leaf=footer.leaves["at"]) is None


def _backwards(group: int, leaf: Leaf) -> tuple[int, int]:
    del group, leaf
    return 2, 1


async def test_only_columns_that_are_wanted() -> None:
    """Of columns far apart, only the bytes of those that are wanted are read; of close ones, all at once."""
    big = {f"big-{each}": [bytes([each]) * 300_000] for each in range(3)}
    file = _File(written(pa.table({"a": [1], "b": [2], **big, "c": [3]}), compression="none", use_dictionary=False))
    opened, footer = await file.footer()
    leaves = [footer.leaves[each] for each in ("c", "a", "b")]

    rows = list(await read_rows(opened, footer, group=0, leaves=leaves, first=0))

    assert rows == [{"a": 1, "b": 2, "c": 3}]
    assert len(file.read) == 2
    assert sum(each.length for each in file.read) < 2000


async def test_one_text_in_many_rows() -> None:
    """A text of a dictionary is one object, however many rows have it: a bomb of repetitions fills no memory."""
    first, *others = await _rows(written([{"a": "x" * 20_000}] * 2000))

    assert all(each["a"] is first["a"] for each in others[:500])


async def test_dictionary_that_is_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only a part of a chunk stands in its dictionary, batches are as small as its texts are long."""
    monkeypatch.setattr(parquet_rows, "_MAX_WRITTEN_BYTES", 100_000)
    rows = [{"a": f"{each % 1500:050}"} for each in range(3000)]
    body = written(rows, dictionary_pagesize_limit=10_000, write_batch_size=10)

    assert await _rows(body) == rows


async def test_page_that_unpacks_to_too_much() -> None:
    """A bomb is found by what its page says of itself, before it is unpacked."""
    body = written(
        [{"a": b"\0" * (65 * 1024 * 1024)}], compression="zstd", use_dictionary=False, write_statistics=False
    )

    with pytest.raises(MalformedCatalogError, match=r"a\.parquet, row group 0, column a: a page of 68"):
        await _rows(body)


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("_MAX_GROUP_BYTES", "bytes to read, and 1 it may have; write the table with smaller row groups"),
        ("_MAX_UNPACKED_BYTES", "its pages unpack to"),
        ("_MAX_REPEATED", r"column list\.list\.element: 4 values in lists"),
        ("_MAX_REPEATED_BYTES", "4 values in lists, of"),
        ("_MAX_LISTED", "4 values in the lists of 2 rows"),
    ],
)
async def test_limits(limit: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row group that would take too much memory is refused."""
    monkeypatch.setattr(parquet_rows, limit, 1)

    with pytest.raises(MalformedCatalogError, match=message):
        await _rows(written([{"list": [1, 2]}, {"list": [3, 4]}]))


async def test_data_that_can_not_be_read() -> None:
    """Damage in a page ends the run with the place where it is, and not the process."""
    body = bytearray(
        written([{"a": "x" * 50}] * 10, compression="snappy", use_dictionary=False, write_statistics=False)
    )
    page = body.index(b"\x32\0\0\0x")
    body[page : page + 4] = b"\xff\xff\xff\xff"

    with pytest.raises(MalformedCatalogError, match="row group 0, after row 0: it can't be read"):
        await _rows(bytes(body))


async def test_fewer_rows_than_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row group that ends early isn't taken for its end: what it lacks would never be copied."""
    file, footer = await _File(written([{"a": 1}, {"a": 2}])).footer()
    rows = await read_rows(file, footer, group=0, leaves=list(footer.leaves.values()), first=0)
    monkeypatch.setattr(footer, "groups", (3,))

    with pytest.raises(MalformedCatalogError, match="row group 0: 2 rows of 3"):
        list(rows)


def test_pieces_of_a_file() -> None:
    """A library that reads elsewhere than where it was told to is stopped."""
    pieces = Pieces([(10, memoryview(b"0123456789"))], total=100)

    assert (pieces.readable(), pieces.seekable(), pieces.seek(12), bytes(pieces.read(3)), pieces.tell()) == (
        *(True, True),
        *(12, b"234", 15),
    )
    assert (pieces.seek(1, io.SEEK_CUR), pieces.seek(-1, io.SEEK_END)) == (16, 99)
    for at, size in [(9, 1), (15, 6), (12, -1)]:
        pieces.seek(at)
        with pytest.raises(OSError, match="are of no column that was read"):
            pieces.read(size)


async def test_flipped_bits() -> None:
    """Whatever bit of a file is another, it is read, or refused as malformed."""
    body = written([{"a": f"x{each}", "at": _MOMENT, "list": [each]} for each in range(50)], compression="snappy")
    kinds: set[Any] = set()

    for position in range(0, len(body) * 8, 37):
        damaged = bytearray(body)
        damaged[position // 8] ^= 1 << position % 8
        try:
            await _rows(bytes(damaged))
            kinds.add(None)
        except MalformedCatalogError as error:
            kinds.add(type(error))

    assert kinds == {None, MalformedCatalogError}
