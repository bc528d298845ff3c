"""Who may be asked when: the limits of hosts, kept by all processes of the app together.

A host's budget is cut into shares, and a share belongs to one process at a time (``shares``, ``keeper``). Within the
process requests stand in line for what its shares are worth (``pool``, ``room``); a host that asks for patience or
fails in a row isn't asked at all (``gate``).
"""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from shared.egress.gate import Gate
from shared.egress.policy import names_host
from shared.egress.pool import Pool
from shared.egress.turns import Line, Turn, window_of
from shared.model.errors import HostBusyError, SourceUnavailableError
from shared.model.politeness import Limits

#: How long a request stands in line: a message that waits holds one of its instance's places.
_PATIENCE_SECONDS = 30.0
#: When it is sent again, spread so that they don't come all together: always by the lane of what is put off.
_SOONEST_SECONDS, _SPREAD_SECONDS = 61.0, 119.0
#: Timers may ring a little early.
_TICK_SECONDS = 0.001
_REMEMBERED = 1024


class Manners:
    """Lets requests to hosts in, one after the other. One object a process."""

    def __init__(
        self,
        budgets: Mapping[str, Limits],
        *,
        chance: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lines = {
            host: Line(gate=Gate(host, clock=clock), pool=Pool(limits, clock=clock))
            for host, limits in sorted(budgets.items())
        }
        self._chance = chance
        self._found: dict[str, tuple[Line, ...]] = {}
        self._scopes: dict[asyncio.Timeout, Sequence[Line]] = {}
        self._changes = asyncio.Event()
        #: Set while somebody waits for room.
        self.wanted = asyncio.Event()

    @property
    def pools(self) -> dict[str, Pool]:
        """The pools that have shares, by host or pattern of hosts."""
        return {host: line.pool for host, line in self._lines.items() if line.pool.worths}

    def turn(self, host: str, *, asset: str) -> AbstractAsyncContextManager[Turn | None]:
        """Wait for a request's turn, and hold it for the block; None: the host is under no limit.

        ``asset`` says whose request it is. Raises HostBusyError where there was no room in time, or a share was lost
        meanwhile; HostClosedError and SourceThrottledError where the host isn't asked at all.
        """
        lines = self._found.get(host)
        if lines is None:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            lines = self._found[host] = tuple(
                line for pattern, line in self._lines.items() if names_host(host, (pattern,))
            )
        return self._turn(host, lines, asset=asset) if lines else contextlib.nullcontext()

    def changed(self) -> None:
        """Tell all who wait that there may be room."""
        self._changes.set()
        self._changes.clear()

    def lost(self, pool: Pool) -> None:
        """End what is under way on a pool that lost a share, if that is more than is left."""
        if not pool.is_overdrawn():
            return
        for scope, lines in self._scopes.items():
            if any(line.pool is pool for line in lines):
                scope.reschedule(asyncio.get_running_loop().time())

    @contextlib.asynccontextmanager
    async def _turn(self, host: str, lines: Sequence[Line], *, asset: str) -> AsyncGenerator[Turn]:
        turn = await self._admitted(host, lines, asset=asset)
        scope = asyncio.timeout(None)
        try:
            async with scope:
                self._scopes[scope] = lines
                try:
                    yield turn
                finally:
                    self._scopes.pop(scope, None)
        except SourceUnavailableError:
            turn.unreachable()
            raise
        except TimeoutError:
            if scope.expired():
                raise self._busy(f"{host}: a share of its limits was lost while it was asked") from None
            raise
        finally:
            turn.end()

    async def _admitted(self, host: str, lines: Sequence[Line], *, asset: str) -> Turn:
        for line in lines:
            line.gate.check()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS), contextlib.AsyncExitStack() as standing:
                for line in lines:
                    standing.enter_context(line.pool.one_more_waits())
                for line in lines:
                    await standing.enter_async_context(line.lock)
                await self._until(lambda: _wait(lines))
                return Turn(lines, asset=asset, until=self._until, changed=self.changed)
        except TimeoutError:
            raise self._busy(f"{host}: all that 'polite' allows is under way") from None

    async def _until(self, wait: Callable[[], float]) -> None:
        """Wait for others, or for time to pass, until there is nothing to wait for."""
        while seconds := wait():
            self.wanted.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if seconds == math.inf else seconds + _TICK_SECONDS):
                    await self._changes.wait()

    def _busy(self, why: str) -> HostBusyError:
        seconds = _SOONEST_SECONDS + self._chance() * _SPREAD_SECONDS
        return HostBusyError(why, retry_after=timedelta(seconds=seconds))


def _wait(lines: Sequence[Line]) -> float:
    for line in lines:
        line.gate.check()
    return max(line.pool.wait(window=window_of(lines)) for line in lines)
