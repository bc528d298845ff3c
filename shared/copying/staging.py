"""The blocks of one large blob: read in order, staged several at once, skipped where they are staged already."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Self

from shared.copying.blocks import MAX_BLOCKS, BlockReader, block_id, block_name
from shared.copying.budget import Hold, Share
from shared.copying.digests import Digests
from shared.copying.job import DeadlineReachedError
from shared.model.errors import AssetTooLargeError
from shared.storage.blobs import BlobPath, Blobs

#: Blocks of one copy that are in memory at once: read, hashed, or on their way.
_AT_ONCE = 4


class Block:
    """A block that was read, and its part of the budget: they go together, whoever still knows the block."""

    def __init__(self, pieces: Sequence[bytes], *, hold: Hold) -> None:
        self.pieces = pieces
        self.length = sum(map(len, pieces))
        self._hold = hold

    def release(self) -> None:
        """Let both go; a second call does nothing."""
        self.pieces = ()
        self._hold.release()


class Staging:
    """Stages the blocks of one blob and remembers their ids, in order."""

    def __init__(
        self, blobs: Blobs, path: BlobPath, *, version: bytes, chained: bool, already: Mapping[str, int]
    ) -> None:
        self._blobs = blobs
        self._path = path
        self._version = version
        self._chained = chained
        self._already = already
        self._slots = asyncio.Semaphore(_AT_ONCE)
        # Served in the order in which it is asked for, which is that of the blocks.
        self._hashing = asyncio.Lock()
        #: The ids so far: each names a block that the service has accepted once ``run`` has returned.
        self.ids: list[str] = []

    @classmethod
    async def begin(cls, blobs: Blobs, path: BlobPath, *, version: bytes, chained: bool) -> Self:
        """Begin with what the block list says is staged already."""
        staged = await blobs.staged(path)
        already = {each.block_id: each.length for each in staged}
        return cls(blobs, path, version=version, chained=chained, already=already)

    def resume(self, *, block_size: int, total: int) -> int:
        """Take over what is staged without a gap from the first block on, but for the last; return its bytes.

        For a source that has a validator: only so an index says which bytes of which version a block has. Where two
        blocks of one index are staged, the source has lied, and nothing is taken from there on. As the last block is
        read in any case, the source is seen to be of this version still.
        """
        last = (total - 1) // block_size
        self.ids = [*self._without_gap(block_size=block_size)][:last]
        return len(self.ids) * block_size

    def _without_gap(self, *, block_size: int) -> Iterator[str]:
        by_index: defaultdict[int, list[str]] = defaultdict(list)
        for each in self._already:
            name = block_name(each)
            if name is not None and name.version == self._version:
                by_index[name.index].append(each)
        index = 0
        while len(ids := by_index.get(index, [])) == 1 and self._already[ids[0]] == block_size:
            yield ids[0]
            index += 1

    async def run(self, reader: BlockReader, *, first: Block | None, whole: Digests, share: Share) -> bool:
        """Stage block after block, ``first`` first; return whether the body's end came before the deadline.

        What was on its way is waited for in either case. Raises what the source or storage raised.
        """
        try:
            async with asyncio.TaskGroup() as group:
                return await self._stage_all(reader, first=first, whole=whole, share=share, group=group)
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from failed

    async def _stage_all(
        self, reader: BlockReader, *, first: Block | None, whole: Digests, share: Share, group: asyncio.TaskGroup
    ) -> bool:
        block = first
        while True:
            await self._slots.acquire()
            try:
                block = block or await read_block(reader, size=reader.size, share=share)
            except DeadlineReachedError:
                return False
            if not block.length:
                block.release()
                return True
            self._hand_over(block, whole=whole, group=group)
            block = None

    def _hand_over(self, block: Block, *, whole: Digests, group: asyncio.TaskGroup) -> None:
        if len(self.ids) == MAX_BLOCKS:
            block.release()
            raise AssetTooLargeError(f"more than {MAX_BLOCKS} blocks")
        index = len(self.ids)
        self.ids.append("")
        staging = group.create_task(self._stage(block, index, whole=whole))
        # Not within the task: one that is cancelled before it begins runs no line of its own.
        staging.add_done_callback(lambda _: self._staged(block))

    async def _stage(self, block: Block, index: int, *, whole: Digests) -> None:
        """Hash a block while the next one is read, and stage it unless it is staged already with the same digest."""
        async with self._hashing:
            await whole.update(block.pieces)
            so_far = whole.sha256 if self._chained else None
        # Hashes are what a copy's speed comes to: a chained one is that of the whole, which is computed anyway.
        name = block_id(self._version, index, sha256=so_far or await asyncio.to_thread(_sha256, block.pieces))
        if self._already.get(name) != block.length:
            await self._blobs.stage(self._path, block.pieces, block_id=name)
        self.ids[index] = name

    def _staged(self, block: Block) -> None:
        block.release()
        self._slots.release()


async def read_block(reader: BlockReader, *, size: int, share: Share) -> Block:
    """Read a block of at most ``size`` bytes, once there is room for them."""
    hold = await share.take(size)
    try:
        return Block(await reader.next(), hold=hold)
    except BaseException:
        hold.release()
        raise


def _sha256(pieces: Sequence[bytes]) -> bytes:
    digest = hashlib.sha256()
    for each in pieces:
        digest.update(each)
    return digest.digest()
