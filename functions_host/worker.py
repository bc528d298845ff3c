"""The host's side of the worker process: starts it, has it index the app and invoke, and starts it again when it ends.

Nothing watches the app's files: a change needs a restart of the host (``func start`` restarts by itself).
"""

import asyncio
import dataclasses
import datetime as dt
import logging
import socket
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from functions_host.events import Event, EventKind
from functions_host.frames import Call, IndexedFunction, NotLoaded, Ready, Reply, read_frame, write_frame
from functions_host.functions import Datum, Delivery, Function, Result
from functions_host.invocations import Invocation

_PACKAGE_PARENT = Path(__file__).resolve().parent.parent
_FIRST_RESTART_SECONDS = 0.1
_LONGEST_RESTART_SECONDS = 5.0
#: A worker that lived as long as this is restarted as if it were the first to end.
_STABLE_SECONDS = 10.0
_STARTS = 3
_EXIT_SECONDS = 2.0
_log = logging.getLogger(__name__)


class AppNotLoadedError(RuntimeError):
    """The worker could not load or index the app."""


class Worker:
    """The worker process, with another one in its place when it ends: an ``Invoker``."""

    def __init__(
        self,
        root: Path,
        *,
        environment: Mapping[str, str],
        function_timeout: dt.timedelta | None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare a worker for the app in ``root``; a ``function_timeout`` of ``None`` is unlimited."""
        self._root = root
        self._environment = environment
        self._function_timeout = function_timeout
        self._sleep = sleep
        self._clock = clock
        self._child: _Child | None = None
        self._available = asyncio.Event()
        self._stopping = False

    async def start(self) -> tuple[IndexedFunction, ...]:
        """Start the process and return the app's functions.

        Raises:
            AppNotLoadedError: the app can't be loaded.
        """
        self._child, ready = await _start(self._root, self._environment)
        self._available.set()
        return ready.functions

    async def run(self) -> None:
        """Wait for the process to end, again and again, and start it anew; return once stopped.

        Raises:
            AppNotLoadedError: the app could not be loaded three times in a row.
        """
        delay = _FIRST_RESTART_SECONDS
        try:
            while self._child is not None and not self._stopping:
                started = self._clock()
                await self._child.serve()
                self._available.clear()
                if self._stopping:
                    return
                if self._clock() - started > _STABLE_SECONDS:
                    delay = _FIRST_RESTART_SECONDS
                await self._sleep(delay)
                delay = min(delay * 2, _LONGEST_RESTART_SECONDS)
                self._child = await self._start_again()
                self._available.set()
        finally:
            await self.stop()
            # Whoever waits for a worker learns that there won't be one.
            self._available.set()

    async def stop(self) -> None:
        """End the process; what still runs in it fails."""
        self._stopping = True
        if self._child is not None:
            await self._child.end()

    async def invoke(
        self,
        function: Function,
        *,
        inputs: Mapping[str, Datum],
        metadata: Mapping[str, Datum],
        reason: str,
        delivery: Delivery | None = None,
    ) -> Result:
        """Invoke a function and wait for its end; see ``Invoker``."""
        invocation = Invocation(function=function.name, id=str(uuid.uuid4()), delivery=delivery)
        call = Call(
            invocation_id=invocation.id,
            function_id=function.function_id,
            inputs=inputs,
            metadata=metadata,
            trace_parent=f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01",
        )
        started = self._clock()
        invocation.log_start(reason)
        result = await self._call(call, invocation)
        invocation.log_end(result, seconds=self._clock() - started)
        return result

    async def _call(self, call: Call, invocation: Invocation) -> Result:
        await self._available.wait()
        child = self._child
        if child is None or self._stopping:
            return Result(ok=False, error="Cancelling invocation: it was not sent to the worker, the host is stopping.")
        timeout = self._function_timeout.total_seconds() if self._function_timeout is not None else None
        try:
            async with asyncio.timeout(timeout):
                return await child.call(call)
        except TimeoutError:
            return self._time_out(child, invocation)

    def _time_out(self, child: "_Child", invocation: Invocation) -> Result:
        # The whole worker ends, and with it whatever else runs there: that is how the host has it
        # (WebScriptHostExceptionHandler.cs).
        error = (
            f"Timeout value of {_time_span(self._function_timeout)} exceeded by function "
            f"'Functions.{invocation.function}' (Id: '{invocation.id}'). Initiating cancellation."
        )
        event = dataclasses.replace(invocation.event(EventKind.TIMED_OUT), worker_pid=child.pid)
        _log.error("%s", error, extra={"event": event})
        if child is self._child:
            # What is asked for from now on waits for the next worker.
            self._available.clear()
        child.kill()
        return Result(ok=False, error=error)

    async def _start_again(self) -> "_Child":
        for attempt in range(1, _STARTS + 1):
            try:
                child, _ = await _start(self._root, self._environment)
            except AppNotLoadedError:
                if attempt == _STARTS:
                    raise
                _log.exception("The worker did not start again (%d of %d)", attempt, _STARTS)
                await self._sleep(_LONGEST_RESTART_SECONDS)
            else:
                return child
        raise AssertionError("the last attempt returns or raises")


class _Child:
    """One worker process and its end of the socket pair."""

    def __init__(
        self, process: asyncio.subprocess.Process, *, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._waiting: dict[str, asyncio.Future[Result]] = {}
        self._gone = False

    @property
    def pid(self) -> int:
        return self._process.pid

    async def serve(self) -> None:
        """Hand replies to those who wait for them, until the process ends; then fail those who still wait."""
        while isinstance(frame := await read_frame(self._reader), Reply):
            future = self._waiting.pop(frame.invocation_id, None)
            if future is not None and not future.done():
                future.set_result(Result(ok=frame.ok, returned=frame.returned, error=frame.error, trace=frame.trace))
        self._gone = True
        self._writer.close()
        code = await self._wait()
        event = Event(kind=EventKind.WORKER_EXITED, worker_pid=self.pid, error=f"exit code {code}")
        _log.info("Worker process %d ended with exit code %d.", self.pid, code, extra={"event": event})
        for future in self._waiting.values():
            if not future.done():
                future.set_result(self._lost())
        self._waiting.clear()

    async def call(self, call: Call) -> Result:
        """Have the process invoke, and wait for its reply."""
        if self._gone:
            return self._lost()
        future = asyncio.get_running_loop().create_future()
        self._waiting[call.invocation_id] = future
        write_frame(self._writer, call)
        return await future

    async def first_frame(self) -> Ready | NotLoaded:
        """What the process says once it has loaded the app, or failed to."""
        frame = await read_frame(self._reader)
        if isinstance(frame, Ready | NotLoaded):
            return frame
        return NotLoaded(message=f"The worker process ended with exit code {await self._wait()}.", trace=None)

    def kill(self) -> None:
        """End the process at once."""
        if self._process.returncode is None:
            self._process.kill()

    async def end(self) -> None:
        """Hang up, and wait for the process to end."""
        self._writer.close()
        await self._wait()

    async def _wait(self) -> int:
        # It ends by itself once it sees the end of file, unless a function blocks its event loop.
        try:
            async with asyncio.timeout(_EXIT_SECONDS):
                return await self._process.wait()
        except TimeoutError:
            self.kill()
            return await self._process.wait()

    def _lost(self) -> Result:
        return Result(ok=False, error=f"The worker process {self.pid} ended before the function did.")


async def _start(root: Path, environment: Mapping[str, str]) -> tuple[_Child, Ready]:
    ours, theirs = socket.socketpair()
    with theirs:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-u", "-m", "functions_host.worker_process", str(theirs.fileno()), str(root)),
            pass_fds=(theirs.fileno(),),
            stdin=asyncio.subprocess.DEVNULL,
            cwd=_PACKAGE_PARENT,
            env=dict(environment),
        )
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    child = _Child(process, reader=reader, writer=writer)
    try:
        first = await child.first_frame()
    except BaseException:
        child.kill()
        await child.end()
        raise
    if isinstance(first, NotLoaded):
        await child.end()
        raise AppNotLoadedError(first.trace or first.message)
    event = Event(kind=EventKind.WORKER_STARTED, worker_pid=child.pid)
    _log.info("Worker process %d started and initialized.", child.pid, extra={"event": event})
    return child, first


def _time_span(value: dt.timedelta | None) -> str:
    seconds = int(value.total_seconds()) if value is not None else 0
    return f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
