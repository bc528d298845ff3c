"""An event loop whose time passes only while everybody waits: minutes of waiting take no time, and no clock is faked.

For code that waits for time and for itself; it may hold no socket and no thread.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, override


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time begins at 1,000 seconds."""

    def __init__(self) -> None:
        self._now = 1000.0
        super().__init__(_Waits(self))

    @override
    def time(self) -> float:
        return self._now

    def pass_time(self, seconds: float) -> None:
        """Let time pass at once."""
        self._now += seconds


def run[T](main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time to its end."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class _Waits(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everybody waits, and for nothing that time would bring"
        if timeout > 0:
            self._loop.pass_time(timeout)
        return super().select(0)
