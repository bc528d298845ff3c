"""One case, judged: which error came, how much processor time it took and how much memory."""

import asyncio
import contextlib
import dataclasses
import resource
import signal
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, override

MOST_SECONDS = 0.05
MOST_BYTES = 64 * 1024 * 1024
#: Of processor time; of waiting: nothing that is under test waits for anybody.
_HANG_SECONDS = 10
_WAIT_SECONDS = 30
#: A machine's other work makes a case slow once, not each time.
_TRIES = 4
_MIB = 1024 * 1024

type Run = Callable[[bytes], Awaitable[None]]


class HungError(BaseException):
    """A case went on for too long; nothing that is under test catches it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a case."""

    #: The class of the error, or "ok".
    outcome: str
    seconds: float
    #: None: not measured.
    peak_bytes: int | None
    #: None: nothing to object to.
    violation: str | None = None


class Judge:
    """Judges the cases of one target; to be asked within one event loop."""

    def __init__(
        self,
        run: Run,
        *,
        allowed: tuple[type[BaseException], ...],
        hang_seconds: float = _HANG_SECONDS,
        wait_seconds: float = _WAIT_SECONDS,
        most_seconds: float = MOST_SECONDS,
    ) -> None:
        self._run = run
        self._allowed = allowed
        self._hang_seconds = hang_seconds
        self._wait_seconds = wait_seconds
        self._most_seconds = most_seconds

    async def judge(self, case: bytes, *, measures_memory: bool) -> Verdict:
        """Work a case, again where it was slow, and once more with its memory measured where it may have taken much."""
        before = _most_resident()
        error, seconds = await self._timed(case)
        grown = _most_resident() - before
        tries = 1
        while seconds > self._most_seconds and tries < _TRIES and not isinstance(error, HungError):
            tries += 1
            seconds = min(seconds, (await self._timed(case))[1])
        peak = await self._peak(case) if measures_memory or grown > _MIB else None
        return Verdict(
            outcome="ok" if error is None else type(error).__name__,
            seconds=seconds,
            peak_bytes=peak,
            violation=self._objection(error, seconds=seconds, peak=peak),
        )

    async def _timed(self, case: bytes) -> tuple[BaseException | None, float]:
        began = time.process_time()
        error = await self._error(case)
        return error, time.process_time() - began

    async def _peak(self, case: bytes) -> int:
        """What Python's own allocator gave at once; what others take (Arrow, OpenSSL) shows in the resident size."""
        resident = _most_resident()
        tracemalloc.start()
        try:
            await self._error(case)
            return max(tracemalloc.get_traced_memory()[1], _most_resident() - resident)
        finally:
            tracemalloc.stop()

    async def _error(self, case: bytes) -> BaseException | None:
        signal.setitimer(signal.ITIMER_VIRTUAL, self._hang_seconds)
        waiting = asyncio.timeout(self._wait_seconds)
        try:
            async with waiting:
                await self._run(case)
        except TimeoutError as error:
            return HungError("it waits for something") if waiting.expired() else error
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever comes is what is judged
            return error
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        return None

    def _objection(self, error: BaseException | None, *, seconds: float, peak: int | None) -> str | None:
        if error is not None and not isinstance(error, self._allowed):
            return f"{type(error).__name__}: {str(error)[:200]!r} at {_place(error)}"
        if seconds > self._most_seconds:
            return f"{seconds * 1000:.0f} ms of processor time, in the best of {_TRIES} tries"
        if peak is not None and peak > MOST_BYTES:
            return f"{peak / _MIB:.0f} MiB"
        return None


class Inline(ThreadPoolExecutor):
    """Works at once what was meant for a thread: the same each time, and nothing is left behind that hangs."""

    @override
    def submit[T](self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it comes out where the thread is waited for
            future.set_exception(error)
        return future


@contextlib.contextmanager
def hangs_end() -> Generator[None]:
    """Let the processor's alarm end what hangs, until the block ends; for the main thread."""
    before = signal.signal(signal.SIGVTALRM, _hung)
    try:
        yield
    finally:
        signal.signal(signal.SIGVTALRM, before)


def _hung(*_: object) -> None:
    raise HungError("it goes on and on")


def _most_resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _place(error: BaseException) -> str:
    """The last line of ours that it came through."""
    place, trace = "nowhere", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if "/shared/" in code.co_filename or place == "nowhere":
            place = f"{code.co_filename.rpartition('/shared/')[2]}:{trace.tb_lineno} ({code.co_name})"
        trace = trace.tb_next
    return place
