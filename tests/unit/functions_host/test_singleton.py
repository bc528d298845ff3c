"""The singleton's lock in virtual time: SingletonManager.cs."""

import asyncio

import pytest

from functions_host.singleton import Lease, Renewal, Singleton
from tests.unit.functions_host.doubles import VirtualTime, settle


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


async def test_loser_tries_again(time: VirtualTime) -> None:
    """The loser doesn't start its listener and tries again every 60 s; who stops gives the lock up."""
    lock, first, second = _Lock(time), _Listeners(), _Listeners()
    winner, loser = _singleton(first, lock, time), _singleton(second, lock, time)
    winning, losing = asyncio.create_task(winner.run()), asyncio.create_task(loser.run())

    await time.pass_seconds(150)
    before = (first.started, second.started)
    await winner.stop()
    await time.pass_seconds(60)
    after = (first.started, second.started)

    await _end(loser, losing)
    await _end(winner, winning)
    assert before == (1, 0)
    assert after == (1, 1)
    assert lock.holder is None


async def test_renewal(time: VirtualTime) -> None:
    """The lease of 60 s is renewed every 30 s."""
    lock = _Lock(time)
    singleton = _singleton(_Listeners(), lock, time)
    running = asyncio.create_task(singleton.run())

    await time.pass_seconds(100)
    await _end(singleton, running)

    assert lock.renewed_at == [30, 60, 90]


async def test_lost_lease_stops_the_listener(time: VirtualTime) -> None:
    """A lease that was lost stops the listener; the host then tries again to get the lock."""
    lock, listeners = _Lock(time), _Listeners()
    singleton = _singleton(listeners, lock, time)
    running = asyncio.create_task(singleton.run())
    await time.pass_seconds(10)

    lock.renewal = Renewal.LOST
    await time.pass_seconds(20)
    stopped = listeners.stopped
    lock.renewal = Renewal.HELD
    await time.pass_seconds(60)

    assert (stopped, listeners.started) == (1, 2)
    await _end(singleton, running)


async def test_storage_out_of_order(time: VirtualTime) -> None:
    """A renewal that fails for the storage's sake is tried again, until the lease must be over."""
    lock, listeners = _Lock(time), _Listeners()
    singleton = _singleton(listeners, lock, time)
    running = asyncio.create_task(singleton.run())

    lock.renewal = Renewal.UNKNOWN
    await time.pass_seconds(40)
    lock.renewal = Renewal.HELD
    await time.pass_seconds(40)
    after_a_short_while = listeners.stopped
    lock.renewal = Renewal.UNKNOWN
    await time.pass_seconds(60)
    after_the_period = listeners.stopped

    assert (after_a_short_while, after_the_period) == (0, 1)
    await _end(singleton, running)


async def test_lock_is_held_until_what_is_in_flight_has_ended(time: VirtualTime) -> None:
    """Stopping holds, and renews, the lock until the listener has ended: nobody else begins before."""
    lock, listeners = _Lock(time), _Listeners(lingers=True)
    singleton = _singleton(listeners, lock, time)
    running = asyncio.create_task(singleton.run())
    await time.pass_seconds(10)

    await singleton.stop()
    await time.pass_seconds(70)
    held_meanwhile, renewed = lock.holder is not None, lock.renewed_at
    listeners.lingers.set()
    await _end(singleton, running)

    assert held_meanwhile
    assert renewed == [30, 60]
    assert lock.holder is None


async def test_error_of_the_listener(time: VirtualTime) -> None:
    """A listener's error comes through, and the lock is given up."""
    lock = _Lock(time)
    singleton = Singleton(_Broken, lock=lock, name="tick", sleep=time.sleep, clock=time.seconds)

    with pytest.raises(_BrokenError):
        await singleton.run()

    assert lock.holder is None


class _Lock:
    """A lock whose leases are held in memory, without an end."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self.holder: Lease | None = None
        self.renewal = Renewal.HELD
        self.renewed_at: list[float] = []

    async def acquire(self) -> Lease | None:
        if self.holder is not None:
            return None
        self.holder = _Lease(self)
        return self.holder

    def renew(self) -> Renewal:
        self.renewed_at.append(self._time.seconds())
        return self.renewal


class _Lease:
    def __init__(self, lock: _Lock) -> None:
        self._lock = lock

    async def renew(self) -> Renewal:
        return self._lock.renew()

    async def release(self) -> None:
        self._lock.holder = None


class _Listeners:
    """Makes listeners, and counts those that were started and stopped; may have something in flight at the end."""

    def __init__(self, *, lingers: bool = False) -> None:
        self.started = 0
        self.stopped = 0
        self.lingers = asyncio.Event()
        if not lingers:
            self.lingers.set()

    def __call__(self) -> "_Listener":
        return _Listener(self)


class _Listener:
    def __init__(self, counts: _Listeners) -> None:
        self._counts = counts
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        self._counts.started += 1
        await self._stopping.wait()
        await self._counts.lingers.wait()

    async def stop(self) -> None:
        self._counts.stopped += 1
        self._stopping.set()


class _BrokenError(Exception):
    pass


class _Broken:
    async def run(self) -> None:
        raise _BrokenError

    async def stop(self) -> None:
        return


def _singleton(listeners: _Listeners, lock: _Lock, time: VirtualTime) -> Singleton:
    return Singleton(listeners, lock=lock, name="tick", sleep=time.sleep, clock=time.seconds)


async def _end(singleton: Singleton, running: asyncio.Task[None]) -> None:
    await singleton.stop()
    await settle()
    await asyncio.wait_for(running, 5)
