"""The blocks of one large blob: read in order, staged several at once, skipped where they are staged already."""

import asyncio
import hashlib
from typing import Self

from shared.copying.blocks import MAX_BLOCKS, BlockReader, block_id
from shared.copying.budget import Hold, MemoryBudget
from shared.copying.digests import Digests
from shared.copying.job import DeadlineReachedError
from shared.model.errors import AssetTooLargeError
from shared.storage.blobs import BlobPath, Blobs

#: Blocks of one copy that are on their way at once.
_IN_FLIGHT = 4


class Block:
    """A block that was read, and its part of the budget: they go together, whoever still knows the block."""

    def __init__(self, data: bytes, *, hold: Hold) -> None:
        self.data = data
        self._hold = hold

    def release(self) -> None:
        """Let both go; a second call does nothing."""
        self.data = b""
        self._hold.release()


class Staging:
    """Stages the blocks of one blob and remembers their ids, in order."""

    def __init__(self, blobs: Blobs, path: BlobPath, *, version: bytes, already: dict[str, int]) -> None:
        self._blobs = blobs
        self._path = path
        self._version = version
        self._already = already
        self._slots = asyncio.Semaphore(_IN_FLIGHT)
        #: The ids so far: each named a block that the service has accepted once ``run`` has returned.
        self.ids: list[str] = []

    @classmethod
    async def begin(cls, blobs: Blobs, path: BlobPath, *, version: bytes) -> Self:
        """Begin with what the block list says is staged already."""
        staged = await blobs.staged(path)
        return cls(blobs, path, version=version, already={each.block_id: each.length for each in staged})

    async def run(self, first: Block, reader: BlockReader, *, whole: Digests, budget: MemoryBudget) -> bool:
        """Stage block after block, ``first`` first; return whether the body's end came before the deadline.

        What was on its way is waited for in either case. Raises what the source or storage raised.
        """
        try:
            async with asyncio.TaskGroup() as group:
                return await self._stage_all(first, reader, whole=whole, budget=budget, group=group)
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from failed

    async def _stage_all(
        self,
        block: Block,
        reader: BlockReader,
        *,
        whole: Digests,
        budget: MemoryBudget,
        group: asyncio.TaskGroup,
    ) -> bool:
        size = len(block.data)
        while block.data:
            await self._hand_over(block, whole=whole, group=group)
            hold = await budget.take(size)
            try:
                block = Block(await reader.next(), hold=hold)
            except DeadlineReachedError:
                hold.release()
                return False
            except BaseException:
                hold.release()
                raise
        block.release()
        return True

    async def _hand_over(self, block: Block, *, whole: Digests, group: asyncio.TaskGroup) -> None:
        """Hash a block and have it staged, unless it is staged already with the same digest."""
        try:
            name = await self._hashed(block, whole=whole)
            self.ids.append(name)
            if self._already.get(name) == len(block.data):
                block.release()
                return
            await self._slots.acquire()
        except BaseException:
            block.release()
            raise
        staging = group.create_task(self._blobs.stage(self._path, block.data, block_id=name))
        # Not within the task: one that is cancelled before it begins runs no line of its own.
        staging.add_done_callback(lambda _: self._staged(block))

    async def _hashed(self, block: Block, *, whole: Digests) -> str:
        """The block's id; its bytes are in the whole's digests then."""
        if len(self.ids) == MAX_BLOCKS:
            raise AssetTooLargeError(f"more than {MAX_BLOCKS} blocks")
        await whole.update(block.data)
        sha256 = (await asyncio.to_thread(hashlib.sha256, block.data)).digest()
        return block_id(self._version, len(self.ids), sha256=sha256)

    def _staged(self, block: Block) -> None:
        block.release()
        self._slots.release()
