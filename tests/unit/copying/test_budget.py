import asyncio
import contextlib
import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.copying.budget import Hold, MemoryBudget

_TOTAL = 10


async def _turns() -> None:
    """Let everybody who can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_taken_is_missing_until_it_is_released() -> None:
    """A hold is a part of the total."""
    budget = MemoryBudget(_TOTAL)

    hold = await budget.take(4)
    while_held = budget.free
    hold.release()

    assert (while_held, budget.free) == (6, 10)


async def test_a_hold_is_returned_once() -> None:
    """A second release gives nothing back: the budget never grows."""
    budget = MemoryBudget(_TOTAL)
    hold = await budget.take(4)

    hold.release()
    hold.release()

    assert budget.free == _TOTAL


async def test_more_than_there_is_counts_as_all_there_is() -> None:
    """A block larger than the whole budget is copied alone, and not never."""
    budget = MemoryBudget(_TOTAL)

    hold = await budget.take(_TOTAL + 1)
    while_held = budget.free
    hold.release()

    assert (while_held, budget.free) == (0, _TOTAL)


async def test_who_asks_first_is_served_first() -> None:
    """A small request doesn't overtake a large one: a large asset would wait for ever."""
    budget = MemoryBudget(_TOTAL)
    first = await budget.take(8)
    large, small = asyncio.create_task(budget.take(9)), asyncio.create_task(budget.take(1))
    await _turns()

    waiting = large.done(), small.done()
    first.release()
    await _turns()

    assert waiting == (False, False)
    assert (large.done(), small.done(), budget.free) == (True, True, 0)


async def test_nothing_costs_nothing_but_its_turn() -> None:
    """An empty asset waits behind those who wait already, and takes nothing."""
    budget = MemoryBudget(_TOTAL)
    first = await budget.take(_TOTAL)
    second, empty = asyncio.create_task(budget.take(1)), asyncio.create_task(budget.take(0))
    await _turns()

    first.release()
    await _turns()

    assert (second.done(), empty.done(), budget.free) == (True, True, _TOTAL - 1)


async def test_who_gives_up_lets_the_next_one_go_on() -> None:
    """A waiter that was cancelled doesn't stand in the way of those behind it."""
    budget = MemoryBudget(_TOTAL)
    await budget.take(6)
    large, small = asyncio.create_task(budget.take(9)), asyncio.create_task(budget.take(4))
    await _turns()

    large.cancel()
    await _turns()

    assert (large.cancelled(), small.done(), budget.free) == (True, True, 0)


async def test_who_is_cancelled_while_being_served_returns_what_it_got() -> None:
    """Served and cancelled in one moment: nobody holds it then."""
    budget = MemoryBudget(_TOTAL)
    first = await budget.take(_TOTAL)
    waiter = asyncio.create_task(budget.take(7))
    await _turns()

    first.release()
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter

    assert budget.free == _TOTAL


@dataclasses.dataclass(frozen=True)
class _Step:
    """Take so much, or release or cancel one of those before (by its number); then let the others run, or don't."""

    deed: str
    number: int
    others_run: bool


_STEPS = st.lists(
    st.builds(_Step, st.sampled_from(["take", "release", "cancel"]), st.integers(0, 14), st.booleans()), max_size=40
)


@given(steps=_STEPS)
@settings(deadline=None)
async def test_a_budget_is_fair_and_whole(steps: list[_Step]) -> None:
    """In any order of takes, releases and cancellations: never over its total, in turn, and nothing leaks."""
    budget = MemoryBudget(_TOTAL)
    takers = _Takers(budget)

    for step in steps:
        takers.do(step)
        if step.others_run:
            await _turns()
            takers.check()

    await takers.finish()
    assert budget.free == _TOTAL


class _Takers:
    """Those who take, in the order in which they asked."""

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self._tasks: list[tuple[int, asyncio.Task[Hold]]] = []
        self._released: set[int] = set()

    def do(self, step: _Step) -> None:
        """Do one step; one that has nothing to do it to does nothing."""
        if step.deed == "take":
            self._tasks.append((min(step.number, _TOTAL), asyncio.create_task(self._budget.take(step.number))))
        elif step.number < len(self._tasks):
            _, task = self._tasks[step.number]
            if step.deed == "cancel":
                task.cancel()
            elif self._holds(task):
                task.result().release()
                self._released.add(step.number)

    def check(self) -> None:
        """What is held and what is free make up the total, and nobody was served before an earlier one."""
        held = sum(
            size
            for number, (size, task) in enumerate(self._tasks)
            if self._holds(task) and number not in self._released
        )
        waiting = [not task.done() for _, task in self._tasks if not task.cancelled()]
        assert held + self._budget.free == _TOTAL
        assert self._budget.free >= 0
        assert waiting == sorted(waiting)

    async def finish(self) -> None:
        """Serve everybody, and have them return what they hold."""
        for _, task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                (await asyncio.wait_for(task, timeout=5)).release()

    @staticmethod
    def _holds(task: asyncio.Task[Hold]) -> bool:
        return task.done() and not task.cancelled()
