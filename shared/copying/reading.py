"""One version of a source while a copy reads it: from its first byte, or on from where it is staged already."""

import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime

from shared.copying.blocks import BlockReader, block_size_for, head, version_of
from shared.copying.budget import Share
from shared.copying.job import Job
from shared.copying.staging import Block, Staging, read_block
from shared.copying.watching import watched
from shared.sources.body import Body, Rest, Sources
from shared.sources.content import check_content


@contextlib.asynccontextmanager
async def reading(
    job: Job, sources: Sources, *, share: Share, preferred: int, clock: Callable[[], datetime]
) -> AsyncGenerator["Reading"]:
    """Open an asset's source for as long as the block lasts; ``preferred`` is the size of blocks in bytes."""
    async with contextlib.AsyncExitStack() as opened:
        body = await opened.enter_async_context(sources.open(job.asset.href, dataset=job.dataset))
        yield Reading(job, body, sources=sources, opened=opened, share=share, preferred=preferred, clock=clock)


class Reading:
    """What a source answered, and its blocks, which go into the copy's share of the budget."""

    def __init__(
        self,
        job: Job,
        body: Body,
        *,
        sources: Sources,
        opened: contextlib.AsyncExitStack,
        share: Share,
        preferred: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._job = job
        self._sources = sources
        self._opened = opened
        self._clock = clock
        #: The answer to the first request, for the whole.
        self.body = body
        self.block_size = block_size_for(body.length, preferred=preferred)
        self.share = share
        self.blocks = BlockReader(watched(body, job, clock=clock, total=body.length), size=self.block_size)

    @property
    def is_large(self) -> bool:
        """Tell whether the source says that it has more than one block."""
        return self.body.length is not None and self.body.length > self.block_size

    def version(self, *, chained: bool) -> bytes:
        """The source's version within the ids of its blocks."""
        body, href = self.body, self._job.asset.href
        return version_of(body.validator, body.length, href=href, block_size=self.block_size, chained=chained)

    async def first(self) -> Block:
        """The first block, unless it begins as an error page does."""
        length = self.body.length
        size = self.block_size if length is None else min(self.block_size, length)
        block = await read_block(self.blocks, size=size, share=self.share)
        try:
            self._check_content(block.pieces)
        except BaseException:
            block.release()
            raise
        return block

    async def resume(self, staging: Staging) -> int:
        """Go on after what is staged; return how many bytes that are: none where nothing of this version is.

        Their first block was looked at before it was staged. Raises what ``Sources.open`` does for a rest.
        """
        body = self.body
        if body.validator is None or body.length is None:
            return 0
        begun = staging.resume(block_size=self.block_size, total=body.length)
        if begun:
            # One connection a copy: copies that wait for their second one would hold all that a host allows.
            await self._opened.aclose()
            rest = Rest(first=begun, total=body.length, validator=body.validator, encoding=body.encoding)
            following = await self._opened.enter_async_context(
                self._sources.open(self._job.asset.href, dataset=self._job.dataset, rest=rest)
            )
            chunks = watched(following, self._job, clock=self._clock, first=begun, total=body.length)
            self.blocks = BlockReader(chunks, size=self.block_size)
        return begun

    def _check_content(self, pieces: Sequence[bytes]) -> None:
        """By the catalog's media type alone: a server that sends an error page calls it text/html."""
        asset, first = self._job.asset, head(pieces)
        if first or asset.size != 0:
            check_content(first, media_type=asset.media_type, href=asset.href, encoding=self.body.encoding)
