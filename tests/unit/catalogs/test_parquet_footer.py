import struct
from typing import Any

import pytest

from shared.catalogs.parquet_bytes import RangedFile, Span
from shared.catalogs.parquet_footer import Chunk, Footer, Leaf, read_footer
from shared.model.errors import MalformedCatalogError
from tests.fakes.tables import MemoryFile, pa, written


async def _footer(body: bytes) -> Footer:
    return await read_footer(await RangedFile.opened("file:a.parquet", MemoryFile(body).part, version=None))


async def test_footer() -> None:
    """It tells of rows, columns, where they are and between what they lie, and of what its writer said."""
    table = pa.Table.from_pylist([{"id": f"n{each}", "deep": {"x": each}, "list": [each] * 2} for each in range(3)])
    body = written(table.replace_schema_metadata({"said": "so"}), group_size=2)

    footer = await _footer(body)

    name, number, listed = footer.leaves.values()
    assert (name, number) == (
        Leaf(path="id", index=0, type=6, is_repeated=False),
        Leaf(path="deep.x", index=1, type=2, is_repeated=False),
    )
    assert listed.is_repeated
    assert (footer.rows, footer.groups, footer.schema.names) == (3, (2, 1), ["id", "deep", "list"])
    assert (footer.bounds(0, name), footer.bounds(1, number)) == ((b"n0", b"n1"), (2, 2))
    assert (footer.chunk(0, listed).values, footer.texts["said"]) == (4, "so")


async def test_long_footer() -> None:
    """One that is longer than most is read whole."""
    file = MemoryFile(written(pa.Table.from_pydict({f"column-{each}": [each] for each in range(2000)})))
    (length,) = struct.unpack("<I", file.body[-8:-4])

    footer = await read_footer(await RangedFile.opened("file:a.parquet", file.part, version=None))

    total = len(file.body)
    assert length > 64 * 1024
    assert len(footer.leaves) == 2000
    assert file.read == [Span(0, 4), Span(total - 65536, 65536), Span(total - length - 8, length + 8)]


_WHOLE = written([{"a": 1}])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"PARE" + _WHOLE[4:], "is encrypted Parquet; write it without"),
        (b"url,size\nhttps://data.example.org/a.tif,1\n", "is no Parquet: it begins with b'url,'"),
        (b"PAR1PAR1", "is no Parquet"),
        (b"PA", "is no Parquet"),
        (_WHOLE[:-1], "was cut: it ends with"),
        (_WHOLE[:-8] + b"\xff\xff\xff\x7fPAR1", "a footer of 2147483647 bytes"),
        (_WHOLE[:-8] + b"\0\0\0\0PAR1", "its footer can't be read"),
        (b"PAR1" + b"\xf9" * 100 + b"\x64\0\0\0PAR1", "its footer can't be read"),
    ],
)
async def test_no_parquet(body: bytes, message: str) -> None:
    """What isn't Parquet, or only a part of it, is said to be so."""
    with pytest.raises(MalformedCatalogError, match=message):
        await _footer(body)


async def test_two_columns_of_one_name() -> None:
    """Columns that can't be told apart by their names can't be read by them."""
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])

    with pytest.raises(MalformedCatalogError, match="two of its columns have one name"):
        await _footer(written(table))


@pytest.mark.parametrize(
    "body",
    [
        written([{"a": 1}], write_statistics=False),
        written([{"a": None}, {"a": 1}]),
        written([{"a": 1.5}]),
    ],
    ids=["unstated", "gaps", "another type"],
)
async def test_bounds_that_nobody_states(body: bytes) -> None:
    """Without statistics, where rows have no value, and of other numbers a column has no bounds."""
    footer = await _footer(body)

    assert footer.bounds(0, footer.leaves["a"]) is None


def _stated(column: dict[int, Any] | None = None, /, **members: Any) -> Footer:
    """A footer of one column in one row group of two rows, as somebody wrote who means ill."""
    found: dict[int, Any] = {1: b"", 5: 2, 7: 10, 9: 4} | (column or {})
    root, leaf = {4: b"schema", 5: 1}, {1: 2, 3: 0, 4: b"a"}
    said = {
        2: members.get("schema", [root, leaf]),
        3: 2,
        4: members.get("groups", [{1: [{1: found.pop(1), 3: found}], 3: members.get("rows", 2)}]),
        **members.get("more", {}),
    }
    return Footer(said, place="file:a.parquet", data_ends=100)


def test_chunk() -> None:
    """A chunk begins with its dictionary, and some bytes more are read, which old writers didn't count."""
    footer = _stated({9: 9, 11: 5})
    leaf = footer.leaves["a"]

    assert footer.chunk(0, leaf) == Chunk(leaf=leaf, span=Span(5, 95), values=2)
    assert footer.texts == {}


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({1: b"other.parquet"}, "row group 0, column a: it stands in another file"),
        ({9: 3}, "outside the file's data"),
        ({9: -3}, "field 9 is no number"),
        ({7: 97}, "outside the file's data"),
        ({7: 0}, "outside the file's data"),
        ({5: 2_000_000_000}, "2000000000 values in 2 rows"),
    ],
)
def test_hostile_places(column: dict[int, Any], message: str) -> None:
    """What lies outside the data, or says something else than the rows, isn't read."""
    footer = _stated(column)

    with pytest.raises(MalformedCatalogError, match=message):
        footer.chunk(0, footer.leaves["a"])


@pytest.mark.parametrize("bounds", [{3: 0, 5: 1, 6: 2}, {3: 0, 5: b"1", 6: b"2"}, 7])
def test_hostile_bounds(bounds: Any) -> None:
    """Bounds that aren't of the column's type are none."""
    footer = _stated({12: bounds})

    assert footer.bounds(0, footer.leaves["a"]) is None


_ROOT, _LEAF = {4: b"schema", 5: 1}, {1: 2, 3: 0, 4: b"a"}


_HOSTILE: list[tuple[dict[str, Any], str]] = [
    ({"rows": 3}, "its row groups have 3 rows, and it has 2"),
    ({"rows": -2}, "field 3 is no number"),
    ({"groups": [{1: [], 3: 2}]}, "of each column where it is"),
    ({"groups": [{1: [{}], 3: 2}]}, "of each column where it is"),
    ({"groups": 5}, "field 4 is no list"),
    ({"schema": [_ROOT, _LEAF, _LEAF]}, "aren't a tree"),
    ({"schema": [_ROOT | {5: 2}, _LEAF]}, "in the middle of their tree"),
    ({"schema": [_ROOT] * 100}, "a deep one"),
    ({"schema": [_ROOT, {1: 2}]}, "field 4 is no text"),
    ({"schema": [_ROOT, {4: b"a"}]}, "field 1 is no number"),
    ({"schema": []}, "of each column where it is"),
    ({"more": {5: [{}]}}, "field 1 is no text"),
]


@pytest.mark.parametrize(("members", "message"), _HOSTILE)
def test_hostile_footers(members: dict[str, Any], message: str) -> None:
    """What a library would believe, or would miss when it is too late, is refused."""
    with pytest.raises(ValueError, match=message):
        _stated(**members)


async def test_column_without_metadata() -> None:
    """A row group that doesn't say where a column is: pyarrow would end the process once it is asked for that."""
    # The field's head in the one column: 1 to 3, a struct.
    head = _WHOLE.rindex(b"\x1c\x15\x04")
    body = _WHOLE[:head] + b"\x2c" + _WHOLE[head + 1 :]

    with pytest.raises(MalformedCatalogError, match="doesn't say of each column where it is"):
        await _footer(body)
