"""The calls that a process makes: each takes its time, and may fail, be lost, be done twice, or be the process's last.

A process can be killed right before a call has its effect, and right after. As nobody else sees what happens within a
process, these are all the points at which its death can make a difference.
"""

import dataclasses
import hashlib
import inspect
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from enum import IntEnum
from typing import Any, cast

from shared.model.errors import StorageFailedError
from tests.fakes.faults import KilledError
from tests.simulation.choices import Choices
from tests.simulation.loops import ProcessLoop, Scheduler
from tests.simulation.scenario import Rates


class Fault(IntEnum):
    """What goes wrong with a call."""

    NONE = 0
    #: The process dies before it, or after.
    CRASH_BEFORE = 1
    CRASH_AFTER = 2
    #: The service answers with an error; or it does what it was asked for, and the answer is lost.
    REFUSED = 3
    LOST = 4
    #: The answer is lost, and the client asks again: the second answer arrives.
    REPEATED = 5
    #: It takes between a second and twenty minutes.
    STALLED = 6


_SECONDS = 0.05
_LONGEST_STALL = 1200.0


@dataclasses.dataclass(slots=True, eq=False, kw_only=True)
class Invocation:
    """One call of a function, and what it has done so far, as far as a rule is about that."""

    function: str
    queue: str = ""
    body: str = ""
    #: What its last count of outstanding requests was, and how many copy requests it has sent since.
    counted: int | None = None
    asked: int = 0
    #: Whether the ledger has told it anything, and that all that it was asked for is done.
    is_answered: bool = False
    is_settled: bool = False


current: ContextVar[Invocation | None] = ContextVar("current", default=None)


class Trace:
    """What happened, line by line, as a digest; as text where somebody wants to read it."""

    def __init__(self, *, keeps: bool = False) -> None:
        self.lines: list[str] = []
        self._keeps = keeps
        self._digest = hashlib.blake2b(digest_size=16)

    def note(self, line: str) -> None:
        """Add a line."""
        self._digest.update(f"{line}\n".encode())
        if self._keeps:
            self.lines.append(line)

    @property
    def digest(self) -> str:
        """Of all lines so far."""
        return self._digest.hexdigest()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a schedule came to, in numbers."""

    #: Calls by name: of which function, of which method.
    reached: Counter[str] = dataclasses.field(default_factory=Counter[str])
    #: By fault and name.
    faults: Counter[tuple[Fault, str]] = dataclasses.field(default_factory=Counter[tuple[Fault, str]])
    #: Anything else, by name.
    others: Counter[str] = dataclasses.field(default_factory=Counter[str])

    def add(self, other: "Tally") -> None:
        """Count another schedule's, too."""
        self.reached.update(other.reached)
        self.faults.update(other.faults)
        self.others.update(other.others)


class Weather:
    """How bad it is, which changes for all processes at once."""

    def __init__(self, rates: Rates) -> None:
        self.set(rates)

    def set(self, rates: Rates) -> None:
        """Let it be so bad from now on."""
        self.rates = rates
        self.of_calls = (
            rates.crash / 2,
            rates.crash / 2,
            rates.refused,
            rates.lost,
            rates.repeated,
            rates.stall,
        )


async def nothing() -> None:
    """A call whose answer is at hand."""


def storage_failed(name: str) -> Exception:
    """The error of a port of storage."""
    return StorageFailedError(f"{name}: simulated")


class Effects:
    """The calls of one process."""

    def __init__(
        self,
        *,
        process: int,
        loop: ProcessLoop,
        scheduler: Scheduler,
        choices: Choices,
        weather: Weather,
        tally: Tally,
        trace: Trace,
        kill: Callable[[], None],
    ) -> None:
        """``kill`` ends the process, or the whole instance."""
        self.is_dead = False
        self._process = process
        self._loop = loop
        self._scheduler = scheduler
        self._choices = choices
        self._weather = weather
        self._tally = tally
        self._trace = trace
        self._kill = kill
        #: The names of calls, and of their decisions.
        self._names: dict[tuple[str, str], tuple[str, str]] = {}

    def port[T](self, port: T, name: str, *, error: Callable[[str], Exception] = storage_failed) -> T:
        """A port each method of which is a call; one that iterates makes a call for each thing."""
        return cast("T", _Port(port, name, effects=self, error=error))

    async def call[T](
        self, name: str, do: Callable[[], Awaitable[T]], *, error: Callable[[str], Exception] = storage_failed
    ) -> T:
        """Make a call."""
        invocation = current.get()
        full, decision = self._named(invocation.function if invocation else "worker", name)
        self._check_is_alive()
        decided, delay = self._choices.call(decision, self._weather.of_calls)
        await self._loop.sleep(_LONGEST_STALL**delay if decided == Fault.STALLED else delay * _SECONDS)
        self._check_is_alive()
        self._tally.reached[full] += 1
        if not decided:
            self._trace.note(f"{self._scheduler.now:.3f} {self._process} {full}")
            return await do()
        fault = Fault(decided)
        self._trace.note(f"{self._scheduler.now:.3f} {self._process} {full} {fault.name}")
        self._tally.faults[fault, full] += 1
        return await self._faulty(fault, full, do, error=error)

    async def _faulty[T](
        self, fault: Fault, name: str, do: Callable[[], Awaitable[T]], *, error: Callable[[str], Exception]
    ) -> T:
        if fault is Fault.CRASH_BEFORE:
            self._die()
        if fault is Fault.REFUSED:
            raise error(name)
        if fault is Fault.STALLED:
            return await do()
        try:
            answer = await do()
        except Exception:
            # An answer as any other: it may be the last, or be lost.
            if fault is not Fault.REPEATED:
                self._after(fault, name, error=error)
            raise
        if fault is Fault.REPEATED:
            await self._loop.sleep(_SECONDS)
            self._check_is_alive()
            return await do()
        self._after(fault, name, error=error)
        return answer

    def _after(self, fault: Fault, name: str, *, error: Callable[[str], Exception]) -> None:
        if fault is Fault.CRASH_AFTER:
            self._die()
        raise error(name)

    def _die(self) -> None:
        self._kill()
        raise KilledError

    def _check_is_alive(self) -> None:
        """Nothing that a process does after its death has an effect."""
        if self.is_dead:
            raise KilledError

    def _named(self, function: str, name: str) -> tuple[str, str]:
        names = self._names.get((function, name))
        if names is None:
            full = f"{function}:{name}"
            names = self._names[function, name] = (full, f"fault {full}")
        return names


class _Port:
    """Stands before a port, whose methods are coroutines or iterate; one is wrapped when it is called first."""

    def __init__(self, port: object, name: str, *, effects: Effects, error: Callable[[str], Exception]) -> None:
        self._port = port
        self._name = name
        self._effects = effects
        self._error = error

    def __getattr__(self, method: str) -> Callable[..., object]:
        do = getattr(self._port, method)
        name, effects, error = f"{self._name}.{method}", self._effects, self._error

        async def called(*args: Any, **kwargs: Any) -> object:
            return await effects.call(name, lambda: do(*args, **kwargs), error=error)

        async def iterated(*args: Any, **kwargs: Any) -> AsyncIterator[object]:
            async for each in do(*args, **kwargs):
                await effects.call(name, nothing, error=error)
                yield each

        made = iterated if inspect.isasyncgenfunction(do) else called
        setattr(self, method, made)
        return made
