"""What is stored, whatever becomes of processes; and somebody who sees every write."""

import dataclasses
from collections.abc import Sequence
from typing import Protocol, Self, override

from shared.model.rows import LedgerRow, Run, Watermark
from shared.storage.blobs import Blob, BlobPath, Content
from shared.storage.ledger import Write, partition_of
from tests.fakes import (
    MemoryActivities,
    MemoryBlobs,
    MemoryFailures,
    MemoryHolds,
    MemoryLedger,
    MemoryRuns,
    MemoryTotals,
    MemoryWatermarks,
)
from tests.simulation.messages import MessageStore


class Observer(Protocol):
    """Is told of every write right after it."""

    def blob_written(self, path: BlobPath, blob: Blob, body: bytes) -> None:
        """A blob stands there."""
        ...

    def block_staged(self, path: BlobPath, block_id: str, body: bytes) -> None:
        """A block is staged."""
        ...

    def row_written(self, row: LedgerRow) -> None:
        """The ledger says that an asset is there."""
        ...

    def run_saved(self, run: Run) -> None:
        """The run store says how far a run is."""
        ...

    def watermark_saved(self, watermark: Watermark) -> None:
        """The run store says up to when the dataset was read."""
        ...


class WatchedBlobs(MemoryBlobs):
    """Blobs, whose writes are seen."""

    observer: Observer | None = None

    @override
    async def stage(self, path: BlobPath, body: Sequence[bytes], *, block_id: str) -> None:
        await super().stage(path, body, block_id=block_id)
        if self.observer:
            self.observer.block_staged(path, block_id, b"".join(body))

    async def delete(self, path: BlobPath) -> None:
        """Delete a blob. The product has no such call; a bug that is planted has."""
        for each in (self.blobs, self.bodies, self.contents, self.blocks):
            each.pop(path, None)

    @override
    def _write(self, path: BlobPath, body: bytes, *, content: Content, replaces: str | None) -> Blob:
        blob = super()._write(path, body, content=content, replaces=replaces)
        if self.observer:
            self.observer.blob_written(path, blob, body)
        return blob


class WatchedLedger(MemoryLedger):
    """The ledger, whose writes are seen; and its transactions."""

    observer: Observer | None = None

    async def transact(self, writes: Sequence[Write]) -> bool:
        """Write all rows or none; tell which."""
        partition_of(writes)
        there = [self.entries.get((each.row.dataset, (each.row.item, each.row.key))) for each in writes]
        if any(each.replaces != (found.etag if found else None) for each, found in zip(writes, there, strict=True)):
            return False
        for each in writes:
            self._store(each.row)
        return True

    @override
    def _store(self, row: LedgerRow) -> None:
        super()._store(row)
        if self.observer:
            self.observer.row_written(row)


class WatchedRuns(MemoryRuns):
    """Runs, whose changes are seen."""

    observer: Observer | None = None

    @override
    async def save(self, run: Run, *, replaces: str | None) -> bool:
        is_saved = await super().save(run, replaces=replaces)
        if is_saved and self.observer:
            self.observer.run_saved(run)
        return is_saved


class WatchedWatermarks(MemoryWatermarks):
    """Watermarks, whose changes are seen."""

    observer: Observer | None = None

    @override
    async def save(self, watermark: Watermark, *, replaces: str | None) -> bool:
        is_saved = await super().save(watermark, replaces=replaces)
        if is_saved and self.observer:
            self.observer.watermark_saved(watermark)
        return is_saved


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """All of it."""

    messages: MessageStore
    blobs: WatchedBlobs = dataclasses.field(default_factory=WatchedBlobs)
    ledger: WatchedLedger = dataclasses.field(default_factory=WatchedLedger)
    runs: WatchedRuns = dataclasses.field(default_factory=WatchedRuns)
    watermarks: WatchedWatermarks = dataclasses.field(default_factory=WatchedWatermarks)
    plans: MemoryRuns = dataclasses.field(default_factory=MemoryRuns)
    totals: MemoryTotals = dataclasses.field(default_factory=MemoryTotals)
    holds: MemoryHolds = dataclasses.field(default_factory=MemoryHolds)
    failures: MemoryFailures = dataclasses.field(default_factory=MemoryFailures)
    activities: MemoryActivities = dataclasses.field(default_factory=MemoryActivities)

    def watched(self, observer: Observer) -> Self:
        """The same, with somebody who sees what is written from now on."""
        for each in (self.blobs, self.ledger, self.runs, self.watermarks):
            each.observer = observer
        return self
