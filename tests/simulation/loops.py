"""Virtual time, and event loops that live in it: one for each simulated process, all in one thread.

Within a process callbacks run in the order in which they were made, as asyncio promises. Which process goes on where
several could is decided by the schedule's choices; and time passes only while nobody can go on.
"""

import asyncio
import contextvars
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, cast, override

from tests.fakes.faults import KilledError
from tests.simulation.choices import Choices

#: Rounds in which a process that was killed winds up what it has begun; its calls have no effect any more.
_LAST_ROUNDS = 20


class Scheduler:
    """The time, what is to happen when, and the processes that could go on."""

    def __init__(self, choices: Choices) -> None:
        #: Seconds since the beginning.
        self.now = 0.0
        #: Callbacks that ran.
        self.steps = 0
        self._choices = choices
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._ready: list[ProcessLoop] = []

    def at(self, when: float, call: Callable[[], object]) -> None:
        """Call something at a time."""
        heapq.heappush(self._timers, (when, next(self._numbers), call))

    def after(self, seconds: float, call: Callable[[], object]) -> None:
        """Call something in so many seconds."""
        heapq.heappush(self._timers, (self.now + seconds, next(self._numbers), call))

    def timer(self, seconds: float, call: Callable[[], object]) -> "Timer":
        """Call something in so many seconds, unless that is cancelled."""
        timer = Timer(call)
        self.after(seconds, timer.due)
        return timer

    def can_go_on(self, loop: "ProcessLoop") -> None:
        """For a loop: it has something to run."""
        if loop not in self._ready:
            self._ready.append(loop)

    def forget(self, loop: "ProcessLoop") -> None:
        """For a loop that has ended."""
        if loop in self._ready:
            self._ready.remove(loop)

    def run(self, *, until: float, ends: Callable[[], bool]) -> bool:
        """Run until a time, or until ``ends`` is true while nobody can go on; tell whether that was it."""
        while True:
            self._go_on()
            if ends():
                return True
            if not self._timers or self._timers[0][0] > until:
                self.now = until
                return False
            self.now, _, call = heapq.heappop(self._timers)
            call()

    def _go_on(self) -> None:
        ready = self._ready
        while ready:
            loop = ready[self._choices.order(len(ready)) if len(ready) > 1 else 0]
            self.steps += 1
            loop.step()
            if not loop.ready and loop in ready:
                ready.remove(loop)


class Timer:
    """Something that is to happen."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[], object]) -> None:
        self._call: Callable[[], object] | None = call

    def due(self) -> None:
        """Its time has come."""
        if self._call is not None:
            self._call()

    def cancel(self) -> None:
        """Don't let it happen."""
        self._call = None


class ProcessLoop(asyncio.AbstractEventLoop):
    """The event loop of one process: as much of asyncio as the pipeline uses, without sockets and threads."""

    def __init__(self, scheduler: Scheduler, *, troubled: Callable[[str], None]) -> None:
        """``troubled`` is told what went wrong where nobody could catch it."""
        #: What is to be called, with what, and in which context.
        self.ready: deque[tuple[Callable[..., object], tuple[Any, ...], contextvars.Context | None]] = deque()
        self.is_dead = False
        self._scheduler = scheduler
        self._troubled = troubled
        #: Of every callback: none of those that asyncio makes by itself is ever cancelled by it.
        self._handle = asyncio.Handle(int, (), self)

    def step(self) -> None:
        """Run the first callback."""
        # Private, and all that there is: what asks for the running loop has to find this one.
        asyncio._set_running_loop(self)  # pyright: ignore[reportPrivateUsage]
        try:
            callback, args, context = self.ready.popleft()
            if context is None:
                callback(*args)
            else:
                context.run(callback, *args)
        finally:
            asyncio._set_running_loop(None)  # pyright: ignore[reportPrivateUsage]

    def die(self) -> None:
        """End every task, whose calls must have no effect any more, so that nothing is left of the process."""
        self.is_dead = True
        self._scheduler.forget(self)
        for _ in range(_LAST_ROUNDS):
            tasks = asyncio.all_tasks(self)
            if not tasks:
                break
            for each in tasks:
                each.cancel()
            while self.ready:
                self.step()
        else:
            raise AssertionError("a process that was killed goes on and on")

    def sleep(self, seconds: float) -> asyncio.Future[None]:
        """Wait."""
        waiting = self.create_future()
        self._scheduler.after(seconds, lambda: waiting.done() or waiting.set_result(None))
        return waiting

    @override
    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        self._append(callback, args, context)
        return self._handle

    @override
    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._scheduler.now + delay, callback, *args, context=context)

    @override
    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)

        def due() -> None:
            if not handle.cancelled() and not self.is_dead:
                self._append(callback, args, context)

        self._scheduler.at(when, due)
        return handle

    @override
    def time(self) -> float:
        return self._scheduler.now

    @override
    def create_task[T](
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: contextvars.Context | None = None
    ) -> asyncio.Task[T]:
        return asyncio.Task(coro, loop=self, name=name or "", context=context)

    @override
    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    @override
    def run_in_executor[*Ts, T](self, executor: object, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """At once: whatever a thread does here is pure."""
        done: asyncio.Future[T] = self.create_future()
        try:
            result = func(*args)
        except Exception as error:  # noqa: BLE001 - as a thread does
            self.call_soon(done.set_exception, error)
        else:
            self.call_soon(_answer, done, result)
        return done

    @override
    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self.is_dead and not _is_death(context.get("exception")):
            self._troubled(f"{context.get('message')}: {context.get('exception')!r}")

    @override
    def get_debug(self) -> bool:
        return False

    def _append(
        self, callback: Callable[..., object], args: tuple[Any, ...], context: contextvars.Context | None
    ) -> None:
        if not self.ready and not self.is_dead:
            self._scheduler.can_go_on(self)
        self.ready.append((callback, args, context))

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """As a TimerHandle wants it; a cancelled one is left out when its time comes."""


def _answer[T](done: asyncio.Future[T], result: T) -> None:
    if not done.cancelled():
        done.set_result(result)


def _is_death(error: BaseException | None) -> bool:
    """Tell whether a task ended with its process, which has several."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_death, cast("tuple[BaseException, ...]", error.exceptions)))
    return isinstance(error, KilledError)
