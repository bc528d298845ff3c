"""Functions to invoke, somebody who invokes them, and a clock that stands still until it is told to go on."""

import asyncio
import dataclasses
import datetime as dt
import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from functions_host.admin import Admin, HostState, Identity
from functions_host.functions import Datum, Delivery, Function, Invoker, Result
from functions_host.timer_status import ScheduleStatus, StatusUnavailableError

START = dt.datetime(2026, 11, 23, 8, 2, 0, tzinfo=dt.UTC)

#: Rounds of the event loop in which everything that can run without time passing has run.
_ROUNDS = 30


def http_function(name: str = "hello", *, disabled: bool = False, **trigger: object) -> Function:
    """A function with an HTTP trigger named ``req``."""
    return _function(name, {"type": "httpTrigger", "name": "req", **trigger}, disabled=disabled)


def queue_function(name: str = "copy") -> Function:
    """A function with a queue trigger named ``msg``."""
    return _function(name, {"type": "queueTrigger", "name": "msg", "queueName": "copy"})


def timer_function(name: str = "tick", **trigger: object) -> Function:
    """A function with a timer trigger named ``timer``."""
    return _function(name, {"type": "timerTrigger", "name": "timer", **trigger})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What an invocation was asked for with."""

    function: str
    inputs: Mapping[str, Datum]
    metadata: Mapping[str, Datum]
    reason: str


class FakeInvoker:
    """An ``Invoker`` whose functions answer with a given result, at once or when they are let go."""

    def __init__(self, result: Result | None = None) -> None:
        self.result = result or Result(ok=True, returned=("string", "done"))
        self.invocations: list[Invocation] = []
        self.running = 0
        self.most_running = 0
        #: What an invocation does before it ends.
        self.work: Callable[[], Any] | None = None

    async def invoke(
        self,
        function: Function,
        *,
        inputs: Mapping[str, Datum],
        metadata: Mapping[str, Datum],
        reason: str,
        delivery: Delivery | None = None,
    ) -> Result:
        """Note the invocation, do its work, and answer."""
        assert delivery is None
        self.invocations.append(Invocation(function=function.name, inputs=inputs, metadata=metadata, reason=reason))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            if self.work is not None:
                await self.work()
        finally:
            self.running -= 1
        return self.result


class VirtualTime:
    """A clock and a sleep that belong together; time passes in ``pass_to`` and ``pass_seconds`` alone."""

    def __init__(self, start: dt.datetime = START) -> None:
        self._start = start
        self._now = start
        self._numbers = itertools.count()
        self._sleepers: list[tuple[dt.datetime, int, asyncio.Future[None]]] = []
        #: Every sleep that was asked for, in seconds.
        self.sleeps: list[float] = []

    def now(self) -> dt.datetime:
        """The time, in UTC."""
        return self._now

    def seconds(self) -> float:
        """The seconds since the start."""
        return (self._now - self._start).total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Wait until so many seconds have passed."""
        self.sleeps.append(seconds)
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + dt.timedelta(seconds=seconds), next(self._numbers), future))
        await future

    async def pass_seconds(self, seconds: float) -> None:
        """Let time pass, and everything happen that is due meanwhile."""
        await self.pass_to(self._now + dt.timedelta(seconds=seconds))

    async def pass_to(self, moment: dt.datetime) -> None:
        """Let time pass until a moment, and everything happen that is due till then."""
        await settle()
        while self._sleepers and self._sleepers[0][0] <= moment:
            due, _, future = heapq.heappop(self._sleepers)
            self._now = max(self._now, due)
            if not future.done():
                future.set_result(None)
                await settle()
        self._now = moment


class FakeStatuses:
    """Timers' states in memory; can be out of order for a while."""

    def __init__(self, **kept: ScheduleStatus) -> None:
        self.kept = dict(kept)
        self.available = True

    async def read(self, function: str) -> ScheduleStatus | None:
        """The state of a timer."""
        if not self.available:
            raise StatusUnavailableError("out of order")
        return self.kept.get(function)

    async def write(self, function: str, *, status: ScheduleStatus) -> None:
        """Keep the state of a timer."""
        self.kept[function] = status


class FakeControl:
    """A host that does what the admin API says, and nothing else."""

    def __init__(self) -> None:
        self.state = HostState.RUNNING
        self.error: str | None = None
        self.draining = False
        self.outstanding = 0
        self.errors: dict[str, Sequence[str]] = {}
        self.restarts = 0

    def errors_of(self, function: str) -> Sequence[str]:
        """Why that function was not started."""
        return self.errors.get(function, ())

    async def drain(self) -> None:
        """Stop every listener."""
        self.draining = True

    async def restart(self) -> None:
        """Start anew."""
        self.restarts += 1
        self.draining = False


def make_admin(invoker: Invoker, *, control: FakeControl | None = None, time: VirtualTime | None = None) -> Admin:
    """An admin API whose time stands still."""
    identity = Identity(host_id="host-1", version="4.1037.0", instance_id="instance-1", computer_name="computer-1")
    now = (time or VirtualTime()).now
    return Admin(identity=identity, control=control or FakeControl(), invoker=invoker, clock=now)


async def settle() -> None:
    """Let everything run that doesn't wait for time to pass."""
    for _ in range(_ROUNDS):
        await asyncio.sleep(0)


def _function(name: str, trigger: Mapping[str, object], *, disabled: bool = False) -> Function:
    return Function(name=name, function_id=f"id-of-{name}", bindings=(trigger,), disabled=disabled)
