"""Blobs and uncommitted blocks in a dictionary."""

import dataclasses
import hashlib
import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from shared.model.errors import BlobConflictError, StorageFailedError
from shared.storage.blobs import Blob, BlobPath, Content, StagedBlock

_MAX_BLOCK_ID = 64


def _new_year() -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC)


class MemoryBlobs:
    """Blobs with ETags and conditions. As on Azure, a write discards the blob's uncommitted blocks."""

    def __init__(self, *, now: Callable[[], datetime] = _new_year) -> None:
        self.blobs: dict[BlobPath, Blob] = {}
        self.bodies: dict[BlobPath, bytes] = {}
        self.contents: dict[BlobPath, Content] = {}
        #: The bodies of a blob's snapshots, oldest first.
        self.snapshots: defaultdict[BlobPath, list[bytes]] = defaultdict(list)
        self.blocks: defaultdict[BlobPath, dict[str, bytes]] = defaultdict(dict)
        self._committed: dict[BlobPath, dict[str, bytes]] = {}
        self._now = now
        self._versions = itertools.count(1)

    async def look(self, path: BlobPath) -> Blob | None:
        """The committed blob."""
        return self.blobs.get(path)

    async def put(
        self, path: BlobPath, body: Sequence[bytes], *, content: Content, replaces: str | None = None
    ) -> Blob:
        """Store a blob whose MD5 is as stated."""
        whole = b"".join(body)
        md5 = hashlib.md5(whole, usedforsecurity=False).digest()
        if content.md5 not in {None, md5}:
            raise StorageFailedError(f"{path.name}: Md5Mismatch")
        return self._write(path, whole, content=dataclasses.replace(content, md5=md5), replaces=replaces)

    async def staged(self, path: BlobPath) -> tuple[StagedBlock, ...]:
        """The uncommitted blocks."""
        blocks = self.blocks.get(path, {})
        return tuple(StagedBlock(block_id=each, length=len(body)) for each, body in blocks.items())

    async def stage(self, path: BlobPath, body: Sequence[bytes], *, block_id: str) -> None:
        """Keep a block; all ids of a blob have one length."""
        lengths = {len(each) for each in self.blocks[path]} | {len(block_id)}
        block = b"".join(body)
        if not block or len(block_id) > _MAX_BLOCK_ID or len(lengths) > 1:
            raise StorageFailedError(f"{path.name}: InvalidBlobOrBlock")
        self.blocks[path][block_id] = block

    async def commit(
        self, path: BlobPath, block_ids: Sequence[str], *, content: Content, replaces: str | None = None
    ) -> Blob:
        """Make a blob of blocks that are staged, or of the blob that stands there."""
        latest = {**self._committed.get(path, {}), **self.blocks[path]}
        if missing := set(block_ids).difference(latest):
            raise BlobConflictError(f"{path.name}: InvalidBlockList, {len(missing)} are missing")
        body = b"".join(latest[each] for each in block_ids)
        blob = self._write(path, body, content=content, replaces=replaces)
        self._committed[path] = {each: latest[each] for each in block_ids}
        return blob

    async def snapshot(self, path: BlobPath, *, of: str) -> None:
        """Keep the blob's bytes."""
        there = self.blobs.get(path)
        if there is None or there.etag != of:
            raise BlobConflictError(f"{path.name}: another blob stands there")
        self.snapshots[path].append(self.bodies[path])

    async def read(self, path: BlobPath) -> bytes | None:
        """The bytes of a committed blob."""
        return self.bodies.get(path)

    def _write(self, path: BlobPath, body: bytes, *, content: Content, replaces: str | None) -> Blob:
        there = self.blobs.get(path)
        if replaces != (there.etag if there else None):
            raise BlobConflictError(f"{path.name}: another blob stands there")
        self.blocks.pop(path, None)
        self._committed.pop(path, None)
        self.bodies[path], self.contents[path] = body, content
        self.blobs[path] = Blob(
            etag=f'"0x{next(self._versions):08X}"',
            length=len(body),
            md5=content.md5,
            metadata=dict(content.metadata),
            modified=self._now().replace(microsecond=0),
        )
        return self.blobs[path]
