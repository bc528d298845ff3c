"""Blobs read again and compared with the ledger: a list shows that a blob stands there, its bytes show what it is."""

import asyncio
import dataclasses
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime

from shared.census.found import Found, Mark
from shared.census.rehashing import Rehash
from shared.model.datasets import Datasets
from shared.model.errors import AssetNotFoundError, StorageFailedError
from shared.model.rows import LedgerRow
from shared.redaction import told
from shared.storage.blobs import BlobPath
from shared.storage.ledger import Entry, Ledger
from shared.storage.ledger_rows import LedgerRows
from shared.storage.streams import Stream

logger = logging.getLogger(__name__)

#: Blobs that are read at once: each holds what the SDK asks for at a time, 32 MiB.
_AT_ONCE = 4
#: How often a blob is read whose row changes under our hands.
_ROUNDS = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What reading blobs again came to."""

    dataset: str
    began_at: datetime
    ended_at: datetime
    marks: Mapping[Mark, int]
    #: Bytes that were read.
    bytes: int

    @property
    def is_clean(self) -> bool:
        """Whether every blob that was read is what its row says."""
        return not any(count for mark, count in self.marks.items() if mark is not Mark.SAME)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verifying:
    """The use case behind ``sluice verify``. It writes nothing."""

    datasets: Datasets
    rows: LedgerRows
    ledger: Ledger
    #: ``open_stream`` from the first byte on.
    open_blob: Callable[[BlobPath], Awaitable[Stream]]
    clock: Callable[[], datetime]

    async def verify(
        self,
        name: str,
        *,
        tell: Callable[[Found], None],
        sample: int | None = None,
        chance: random.Random,
        progress: Callable[[int], None] | None = None,
    ) -> Verification:
        """Read so many blobs of a dataset's rows, chosen by chance, or all (None); tell of each as it was read.

        ``progress`` gets how many will be read, once that is known. Raises UnknownDatasetError and StorageFailedError
        where the ledger can't be read; a blob that can't be is told of.
        """
        self.datasets.named(name)
        began, marks, read = self.clock(), Counter[Mark](), 0
        entries = self.rows.all_of(name) if sample is None else self._sample(name, sample, chance, progress=progress)

        async def verify(entry: Entry) -> None:
            nonlocal read
            found, length = await self._verified(entry.row)
            read += length
            marks[found.mark] += 1
            tell(found)

        await _each(entries, verify)
        counts = {each: marks[each] for each in Mark}
        verified = Verification(dataset=name, began_at=began, ended_at=self.clock(), marks=counts, bytes=read)
        extra = {"action": "blobs_verified", "dataset": name, "bytes": read}
        logger.info("blobs verified", extra={**extra, **{each.name.lower(): n for each, n in counts.items()}})
        return verified

    async def _sample(
        self, name: str, size: int, chance: random.Random, *, progress: Callable[[int], None] | None
    ) -> AsyncIterator[Entry]:
        """So many rows, any of them as likely as any other: J. S. Vitter's algorithm R holds no more than these."""
        chosen: list[Entry] = []
        seen = 0
        async for entry in self.rows.all_of(name):
            seen += 1
            if len(chosen) < size:
                chosen.append(entry)
            elif (place := chance.randrange(seen)) < size:
                chosen[place] = entry
        if progress is not None:
            progress(len(chosen))
        for each in chosen:
            yield each

    async def _verified(self, row: LedgerRow) -> tuple[Found, int]:
        """What there is to say of a row's blob, and how many bytes were read for it."""
        read, mark, reason = 0, Mark.UNKNOWN, "it was copied anew again and again while it was read"
        for _ in range(_ROUNDS):
            mark, reason, length = await self._compared(row)
            read += length
            if mark is Mark.SAME:
                break
            # It may have been copied anew since the row was read.
            fresh = (await self.ledger.of(row.dataset, [(row.item, row.key)])).get((row.item, row.key))
            if fresh is None or fresh.row.etag == row.etag:
                break
            row = fresh.row
        return Found(mark=mark, blob=row.blob, item=row.item, key=row.key, reason=reason), read

    async def _compared(self, row: LedgerRow) -> tuple[Mark, str, int]:
        rehash = Rehash(row.digests)
        try:
            stream = await self.open_blob(BlobPath(container=row.container, name=row.blob))
            async for chunk in stream.chunks:
                await rehash.update(chunk)
        except AssetNotFoundError:
            return Mark.MISSING, "missing at the destination; the ledger has it", 0
        except StorageFailedError as error:
            return Mark.UNKNOWN, f"it can't be read: {told(error)}", rehash.length
        mark, reason = _judged(row, rehash, etag=stream.etag)
        return mark, reason, rehash.length


async def _each(entries: AsyncIterator[Entry], act: Callable[[Entry], Awaitable[None]]) -> None:
    """Act on each entry, some at once, and no more than these in memory. Raises the first error alone."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def acted(entry: Entry) -> None:
        try:
            await act(entry)
        finally:
            slots.release()

    try:
        async with asyncio.TaskGroup() as group:
            async for entry in entries:
                await slots.acquire()
                group.create_task(acted(entry))
    except ExceptionGroup as failed:
        first = failed.exceptions[0]
    else:
        return
    raise first


def _judged(row: LedgerRow, rehash: Rehash, *, etag: str) -> tuple[Mark, str]:
    if rehash.length != row.length:
        return Mark.DIFFERENT, f"the blob has {rehash.length} bytes, the ledger {row.length}"
    if wrong := rehash.wrong:
        stated, found = next(iter(wrong.items()))
        return Mark.DIFFERENT, f"the blob's bytes are {found}, the ledger has {stated}"
    if not rehash.is_possible:
        return Mark.UNKNOWN, "the ledger has no digest of it that is known here"
    if etag != row.etag:
        return (
            Mark.DIFFERENT,
            f"the bytes are right, and were written anew: the ETag is {etag}, the ledger has {row.etag}",
        )
    return Mark.SAME, ""
