"""One host at a time: a listener runs only while its host holds the lease of a blob.

Source: azure-webjobs-sdk Singleton/SingletonManager.cs, SingletonListener.cs.
"""

import asyncio
import datetime as dt
import enum
import logging
import time
from collections.abc import Callable
from typing import Protocol

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobClient, BlobLeaseClient, ContainerClient

from functions_host.timer_status import make_container
from functions_host.waiting import Sleep, pause

_RENEW_AGAIN_SECONDS = 5.0
_SERVER_ERROR = 500
_ALREADY_THERE = frozenset({409, 412})
_log = logging.getLogger(__name__)


class Renewal(enum.StrEnum):
    """What became of an attempt to hold a lease for another period."""

    HELD = "held"
    #: Somebody else has it, or it is gone.
    LOST = "lost"
    #: The storage could not be asked.
    UNKNOWN = "unknown"


class Lease(Protocol):
    """The right to be the only one, for a period."""

    async def renew(self) -> Renewal:
        """Hold it for another period."""
        ...

    async def release(self) -> None:
        """Give it up: best effort."""
        ...


class Lock(Protocol):
    """What only one host can hold at a time."""

    async def acquire(self) -> Lease | None:
        """Take it, or ``None`` if another one holds it or the storage could not be asked."""
        ...


class Listener(Protocol):
    """What is run by one host at a time."""

    async def run(self) -> None:
        """Listen until stopped and until what is in flight has ended."""
        ...

    async def stop(self) -> None:
        """Begin nothing new."""
        ...


class Singleton:
    """A listener that runs another one while a lock is held; a host that doesn't get the lock tries again and again."""

    def __init__(
        self,
        listener: Callable[[], Listener],
        *,
        lock: Lock,
        name: str,
        period: dt.timedelta = dt.timedelta(seconds=60),
        recovery_interval: dt.timedelta = dt.timedelta(seconds=60),
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Guard the listener of the function ``name``; ``listener`` makes a new one each time the lock was taken.

        ``period`` is host.json's ``singleton.listenerLockPeriod``, renewed at its half; ``recovery_interval`` is
        ``listenerLockRecoveryPollingInterval``; ``clock`` counts seconds.
        """
        self._listener = listener
        self._lock = lock
        self._name = name
        self._period_seconds = period.total_seconds()
        self._recovery_seconds = recovery_interval.total_seconds()
        self._sleep = sleep
        self._clock = clock
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Run the listener whenever the lock is held, until stopped."""
        while not self._stopping.is_set():
            lease = await self._lock.acquire()
            if lease is None:
                _log.debug("Unable to acquire the singleton lock of the listener of '%s'.", self._name)
            else:
                await self._hold(lease)
            await pause(self._recovery_seconds, until=self._stopping, sleep=self._sleep)

    async def stop(self) -> None:
        """Begin nothing new; the lock is held until what is in flight has ended."""
        self._stopping.set()

    async def _hold(self, lease: Lease) -> None:
        listener = self._listener()
        running = asyncio.create_task(listener.run())
        keeping = asyncio.create_task(self._keep(lease))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({running, keeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if keeping.done():
                _log.warning("The singleton lock of '%s' was lost: its listener is stopped.", self._name)
            await listener.stop()
            await running
        finally:
            for task in (running, keeping, stopping):
                task.cancel()
            await asyncio.wait({running, keeping, stopping})
            await lease.release()

    async def _keep(self, lease: Lease) -> None:
        # Ends when the lease is lost.
        held_since, wait_seconds = self._clock(), self._period_seconds / 2
        while True:
            await self._sleep(wait_seconds)
            asked = self._clock()
            match await lease.renew():
                case Renewal.HELD:
                    held_since, wait_seconds = asked, self._period_seconds / 2
                case Renewal.LOST:
                    return
                case Renewal.UNKNOWN:
                    wait_seconds = _RENEW_AGAIN_SECONDS
                    if self._clock() - held_since >= self._period_seconds:
                        return


class BlobLock:
    """A lock by the lease of the blob ``locks/<host id>/Host.Functions.<function>.Listener``."""

    def __init__(self, *, container: ContainerClient, host_id: str, function: str, period: dt.timedelta) -> None:
        """Make a lock in a container (``azure-webjobs-hosts``) for leases of that period (15 to 60 s)."""
        self._container = container
        self._blob = container.get_blob_client(f"locks/{host_id}/Host.Functions.{function}.Listener")
        self._seconds = int(period.total_seconds())

    async def acquire(self) -> "BlobLease | None":
        """Take the lease, or ``None`` if another host holds it or the storage could not be asked."""
        try:
            try:
                return BlobLease(await self._blob.acquire_lease(self._seconds))
            except ResourceNotFoundError:
                await _make_blob(self._blob, self._container)
                return BlobLease(await self._blob.acquire_lease(self._seconds))
        except ResourceExistsError:
            return None
        except AzureError:
            _log.exception("The singleton lock '%s' could not be asked for.", self._blob.blob_name)
            return None


class BlobLease:
    """A lease that is held."""

    def __init__(self, lease: BlobLeaseClient) -> None:
        self._lease = lease

    async def renew(self) -> Renewal:
        """Hold it for another period."""
        try:
            await self._lease.renew()
        except HttpResponseError as error:
            # No status: the answer was lost on its way.
            return Renewal.LOST if 0 < (error.status_code or 0) < _SERVER_ERROR else Renewal.UNKNOWN
        except AzureError:
            return Renewal.UNKNOWN
        return Renewal.HELD

    async def release(self) -> None:
        """Give it up, so that another host needn't wait for its end: best effort."""
        try:
            await self._lease.release()
        except AzureError as error:
            _log.debug("A singleton lock could not be released: %s", error)


async def _make_blob(blob: BlobClient, container: ContainerClient) -> None:
    try:
        try:
            await blob.upload_blob(b"")
        except ResourceNotFoundError:
            await make_container(container)
            await blob.upload_blob(b"")
    except HttpResponseError as error:
        # Another host made it, and may hold its lease already (412).
        if error.status_code not in _ALREADY_THERE:
            raise
