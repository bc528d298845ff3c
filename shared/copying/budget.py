"""The buffers of all copies in a process, as one budget."""

import asyncio
from collections import deque


class MemoryBudget:
    """Bytes that may be in buffers at once; who asks first is served first."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def free(self) -> int:
        """Bytes that nobody holds."""
        return self._free

    async def take(self, size: int) -> "Hold":
        """Wait until ``size`` bytes are free and take them; more than there is in all counts as all there is."""
        size = min(size, self._total)
        if self._waiting or size > self._free:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((size, turn))
            try:
                await turn
            except asyncio.CancelledError:
                self._give_up(size, turn)
                raise
        else:
            self._free -= size
        return Hold(self, size)

    def give_back(self, size: int) -> None:
        """Return bytes, and let those who wait go on."""
        self._free += size
        while self._waiting and self._waiting[0][0] <= self._free:
            wanted, turn = self._waiting.popleft()
            if not turn.done():
                self._free -= wanted
                turn.set_result(None)

    def _give_up(self, size: int, turn: "asyncio.Future[None]") -> None:
        """A waiter was cancelled: it may have been served in the same moment."""
        if turn.done() and not turn.cancelled():
            self.give_back(size)
        else:
            self._waiting = deque(each for each in self._waiting if each[1] is not turn)
            self.give_back(0)


class Hold:
    """A part of the budget, returned once."""

    def __init__(self, budget: MemoryBudget, size: int) -> None:
        self._budget = budget
        self._size = size

    def release(self) -> None:
        """Return it; a second call does nothing."""
        size, self._size = self._size, 0
        if size:
            self._budget.give_back(size)
