"""The calls of one process, each of which waits for its turn: somebody else decides when it comes, and how it ends."""

import dataclasses
import hashlib
import re
from asyncio import CancelledError, Future
from collections.abc import Awaitable, Callable, Collection
from enum import Enum
from typing import Any, cast, override

from tests.fakes.faults import KilledError
from tests.simulation.effects import Effects, storage_failed
from tests.simulation.loops import ProcessLoop

#: Of blobs, and of rows.
ETAG = re.compile(r'"0x[0-9A-F]+"|W/"[a-z]+-[0-9]+"')


#: The call that opens a source.
SOURCE = "sources.read"
_CLOCK_DIGITS = 6


class End(Enum):
    """How a call ends."""

    ANSWERED = ""
    #: It has its effect, and an error comes instead of its answer.
    LOST = "its answer is lost"
    #: It has its effect, and its process dies.
    LAST = "its process dies"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waiting:
    """A call that waits."""

    name: str
    #: Whether it can end as any call; else it is answered.
    can_fail: bool
    turn: "Future[End]"


class Turns(Effects):
    """Makes the calls of one process."""

    def __init__(self, loop: ProcessLoop, *, unseen: Collection[str]) -> None:
        """``unseen``: calls that wait for nothing, as it makes no difference when they come."""
        self.is_dead = self.was_lost = False
        #: In the order in which they were made.
        self.waiting: list[Waiting] = []
        #: Those of all answers so far.
        self.etags: list[str] = []
        self._loop = loop
        self._unseen = unseen
        self._seen = hashlib.blake2b(digest_size=16)

    @property
    def seen(self) -> bytes:
        """A digest of all answers so far but for their ETags, and of their times: they decide what it does next."""
        return self._seen.digest()

    @override
    async def call[T](
        self,
        name: str,
        do: Callable[[], Awaitable[T]],
        *,
        error: Callable[[str], Exception] = storage_failed,
        can_fail: bool = True,
    ) -> T:
        """Make a call: it waits, and then has its effect at once, as all that it asks is in memory."""
        if self.is_dead:
            raise KilledError
        if name in self._unseen:
            return await do()
        waiting = Waiting(name=name, can_fail=can_fail, turn=cast("Future[End]", self._loop.create_future()))
        self.waiting.append(waiting)
        try:
            end = await waiting.turn
        except CancelledError:
            # That it had its effect before is another way: its turn came before what it was cancelled for.
            self.waiting = [each for each in self.waiting if each is not waiting]
            raise
        if self.is_dead:
            raise KilledError
        try:
            answer = await do()
        except Exception as failed:
            self._note(name, failed)
            self._end(end, error(name))
            raise
        self._end(end, error(name))
        self._note(name, answer)
        return answer

    def _end(self, end: End, error: Exception) -> None:
        if end is End.LAST:
            self.is_dead = True
            raise KilledError
        if end is End.LOST:
            self.was_lost = True
            self._note("lost", error)
            raise error

    def _note(self, name: str, answer: Any) -> None:
        text = with_stores(repr(answer), name.partition(".")[0])
        self.etags += ETAG.findall(text)
        now = self._loop.time()
        # A source is of its time; anything else is told the time by a clock, which counts microseconds.
        when = now if name == SOURCE else round(now, _CLOCK_DIGITS)
        self._seen.update(f"{when} {name} {ETAG.sub('', text)}\n".encode())


def with_stores(text: str, store: str) -> str:
    """A text in which the ETags of rows say of which table they are: each table counts its own."""
    return text.replace('W/"', f'W/"{store}-')
