"""Stands between the code and its in-memory twins: writes calls down, and lets things happen before or after them."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, Literal

type Action = Callable[[], Awaitable[None]]
type When = Literal["before", "after"]


class CrashError(BaseException):
    """The process is killed: no ``except Exception`` sees it."""


class Wire:
    """Calls by name, in order."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._counts: Counter[str] = Counter()
        self._actions: defaultdict[tuple[str, When, int], list[Action]] = defaultdict(list)
        self._each_time: list[Callable[[], None]] = []
        self._dies_at: tuple[int, When] | None = None
        self.is_dead = False
        #: As on a network, others run before a call has its effect: how often they get a turn.
        self.stumble: Callable[[], int] = lambda: 1

    def tap(self, twin: object, title: str, *names: str) -> None:
        """Have these methods of a twin go over this wire, as ``title.name``."""
        for name in names:
            setattr(twin, name, self._tapped(f"{title}.{name}", getattr(twin, name)))

    async def point(self) -> None:
        """Pause of a source: counts as a call, so that things can happen between its chunks."""
        await self._pass("source.read", _nothing)

    def on(self, name: str, when: When, action: Action, *, nth: int = 1) -> None:
        """Have something happen before or after the n-th call of a method, counted from now."""
        self._actions[name, when, self._counts[name] + nth].append(action)

    def fail(self, name: str, when: When, error: Exception, *, nth: int = 1) -> None:
        """Have the n-th call from now fail: without its effect, or after it (then only its answer was lost)."""

        async def raise_it() -> None:
            raise error

        self.on(name, when, raise_it, nth=nth)

    def after_each(self, check: Callable[[], None]) -> None:
        """Do or check something after every call."""
        self._each_time.append(check)

    def die(self, when: When, *, nth: int) -> None:
        """Kill the process before or after the effect of its n-th call from now, whichever that is."""
        self._dies_at = len(self.calls) + nth, when

    def revive(self) -> None:
        """Begin another process."""
        self.is_dead, self._dies_at = False, None

    def _tapped(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def tapped(*args: Any, **kwargs: Any) -> object:
            return await self._pass(name, lambda: call(*args, **kwargs))

        return tapped

    async def _pass(self, name: str, call: Callable[[], Awaitable[Any]]) -> object:
        self.calls.append(name)
        self._counts[name] += 1
        number, nth = len(self.calls), self._counts[name]
        self._live(number, "before")
        for each in self._actions.pop((name, "before", nth), []):
            await each()
        for _ in range(self.stumble()):
            await asyncio.sleep(0)
        self._live(None, "before")
        result = await call()
        for check in self._each_time:
            check()
        self._live(number, "after")
        for each in self._actions.pop((name, "after", nth), []):
            await each()
        return result

    def _live(self, number: int | None, when: When) -> None:
        """What is dead does nothing any more, though its coroutines still unwind."""
        if number is not None and self._dies_at == (number, when):
            self.is_dead = True
        if self.is_dead:
            raise CrashError


async def _nothing() -> None:
    """No call stands behind a pause."""
