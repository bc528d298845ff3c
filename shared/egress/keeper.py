"""Takes, renews and gives back this process's shares: one task a process, one call of storage a second at most.

No clock of another machine is trusted. A lease ends at the service, and its holder stops before that by its own clock,
counted from before the request that renewed it; a process that dies holds its shares until their leases end.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

from shared.egress.manners import Manners
from shared.egress.pool import MARGIN_SECONDS, Held
from shared.egress.shares import LEASE_SECONDS, Shares
from shared.model.errors import StorageFailedError

logger = logging.getLogger(__name__)

_TICK_SECONDS = 1.0
_CALL_SECONDS = 5.0
_RENEWED_AFTER_SECONDS = 20.0
#: So many can be renewed at a call a second, and some of the calls are left for taking.
_MOST_SHARES = 16
#: Nobody keeps a share for longer while others may want it; then it is left alone for a while.
_TENURE_SECONDS, _TENURE_SPREAD_SECONDS, _REST_SECONDS = 150.0, 60.0, 5.0
_IDLE_SECONDS = 10.0


class Keeper:
    """Keeps as many shares as there is work for."""

    def __init__(
        self,
        manners: Manners,
        shares: Shares,
        *,
        chance: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._manners = manners
        self._pools = manners.pools
        self._shares = shares
        self._chance = chance
        self._clock = clock
        #: Shares that this process gave back, and until when others have them to themselves.
        self._rests: dict[tuple[str, int], float] = {}

    @contextlib.asynccontextmanager
    async def keep(self) -> AsyncGenerator[None]:
        """Keep shares until the block ends, then give back what nothing is under way on."""
        task = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            idle = [(name, each) for name, pool in self._pools.items() if pool.is_idle for each in pool.held.values()]
            await asyncio.gather(*(self._give_back(name, each) for name, each in idle))

    async def _keep(self) -> None:
        while True:
            if not any(pool.held or pool.waiting for pool in self._pools.values()):
                self._manners.wanted.clear()
                await self._manners.wanted.wait()
            try:
                await self._work()
            except Exception:
                # Whatever it was, no request would ever be let in again without this task.
                logger.exception("shares aren't kept", extra={"action": "shares_not_kept"})
            await asyncio.sleep(_TICK_SECONDS)

    async def _work(self) -> None:
        """One call of storage, the most urgent."""
        self._retire()
        if renewal := self._oldest():
            await self._renew(*renewal)
        elif spare := self._spare():
            await self._give_back(*spare)
        elif free := self._free():
            await self._take(*free)

    def _retire(self) -> None:
        """Mark what others should have: all of a pool that has nothing to do, and what was held for long."""
        now = self._clock()
        for pool in self._pools.values():
            is_idle = pool.is_idle and now - pool.used_at >= _IDLE_SECONDS
            for each in pool.held.values():
                each.retires = each.retires or is_idle or now >= each.tenure_until

    def _oldest(self) -> tuple[str, Held] | None:
        now = self._clock()
        due = [(name, each) for name, each in self._held() if now - each.renewed_at >= _RENEWED_AFTER_SECONDS]
        return min(due, key=lambda pair: pair[1].renewed_at, default=None)

    def _spare(self) -> tuple[str, Held] | None:
        for name, each in self._held():
            if each.retires and self._pools[name].can_spare(each):
                return name, each
        return None

    def _free(self) -> tuple[str, int] | None:
        """A share, any, of a host that somebody waits for."""
        now = self._clock()
        self._rests = {share: until for share, until in self._rests.items() if now < until}
        if len(self._held()) >= _MOST_SHARES:
            return None
        free = [
            (name, share)
            for name, pool in self._pools.items()
            if pool.waiting
            for share in range(len(pool.worths))
            if share not in pool.held and (name, share) not in self._rests
        ]
        return free[int(self._chance() * len(free))] if free else None

    async def _take(self, name: str, share: int) -> None:
        asked, pool = self._clock(), self._pools[name]
        lease = await self._called(self._shares.take(name, share), name)
        if not lease:
            return
        # Whoever died stopped a margin before the lease ended, but a slow rate remembers for longer.
        unusable = max(0.0, pool.period - MARGIN_SECONDS)
        held = Held(
            share=share,
            lease=lease,
            tenure_until=asked + _TENURE_SECONDS + self._chance() * _TENURE_SPREAD_SECONDS,
            usable_from=self._clock() + unusable,
            valid_until=_valid_until(asked),
            renewed_at=asked,
        )
        pool.held[share] = held
        pool.used_at = held.usable_from
        self._watch(name, held)
        asyncio.get_running_loop().call_later(unusable, self._manners.changed)

    async def _renew(self, name: str, held: Held) -> None:
        asked = self._clock()
        renewed = await self._called(self._shares.renew(name, held.share, lease=held.lease), name)
        if renewed:
            held.renewed_at, held.valid_until = asked, _valid_until(asked)
        elif renewed is False:
            self._lose(name, held)

    async def _give_back(self, name: str, held: Held) -> None:
        # Before the call: whether it comes to anything or not, the share may be somebody else's by then.
        self._pools[name].held.pop(held.share, None)
        self._rests[name, held.share] = self._clock() + _REST_SECONDS
        await self._called(self._shares.give_back(name, held.share, lease=held.lease), name)

    def _watch(self, name: str, held: Held) -> None:
        """Lose a share when its time is over, also while a call of storage is waited for."""
        if self._pools[name].held.get(held.share) is not held:
            return
        left = held.valid_until - self._clock()
        if left <= 0:
            self._lose(name, held)
        else:
            asyncio.get_running_loop().call_later(left, self._watch, name, held)

    def _lose(self, name: str, held: Held) -> None:
        self._pools[name].held.pop(held.share, None)
        extra = {"action": "share_lost", "host": name, "share": held.share}
        logger.warning("a share of a host's limits was lost", extra=extra)
        self._manners.lost(self._pools[name])

    async def _called[T](self, call: Awaitable[T], name: str) -> T | None:
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                return await call
        except (StorageFailedError, TimeoutError):
            extra = {"action": "share_not_asked", "host": name}
            logger.warning("a host's limits couldn't be asked about", exc_info=True, extra=extra)
            return None

    def _held(self) -> list[tuple[str, Held]]:
        return [(name, each) for name, pool in self._pools.items() for each in pool.held.values()]


def _valid_until(asked: float) -> float:
    return asked + LEASE_SECONDS - MARGIN_SECONDS
