"""What was seen, on disk and sorted."""

import hashlib
import sys
import tracemalloc
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest

from shared.census.sheets import Group, Sheets, Side
from shared.model.items import Refusal


@pytest.fixture
def sheets(tmp_path: Path) -> Generator[Sheets]:
    with Sheets(tmp_path / "sheets") as sheets:
        yield sheets


async def _all(groups: AsyncIterator[Group]) -> list[Group]:
    return [each async for each in groups]


def _place(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


async def test_places_are_sorted_and_sides_together(sheets: Sheets) -> None:
    """By their names, with catalog, ledger and destination in this order, and each in the order of its coming."""
    await sheets.add(Side.DESTINATION, "b", "blob b")
    await sheets.add(Side.LEDGER, "a", "row a")
    await sheets.add(Side.CATALOG, "b", "first b")
    await sheets.add(Side.CATALOG, "B", "B")
    await sheets.add(Side.CATALOG, "b", "second b")

    assert await _all(sheets.groups()) == [
        ("B", [(Side.CATALOG, "B")]),
        ("a", [(Side.LEDGER, "row a")]),
        ("b", [(Side.CATALOG, "first b"), (Side.CATALOG, "second b"), (Side.DESTINATION, "blob b")]),
    ]


async def test_nothing_was_seen(sheets: Sheets) -> None:
    """No sheets, no places."""
    assert await _all(sheets.groups()) == []


async def test_places_across_batches(sheets: Sheets) -> None:
    """However many rows are fetched at a time, those of one place come together."""
    for side in Side:
        for number in range(2500):
            await sheets.add(side, _place(number), f"{number}")

    found = await _all(sheets.groups())

    expected = sorted((_place(number), [(side, f"{number}") for side in Side]) for number in range(2500))
    assert found == expected


async def test_one_place_again_and_again(sheets: Sheets) -> None:
    """A catalog that lists one name for ever leaves what it said last; the other sides stay."""
    await sheets.add(Side.LEDGER, "a", "row")
    for number in range(5000):
        await sheets.add(Side.CATALOG, "a", f"{number}")

    assert await _all(sheets.groups()) == [
        ("a", [*((Side.CATALOG, f"{number}") for number in range(4984, 5000)), (Side.LEDGER, "row")])
    ]


async def test_a_catalog_is_forgotten(sheets: Sheets) -> None:
    """What it said and refused goes, whether it is written yet or not; the ledger stays."""
    await sheets.add(Side.LEDGER, "a", "row")
    for number in range(3000):
        await sheets.add(Side.CATALOG, f"{number}", "x")
    await sheets.refuse([Refusal(item="i", key="k", error="E", message="m")])

    await sheets.forget_catalog()

    assert await _all(sheets.groups()) == [("a", [(Side.LEDGER, "row")])]
    assert [each async for each in sheets.refusals()] == []


async def test_assets_are_noted(sheets: Sheets) -> None:
    """Those that were marked are found among others, once, until they are unmarked."""
    await sheets.mark(["a", "b", "c", "b"])
    await sheets.unmark(["b"])

    assert await sheets.marked(["a", "b", "x"]) == {"a"}
    assert await sheets.count_marked() == 2
    assert await sheets.marked([]) == set()


async def test_assets_are_noted_while_places_are_read(sheets: Sheets) -> None:
    """Writing in between doesn't disturb what is read."""
    for number in range(5000):
        await sheets.add(Side.CATALOG, f"{number:04}", "x")

    seen = 0
    async for place, _ in sheets.groups():
        seen += 1
        await sheets.mark([place])

    assert (seen, await sheets.count_marked()) == (5000, 5000)


@pytest.mark.skipif(sys.platform != "linux", reason="open files are listed in /proc")
async def test_sorted_runs_stand_on_disk(tmp_path: Path) -> None:
    """With little memory for sorting, runs are written into files and merged."""
    with Sheets(tmp_path / "sheets", cache_kib=64) as sheets:
        for number in range(20_000):
            await sheets.add(Side.CATALOG, _place(number), "x" * 100)
        groups = sheets.groups()
        first = await anext(groups)
        sizes = _sizes_of_temporary_files()
        rest = await _all(groups)

    # All of it, and the cache holds a thirtieth.
    assert max(sizes) > 2_000_000
    assert [place for place, _ in (first, *rest)] == sorted(_place(number) for number in range(20_000))


async def test_memory_doesnt_grow_with_the_dataset(tmp_path: Path) -> None:
    """Five times as many places need no more of it."""
    peaks = [await _peak(tmp_path / f"{count}", count) for count in (10_000, 50_000)]

    assert peaks[1] < 1.3 * peaks[0]


async def _peak(path: Path, count: int) -> int:
    """Bytes of Python's at most, while so many places are written and read."""
    with Sheets(path) as sheets:
        tracemalloc.start()
        try:
            for number in range(count):
                await sheets.add(Side.CATALOG, _place(number), "x" * 100)
            async for _ in sheets.groups():
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def _sizes_of_temporary_files() -> list[int]:
    """Bytes of each file of SQLite's that has no name any more."""
    # The list of them is one of them, and closed by then.
    there = [each for each in list(Path("/proc/self/fd").iterdir()) if each.exists()]
    return [each.stat().st_size for each in there if "etilqs_" in str(each.readlink())]
