"""What stands in the poison queues, and what is to be known of it."""

import contextlib
import dataclasses
from collections.abc import AsyncGenerator, Callable
from datetime import datetime

from shared.poison.choosing import Choice
from shared.poison.reading import Poison, Reading
from shared.poison.walking import Source, Walking
from shared.storage.answers import each_of


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Shows poison; it stays where it is, and as it is, but for the count of its deliveries."""

    walking: Walking
    reading: Reading

    async def tell(
        self,
        choice: Choice,
        *,
        to: Callable[[Poison], None],
        limit: int | None = None,
        ends_at: datetime | None = None,
    ) -> bool:
        """Tell of each message that is meant, in the order of the queues; whether there may be more than was told of.

        Raises StorageFailedError.
        """
        told = 0
        async with self.walking.through(choice.queues, ends_at=ends_at) as walk:
            async with contextlib.aclosing(chosen(walk, choice, reading=self.reading)) as found:
                async for poison in found:
                    if told == limit:
                        return True
                    to(poison)
                    told += 1
            return walk.is_cut


async def chosen(source: Source, choice: Choice, *, reading: Reading) -> AsyncGenerator[Poison]:
    """The messages of a source that are meant, read."""
    async with contextlib.aclosing(source.batches()) as batches:
        async for batch in batches:
            for poison in await each_of(batch, reading.read):
                if poison.queue in choice.queues and choice.fits(poison.traits):
                    yield poison
