"""The buffers of all copies in a process, as one budget, of which each copy has a share."""

import asyncio
import dataclasses


class MemoryBudget:
    """Bytes that may be in buffers at once.

    Who holds nothing goes before who holds something already, and among these who asked first: so a small asset never
    waits until giants have had their fill. Nobody waits for ever: what a copy holds ends by itself, and a copy that
    holds nothing any more keeps its place.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._waiting: list[_Waiter] = []

    @property
    def free(self) -> int:
        """Bytes that nobody holds."""
        return self._free

    def share(self) -> "Share":
        """A share for one copy, which holds nothing yet."""
        return Share(self)

    async def take(self, size: int, *, share: "Share") -> None:
        """For ``Share``: wait until ``size`` bytes are its turn."""
        waiter = _Waiter(share=share, size=size, turn=asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._serve()
        try:
            await waiter.turn
        except asyncio.CancelledError:
            self._give_up(waiter)
            raise

    def give_back(self, size: int, *, share: "Share") -> None:
        """For ``Hold``: return bytes, and let those who wait go on."""
        share.held -= size
        self._free += size
        self._serve()

    def whole(self, size: int) -> int:
        """More than there is in all counts as all there is."""
        return min(size, self._total)

    def _serve(self) -> None:
        while waiter := self._next():
            if waiter.size > self._free:
                # Nobody overtakes, or a large block would wait for ever.
                return
            self._waiting.remove(waiter)
            if not waiter.turn.done():
                self._free -= waiter.size
                waiter.share.held += waiter.size
                waiter.turn.set_result(None)

    def _next(self) -> "_Waiter | None":
        first = self._waiting[0] if self._waiting else None
        return next((each for each in self._waiting if not each.share.held), first)

    def _give_up(self, waiter: "_Waiter") -> None:
        """A waiter was cancelled: it may have been served in the same moment."""
        if waiter.turn.done() and not waiter.turn.cancelled():
            self.give_back(waiter.size, share=waiter.share)
        else:
            self._waiting = [each for each in self._waiting if each is not waiter]
            self._serve()


class Share:
    """What one copy holds of the budget."""

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        #: Bytes.
        self.held = 0

    async def take(self, size: int) -> "Hold":
        """Wait until ``size`` bytes are this copy's turn, and take them; more than there is in all counts as all."""
        size = self._budget.whole(size)
        await self._budget.take(size, share=self)
        return Hold(self._budget, share=self, size=size)


class Hold:
    """A part of the budget, returned once."""

    def __init__(self, budget: MemoryBudget, *, share: Share, size: int) -> None:
        self._budget = budget
        self._share = share
        self._size = size

    def release(self) -> None:
        """Return it; a second call does nothing."""
        size, self._size = self._size, 0
        if size:
            self._budget.give_back(size, share=self._share)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Waiter:
    share: Share
    size: int
    turn: asyncio.Future[None]
