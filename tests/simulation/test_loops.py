"""Processes live in virtual time, and die in it."""

import asyncio

import pytest

from tests.fakes.faults import KilledError
from tests.simulation.choices import Choices, Exhaustive, Seeded
from tests.simulation.loops import ProcessLoop, Scheduler


def _loop(scheduler: Scheduler) -> ProcessLoop:
    troubles: list[str] = []
    return ProcessLoop(scheduler, troubled=troubles.append)


def _run(scheduler: Scheduler, *, until: float = 1e6) -> None:
    scheduler.run(until=until, ends=lambda: False)


def test_time_passes_while_everybody_waits() -> None:
    """Hours of waiting take no time; what is first due is first done."""
    scheduler = Scheduler(Seeded(1))
    loop = _loop(scheduler)
    seen: list[tuple[str, float]] = []

    async def wait(name: str, seconds: float) -> None:
        await loop.sleep(seconds)
        seen.append((name, loop.time()))

    loop.create_task(wait("later", 7200))
    loop.create_task(wait("soon", 60))
    _run(scheduler)

    assert seen == [("soon", 60.0), ("later", 7200.0)]


def test_a_process_keeps_the_order_of_its_callbacks() -> None:
    """As asyncio promises: what comes to wait first for a lock gets it first, whatever the seed."""

    def served(seed: int) -> list[int]:
        scheduler = Scheduler(Seeded(seed))
        loop = _loop(scheduler)
        lock, order = asyncio.Lock(), list[int]()

        async def enter(number: int) -> None:
            async with lock:
                await loop.sleep(1)
                order.append(number)

        for number in range(5):
            loop.create_task(enter(number))
        _run(scheduler)
        return order

    assert {tuple(served(seed)) for seed in range(10)} == {(0, 1, 2, 3, 4)}


def test_who_could_go_on_is_a_decision() -> None:
    """Two processes that could go on at once do so in either order."""

    def order(choices: Choices) -> str:
        scheduler = Scheduler(choices)
        seen: list[str] = []

        async def note(name: str) -> None:
            seen.append(name)

        for name in "ab":
            _loop(scheduler).create_task(note(name))
        _run(scheduler)
        return "".join(seen)

    assert {order(each) for each in Exhaustive(most=1).schedules()} == {"ab", "ba"}


def test_time_outs_and_threads_work() -> None:
    """What the pipeline uses of asyncio is there: time-outs, groups, and threads that are none."""
    scheduler = Scheduler(Seeded(1))
    loop = _loop(scheduler)

    async def work() -> tuple[float, int]:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(asyncio.to_thread(len, "x" * each)) for each in range(3)]
        return loop.time(), sum(each.result() for each in tasks)

    task = loop.create_task(work())
    _run(scheduler)

    assert task.result() == (30.0, 3)


def test_an_error_of_a_thread_is_raised() -> None:
    """What fails in a thread fails where it was waited for."""
    scheduler = Scheduler(Seeded(1))
    loop = _loop(scheduler)

    task = loop.create_task(asyncio.to_thread(int, "no number"))
    _run(scheduler)

    assert isinstance(task.exception(), ValueError)


def test_nothing_is_left_of_a_process_that_died() -> None:
    """Its tasks end, in whatever they were, and its timers come to nothing."""
    scheduler = Scheduler(Seeded(1))
    loop, other = _loop(scheduler), _loop(scheduler)
    seen: list[str] = []

    async def work() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(50))
                await loop.sleep(100)
        finally:
            seen.append("ended")
        seen.append("went on")

    async def live() -> None:
        await other.sleep(200)
        seen.append("lives")

    task = loop.create_task(work())
    other.create_task(live())
    scheduler.after(10, loop.die)
    _run(scheduler)

    assert (task.cancelled(), seen) == (True, ["ended", "lives"])


def test_it_ends_when_it_is_told_to() -> None:
    """A run ends at its time, or as soon as nobody can go on and its end has come."""
    scheduler = Scheduler(Seeded(1))
    calls: list[float] = []
    for seconds in (1.0, 2.0, 3.0):
        scheduler.after(seconds, lambda: calls.append(scheduler.now))

    is_over = scheduler.run(until=10.0, ends=lambda: len(calls) == 2)
    is_over_again = scheduler.run(until=2.5, ends=lambda: False)

    assert (is_over, is_over_again, calls, scheduler.now) == (True, False, [1.0, 2.0], 2.5)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KilledError(), 0),
        (BaseExceptionGroup("", [KilledError(), BaseExceptionGroup("", [KilledError()])]), 0),
        (BaseExceptionGroup("", [KilledError(), KeyError("bad luck")]), 1),
        (KeyError("bad luck"), 1),
    ],
)
def test_a_task_that_nobody_waits_for(error: BaseException, told: int) -> None:
    """What it ends with is trouble, but for the end of its process."""
    troubles: list[str] = []
    loop = ProcessLoop(Scheduler(Seeded(1)), troubled=troubles.append)

    loop.call_exception_handler({"message": "Task exception was never retrieved", "exception": error})

    assert len(troubles) == told
