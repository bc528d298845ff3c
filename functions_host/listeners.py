"""Builds what listens for each function's trigger."""

import datetime as dt
import zoneinfo
from collections.abc import Sequence
from typing import Protocol

from functions_host.connections import StorageClients, resolve_connection
from functions_host.functions import Function, Invoker
from functions_host.host_json import HostJson
from functions_host.queue_listener import QueueListener
from functions_host.queue_processor import QueueSource, QueueWatcher, poison_queue_name
from functions_host.settings import Settings
from functions_host.singleton import BlobLock, Singleton
from functions_host.timer_status import CONTAINER, StatusBlobs
from functions_host.timers import Timer, TimerListener, timer_of


class Listener(Protocol):
    """Waits for what triggers a function, and has it invoked."""

    async def run(self) -> None:
        """Listen until stopped and until what is in flight has ended."""
        ...

    async def stop(self) -> None:
        """Begin nothing new."""
        ...


class Listeners:
    """Makes the listeners of one app."""

    def __init__(
        self,
        *,
        settings: Settings,
        host_json: HostJson,
        clients: StorageClients,
        invoker: Invoker,
        host_id: str,
        lease_seconds: float,
    ) -> None:
        self._settings = settings
        self._host_json = host_json
        self._clients = clients
        self._invoker = invoker
        self._host_id = host_id
        self._lease_seconds = lease_seconds
        self._watcher = QueueWatcher()
        self._timers: dict[str, Timer] = {}

    async def of(self, function: Function) -> Listener | None:
        """The listener of a function; ``None`` for those that the HTTP side takes care of.

        Raises:
            MissingConnectionError: its connection, or for a timer the host's storage, is not defined.
            MalformedConnectionError: that can't be read.
            UnresolvedSettingError: it needs a setting that doesn't exist.
            ScheduleError: its schedule can't be read.
        """
        match function.kind:
            case "queuetrigger":
                return await self._queue(function)
            case "timertrigger":
                return await self._timer(function)
            case _:
                return None

    @property
    def timers(self) -> Sequence[Timer]:
        """The timers among the listeners that were made."""
        return tuple(self._timers.values())

    async def _queue(self, function: Function) -> QueueListener:
        connection = resolve_connection(self._settings, function.trigger.get("connection"))
        service = await self._clients.queues(connection)
        name = self._settings.resolve(str(function.trigger["queueName"])).lower()
        poison = poison_queue_name(name)
        return QueueListener(
            function,
            source=QueueSource(
                queue=service.get_queue_client(name),
                poison=service.get_queue_client(poison) if poison is not None else None,
                watcher=self._watcher,
            ),
            options=self._host_json.queues,
            invoker=self._invoker,
            lease_seconds=self._lease_seconds,
        )

    async def _timer(self, function: Function) -> Listener:
        blobs = await self._clients.blobs(resolve_connection(self._settings, None))
        container = blobs.get_container_client(CONTAINER)
        statuses = StatusBlobs(container=container, host_id=self._host_id)
        timer = timer_of(function, resolve=self._settings.resolve, statuses=statuses, zone=self._zone())
        self._timers[function.name] = timer
        period = self._host_json.singleton.listener_lock_period
        return Singleton(
            lambda: TimerListener(timer, invoker=self._invoker, clock=_now),
            lock=BlobLock(container=container, host_id=self._host_id, function=function.name, period=period),
            name=function.name,
            period=period,
            recovery_interval=self._host_json.singleton.listener_lock_recovery_polling_interval,
        )

    def _zone(self) -> dt.tzinfo:
        # The zone of schedules; where nothing is set, UTC as in Azure.
        name = self._settings.get("WEBSITE_TIME_ZONE") or self._settings.get("TZ")
        return zoneinfo.ZoneInfo(name) if name else dt.UTC


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
