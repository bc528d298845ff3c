"""What was seen, on disk, and in the order of places: catalog, ledger and destination share no order of their own.

SQLite does it: its ``ORDER BY`` without an index is an external merge sort, which writes sorted runs into temporary
files and holds no more of them in memory than its cache. Nothing outlives a census, so nothing is synced or journalled.
"""

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from enum import IntEnum
from operator import itemgetter
from pathlib import Path
from typing import Self

from shared.model.assets import row_key
from shared.model.items import Refusal

#: Rows that are written or read by one hop to a thread.
_BATCH = 2000
_CACHE_KIB = 32 * 1024
#: Of one side at one place: names are injective, so two of them are wrong already, or one that was listed again.
_MOST_AT_ONE_PLACE = 16

_SCHEMA = """
CREATE TABLE seen (place TEXT NOT NULL, side INTEGER NOT NULL, facts TEXT NOT NULL);
CREATE TABLE refused (asset TEXT PRIMARY KEY, item TEXT NOT NULL, key TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE wrong (asset TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_ORDERED = "SELECT place, side, facts FROM seen ORDER BY place, side, rowid"

type _Row = tuple[str, int, str]


class Side(IntEnum):
    """Who was seen to have something."""

    CATALOG = 0
    LEDGER = 1
    DESTINATION = 2


#: A place, and what each side has there: in the order of the sides, and in that of their being added.
type Group = tuple[str, Sequence[tuple[Side, str]]]


class Sheets:
    """The sheets of one census, in one file; one task writes and reads them."""

    def __init__(self, path: Path, *, cache_kib: int = _CACHE_KIB) -> None:
        """``cache_kib`` is the memory for pages, and for rows that are being sorted."""
        # Each call is made in some thread, one after the other.
        self._database = sqlite3.connect(path, check_same_thread=False)
        pragmas = f"journal_mode = OFF; synchronous = OFF; temp_store = FILE; cache_size = -{cache_kib}"
        self._database.executescript("".join(f"PRAGMA {each};" for each in pragmas.split("; ")) + _SCHEMA)
        self._pending: list[_Row] = []

    def __enter__(self) -> Self:
        """Themselves."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._database.close()

    async def add(self, side: Side, place: str, facts: str) -> None:
        """Add what a side has at a place."""
        self._pending.append((place, side, facts))
        if len(self._pending) >= _BATCH:
            await self._flush()

    async def forget_catalog(self) -> None:
        """Take out all that was seen of the catalog, since it is read anew."""
        self._pending = []
        await self._write("DELETE FROM seen WHERE side = ?", [(Side.CATALOG,)])
        await self._write("DELETE FROM refused WHERE ?", [(True,)])

    async def groups(self) -> AsyncIterator[Group]:
        """All places, sorted."""
        await self._flush()
        cursor = await asyncio.to_thread(self._database.execute, _ORDERED)
        over: Sequence[_Row] = ()
        while some := await asyncio.to_thread(cursor.fetchmany, _BATCH):
            groups = [list(rows) for _, rows in itertools.groupby([*over, *some], key=itemgetter(0))]
            for rows in groups[:-1]:
                yield _group(rows)
            # What is fetched next may belong to it.
            over = _bounded(groups[-1])
        if over:
            yield _group(over)

    async def refuse(self, refusals: Iterable[Refusal]) -> None:
        """Note what the catalog lists and nobody can ask for."""
        rows = [
            (row_key(each.item, each.key), each.item, each.key, f"{each.error}: {each.message}") for each in refusals
        ]
        await self._write("INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?)", rows)

    async def refusals(self) -> AsyncIterator[tuple[str, str, str]]:
        """Item, key and reason of each refusal, sorted."""
        cursor = await asyncio.to_thread(
            self._database.execute, "SELECT item, key, reason FROM refused ORDER BY item, key"
        )
        while some := await asyncio.to_thread(cursor.fetchmany, _BATCH):
            for item, key, reason in some:
                yield item, key, reason

    async def refused(self, assets: Iterable[str]) -> set[str]:
        """Those of these assets, by their row keys, that were refused."""
        return await self._among(assets, table="refused")

    async def mark(self, assets: Iterable[str]) -> None:
        """Note assets, by their row keys, that are to be asked for."""
        await self._write("INSERT OR IGNORE INTO wrong VALUES (?)", [(each,) for each in assets])

    async def unmark(self, assets: Iterable[str]) -> None:
        """Note that they were asked for."""
        await self._write("DELETE FROM wrong WHERE asset = ?", [(each,) for each in assets])

    async def marked(self, assets: Iterable[str]) -> set[str]:
        """Those of these assets that are to be asked for still."""
        return await self._among(assets, table="wrong")

    async def count_marked(self) -> int:
        """How many those are in all."""
        (found,) = await asyncio.to_thread(lambda: self._database.execute("SELECT count(*) FROM wrong").fetchone())
        return int(found)

    async def _flush(self) -> None:
        some, self._pending = self._pending, []
        await self._write("INSERT INTO seen VALUES (?, ?, ?)", some)

    async def _write(self, statement: str, rows: Sequence[tuple[str | int, ...]]) -> None:
        def write() -> None:
            with self._database:
                self._database.executemany(statement, rows)

        if rows:
            await asyncio.to_thread(write)

    async def _among(self, assets: Iterable[str], *, table: str) -> set[str]:
        statement, wanted = f"SELECT 1 FROM {table} WHERE asset = ?", list(assets)  # noqa: S608 - one of two names

        def read() -> set[str]:
            return {each for each in wanted if self._database.execute(statement, (each,)).fetchone()}

        return await asyncio.to_thread(read) if wanted else set()


def _group(rows: Sequence[_Row]) -> Group:
    return rows[0][0], [(Side(side), facts) for _, side, facts in _bounded(rows)]


def _bounded(rows: Sequence[_Row]) -> Sequence[_Row]:
    """The last of each side: a catalog that says one thing again and again mustn't fill the memory."""
    if len(rows) <= _MOST_AT_ONE_PLACE:
        return rows
    return [row for side in Side for row in [each for each in rows if each[1] == side][-_MOST_AT_ONE_PLACE:]]
