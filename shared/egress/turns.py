"""One request's turn at the hosts that are to be spared: what it takes, what it holds, what it gives back."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from shared.egress.gate import Gate, Trouble
from shared.egress.pool import Pool
from shared.egress.statuses import Meaning, meaning_of

#: How a window is divided: the kernel takes twice what it is told, the client an eighth and what came at once.
_KERNELS_PART, _CLIENTS_PART = 8, 16


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """A host, or the hosts of one pattern, and who waits for it: first come, first served."""

    gate: Gate
    pool: Pool
    lock: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)


class Turn:
    """A request that was let in, from before it is sent until its body has come."""

    def __init__(
        self,
        lines: Sequence[Line],
        *,
        asset: str,
        until: Callable[[Callable[[], float]], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        """``until`` waits for a function to return 0; ``changed`` tells those who wait."""
        self._lines = lines
        self._asset = asset
        self._until = until
        self._changed = changed
        self._window = window_of(lines)
        #: Bytes that may be there and weren't read, and those that are still to come, where that is known.
        self._reserved = self._window
        self._left: int | None = None
        self._is_answered = False
        self._is_whole = False
        self._probes = [line for line in lines if line.gate.enter()]
        for line in lines:
            line.pool.begin(window=self._window)

    @property
    def kernel_bytes(self) -> int:
        """What a socket may buffer; 0: as it likes."""
        return self._window // _KERNELS_PART

    @property
    def client_bytes(self) -> int:
        """What the client may buffer; 0: as it likes."""
        return self._window // _CLIENTS_PART

    def answered(self, status: int, *, length: int | None, retry_after: timedelta | None) -> None:
        """Note the head of an answer; ``length``: of its body, where that is known."""
        self._arrived()
        if length is not None:
            self._left = length
            self._leave(max(0, self._reserved - length))
            self._is_whole = length == 0
        for line in self._lines:
            self._judge(line, status, retry_after)
        self._changed()

    def unreachable(self) -> None:
        """Note that no answer came."""
        for line in () if self._is_answered else self._lines:
            line.gate.failed(self._asset, Trouble.OUTAGE, is_probe=line in self._probes)

    async def reads(self) -> None:
        """Wait until the body may go on: called before each read."""
        wanted = self._window if self._left is None else min(self._window, self._left)
        missing = wanted - self._reserved
        if missing <= 0:
            return
        pools = [line.pool for line in self._lines]
        with contextlib.ExitStack() as waiting:
            for pool in pools:
                waiting.enter_context(pool.one_more_waits())
            await self._until(lambda: max(pool.wait_for_bytes(missing) for pool in pools))
        for pool in pools:
            pool.take_bytes(missing)
        self._reserved += missing

    def came(self, count: int) -> None:
        """Note bytes that were read; none: the body is whole."""
        if count == 0:
            self._is_whole = True
            return
        # A server that ignores how little is buffered has to be counted all the same.
        for line in self._lines:
            line.pool.take_bytes(max(0, count - self._reserved))
            line.pool.spend_bytes(count)
        self._reserved = max(0, self._reserved - count)
        if self._left is not None:
            self._left = max(0, self._left - count)

    def end(self) -> None:
        """Give everything back."""
        self._arrived()
        for line in self._lines:
            if self._is_whole:
                line.pool.leave_bytes(self._reserved)
            else:
                line.pool.spend_bytes(self._reserved)
            line.pool.ended(is_whole=self._is_whole)
            line.gate.leave(is_probe=line in self._probes)
        self._changed()

    def _arrived(self) -> None:
        if not self._is_answered:
            self._is_answered = True
            for line in self._lines:
                line.pool.answered()

    def _leave(self, count: int) -> None:
        self._reserved -= count
        for line in self._lines:
            line.pool.leave_bytes(count)

    def _judge(self, line: Line, status: int, retry_after: timedelta | None) -> None:
        """What a status means for the host; one that says for how long isn't counted with those that just fail."""
        meaning, is_probe = meaning_of(status), line in self._probes
        if retry_after is not None and meaning.asks_for_patience:
            line.gate.asked_for_patience(retry_after)
        elif meaning is Meaning.REFUSED:
            line.gate.failed(self._asset, Trouble.REFUSALS, is_probe=is_probe)
        elif meaning.is_outage:
            line.gate.failed(self._asset, Trouble.OUTAGE, is_probe=is_probe)
        else:
            line.gate.succeeded()


def window_of(lines: Sequence[Line]) -> int:
    """The bytes that a connection may hold unread; the smallest of its hosts' windows, 0 where none is limited."""
    return min((line.pool.window for line in lines if line.pool.window), default=0)
