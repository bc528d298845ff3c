"""The host: settings, worker and listeners put together, run until told to stop, and drained."""

import asyncio
import contextlib
import dataclasses
import datetime as dt
import logging
import platform
import uuid
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from pathlib import Path

from functions_host.activity import CountingInvoker
from functions_host.admin import Admin, HostState, Identity
from functions_host.connections import (
    MalformedConnectionError,
    MissingConnectionError,
    StorageClients,
    resolve_connection,
)
from functions_host.events import Event, EventKind
from functions_host.frames import IndexedFunction
from functions_host.functions import Datum, Delivery, Function, Invoker, Result
from functions_host.host_json import HostJson, load_host_json
from functions_host.http_server import BODY_LIMIT_BYTES, FrontEnd, listening
from functions_host.listeners import Listener, Listeners
from functions_host.ncrontab import ScheduleError
from functions_host.queue_processor import LEASE_SECONDS
from functions_host.routes import route_text
from functions_host.settings import Settings, UnresolvedSettingError, host_id, load_settings
from functions_host.worker import Worker

#: For how long work in flight is waited for at the end (azure-functions-host WebJobsScriptHostService.cs).
DRAIN_SECONDS = 10.0

_SUPPORTED = frozenset({"queuetrigger", "timertrigger", "httptrigger", "http"})
_VERSION = "4.1037.0.0"
_log = logging.getLogger(__name__)


class UnsupportedAppError(RuntimeError):
    """The app has something that this host doesn't run, or nothing to run at all."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to start."""

    root: Path
    #: The process's environment.
    environment: Mapping[str, str]
    #: ``None``: as local.settings.json has it.
    port: int | None = None
    lease_seconds: float = LEASE_SECONDS
    processors: int = 1


async def run(options: Options, *, stop: asyncio.Event) -> None:
    """Run the app until ``stop`` is set, then end the polling and wait for what is in flight, ten seconds at most.

    Raises:
        HostJsonError: host.json is not valid.
        AppNotLoadedError: the app can't be loaded, now or after its worker ended.
        MissingConnectionError: there is no AzureWebJobsStorage, and a function's trigger is not HTTP.
        UnsupportedAppError: this host does not run such an app.
        Exception: an error of a listener that makes the real host shut down as well.
    """
    settings = load_settings(options.root, process=options.environment, port=options.port)
    host_json = load_host_json(options.root, settings=settings, processors=options.processors)
    async with contextlib.AsyncExitStack() as stack:
        host = Host(options, settings=settings, host_json=host_json, clients=StorageClients(stack))
        await host.run(stop)


def accepted(found: Iterable[IndexedFunction], *, host_json: HostJson, settings: Settings) -> tuple[Function, ...]:
    """The functions to run, of all that were found.

    Raises:
        UnsupportedAppError: there is none, or one has a binding that this host doesn't have.
    """
    chosen = {name.casefold() for name in host_json.functions}
    functions = tuple(
        Function(
            name=each.name,
            function_id=each.function_id,
            bindings=each.bindings,
            disabled=settings.is_disabled(each.name),
        )
        for each in found
        if _is_supported(each) and (not chosen or each.name.casefold() in chosen)
    )
    if not functions:
        raise UnsupportedAppError("No job functions found. Is there a function_app.py in the app's directory?")
    return functions


def _is_supported(function: IndexedFunction) -> bool:
    for binding in function.bindings:
        kind = str(binding["type"])
        if kind.lower() not in _SUPPORTED:
            raise UnsupportedAppError(
                f"Function '{function.name}' has a binding of type '{kind}' ({binding['direction']}): this host runs "
                f"queue, timer and HTTP triggers, and of output bindings HTTP's alone."
            )
    if function.retries:
        _log.warning("Function '%s' has a retry policy: this host ignores it.", function.name)
    return True


class Host:
    """A running host; the admin API tells of it and steers it."""

    def __init__(self, options: Options, *, settings: Settings, host_json: HostJson, clients: StorageClients) -> None:
        self.state = HostState.STARTING
        self.error: str | None = None
        self.draining = False
        self._options = options
        self._settings = settings
        self._host_json = host_json
        self._switch = _Switch()
        self._invoker = CountingInvoker(self._switch)
        self._errors: dict[str, str] = {}
        self._shift: _Shift | None = None
        self._restart = asyncio.Event()
        self._id = host_id(settings, root=options.root, machine=platform.node())
        self._listeners = Listeners(
            settings=settings,
            host_json=host_json,
            clients=clients,
            invoker=self._invoker,
            host_id=self._id,
            lease_seconds=options.lease_seconds,
        )
        self._front = self._new_front_end(self._new_admin())

    async def run(self, stop: asyncio.Event) -> None:
        """Run shifts, one after another as restarts are asked for, until ``stop`` is set."""
        async with contextlib.AsyncExitStack() as http:
            while not stop.is_set():
                self._restart.clear()
                async with self._working() as shift:
                    if self.state is HostState.STARTING:
                        # Not before the worker is there: who waits for the port finds a host that works.
                        address, port = self._settings.address, self._settings.port
                        await http.enter_async_context(listening(self._front.application(), address=address, port=port))
                    self.state, self.draining = HostState.RUNNING, False
                    await shift.wait(stop, self._restart)
                    self.state = HostState.STOPPING if stop.is_set() else HostState.RUNNING
                    async with asyncio.TaskGroup() as ending:
                        ending.create_task(shift.drain())
                        if stop.is_set():
                            ending.create_task(http.aclose())

    @property
    def outstanding(self) -> int:
        """How many invocations have not ended."""
        return self._invoker.outstanding

    def errors_of(self, function: str) -> Sequence[str]:
        """Why that function was not started."""
        return [error for name, error in self._errors.items() if name.casefold() == function.casefold()]

    async def drain(self) -> None:
        """Stop every listener and wait for what runs."""
        self.draining = True
        if self._shift is not None:
            await self._shift.drain()

    async def restart(self) -> None:
        """Start anew: listeners, and the worker process with the app's present code."""
        self._restart.set()

    @contextlib.asynccontextmanager
    async def _working(self) -> AsyncGenerator["_Shift"]:
        worker = Worker(
            self._options.root,
            environment=self._settings.environment,
            function_timeout=self._host_json.function_timeout,
        )
        try:
            functions = accepted(await worker.start(), host_json=self._host_json, settings=self._settings)
            if any(each.kind != "httptrigger" for each in functions):
                resolve_connection(self._settings, None)
            self._switch.worker = worker
            self._errors.clear()
            listeners = [each for function in functions for each in await self._start(function)]
            for refused in self._front.open(functions, timers=self._listeners.timers):
                self._report(refused.function, refused.reason)
            self._tell(functions)
            self._shift = _Shift(worker, listeners)
            yield self._shift
        finally:
            self._front.close()
            await worker.stop()
            if self._shift is not None:
                await self._shift.ended()

    async def _start(self, function: Function) -> Sequence[Listener]:
        try:
            listener = await self._listeners.of(function)
        except (MissingConnectionError, MalformedConnectionError, UnresolvedSettingError, ScheduleError) as error:
            self._report(function, str(error))
            return ()
        if function.disabled:
            _log.info("Function '%s' is disabled.", function.name)
        return (listener,) if listener is not None and not function.disabled else ()

    def _report(self, function: Function, reason: str) -> None:
        self._errors[function.name] = reason
        event = Event(kind=EventKind.FUNCTION_NOT_STARTED, function=function.name, error=reason)
        _log.error("Function 'Functions.%s' was unable to start. %s", function.name, reason, extra={"event": event})

    def _tell(self, functions: Iterable[Function]) -> None:
        _log.info("Functions:")
        for function in functions:
            if function.name not in self._errors:
                _log.info("    %s: %s", function.name, self._described(function))
        _log.info("Host started.", extra={"event": Event(kind=EventKind.HOST_STARTED)})

    def _described(self, function: Function) -> str:
        if function.kind != "httptrigger":
            return str(function.trigger["type"])
        methods = ",".join(str(each).upper() for each in function.trigger.get("methods") or ())
        base = f"http://{self._settings.address}:{self._settings.port}"
        address = "/".join(part for part in (base, self._host_json.http.route_prefix, route_text(function)) if part)
        return f"[{methods}] {address}" if methods else address

    def _new_admin(self) -> Admin:
        identity = Identity(
            host_id=self._id,
            version=_VERSION,
            instance_id=str(uuid.uuid4()),
            computer_name=platform.node(),
            route_prefix=self._host_json.http.route_prefix,
        )
        return Admin(identity=identity, control=self, invoker=self._invoker, clock=lambda: dt.datetime.now(dt.UTC))

    def _new_front_end(self, admin: Admin) -> FrontEnd:
        limit = self._settings.get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT")
        return FrontEnd(
            invoker=self._invoker,
            admin=admin,
            options=self._host_json.http,
            home_page=(self._settings.get("AzureWebJobsDisableHomepage") or "").lower() != "true",
            body_limit_bytes=int(limit) if limit is not None else BODY_LIMIT_BYTES,
        )


class _Switch:
    """The ``Invoker`` of the present worker."""

    worker: Invoker

    async def invoke(
        self,
        function: Function,
        *,
        inputs: Mapping[str, Datum],
        metadata: Mapping[str, Datum],
        reason: str,
        delivery: Delivery | None = None,
    ) -> Result:
        return await self.worker.invoke(function, inputs=inputs, metadata=metadata, reason=reason, delivery=delivery)


class _Shift:
    """A worker and the listeners that feed it, from start to drain."""

    def __init__(self, worker: Worker, listeners: Sequence[Listener]) -> None:
        self._worker = asyncio.create_task(worker.run())
        self._listeners = listeners
        self._listening = [asyncio.create_task(each.run()) for each in listeners]

    async def wait(self, *ends: asyncio.Event) -> None:
        """Wait for the first of the events.

        Raises:
            Exception: the error of a listener, or of a worker that doesn't start again, after all have drained.
        """
        waiting = [asyncio.create_task(each.wait()) for each in ends]
        pending: set[asyncio.Task[bool] | asyncio.Task[None]] = {self._worker, *self._listening, *waiting}
        try:
            while not any(task.done() for task in waiting):
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                failed = next((task for task in done if not task.cancelled() and task.exception() is not None), None)
                if failed is not None:
                    await self.drain()
                    failed.result()
        finally:
            for task in waiting:
                task.cancel()

    async def drain(self) -> None:
        """Stop the listeners and wait for what they have in flight, ten seconds at most."""
        for each in self._listeners:
            await each.stop()
        if not self._listening:
            return
        _, late = await asyncio.wait(self._listening, timeout=DRAIN_SECONDS)
        if late:
            # Their messages come back when their leases end.
            _log.warning("Work of %d listeners was still in flight after %d s.", len(late), DRAIN_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.wait(late)

    async def ended(self) -> None:
        """Wait for the worker, which was stopped."""
        await asyncio.wait({self._worker})
