import asyncio
import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.copying.budget import Hold, MemoryBudget, Share

_TOTAL = 10


async def _turns() -> None:
    """Let everybody who can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_taken_is_missing_until_it_is_released() -> None:
    """A hold is a part of the total."""
    budget = MemoryBudget(_TOTAL)

    hold = await budget.share().take(4)
    while_held = budget.free
    hold.release()

    assert (while_held, budget.free) == (6, 10)


async def test_a_hold_is_returned_once() -> None:
    """A second release gives nothing back: the budget never grows."""
    budget = MemoryBudget(_TOTAL)
    hold = await budget.share().take(4)

    hold.release()
    hold.release()

    assert budget.free == _TOTAL


async def test_more_than_there_is_counts_as_all_there_is() -> None:
    """A block larger than the whole budget is copied alone, and not never."""
    budget = MemoryBudget(_TOTAL)

    hold = await budget.share().take(_TOTAL + 1)
    while_held = budget.free
    hold.release()

    assert (while_held, budget.free) == (0, _TOTAL)


async def test_who_asks_first_is_served_first() -> None:
    """A small request doesn't overtake a large one: a large asset would wait for ever."""
    budget = MemoryBudget(_TOTAL)
    first = await budget.share().take(8)
    large, small = asyncio.create_task(budget.share().take(9)), asyncio.create_task(budget.share().take(1))
    await _turns()

    waiting = large.done(), small.done()
    first.release()
    await _turns()

    assert waiting == (False, False)
    assert (large.done(), small.done(), budget.free) == (True, True, 0)


async def test_nothing_costs_nothing_but_its_turn() -> None:
    """An empty asset waits behind those who wait already, and takes nothing."""
    budget = MemoryBudget(_TOTAL)
    first = await budget.share().take(_TOTAL)
    second, empty = asyncio.create_task(budget.share().take(1)), asyncio.create_task(budget.share().take(0))
    await _turns()

    first.release()
    await _turns()

    assert (second.done(), empty.done(), budget.free) == (True, True, _TOTAL - 1)


async def test_who_gives_up_lets_the_next_one_go_on() -> None:
    """A waiter that was cancelled doesn't stand in the way of those behind it."""
    budget = MemoryBudget(_TOTAL)
    await budget.share().take(6)
    large, small = asyncio.create_task(budget.share().take(9)), asyncio.create_task(budget.share().take(4))
    await _turns()

    large.cancel()
    await _turns()

    assert (large.cancelled(), small.done(), budget.free) == (True, True, 0)


async def test_who_is_cancelled_while_being_served_returns_what_it_got() -> None:
    """Served and cancelled in one moment: nobody holds it then."""
    budget = MemoryBudget(_TOTAL)
    first = await budget.share().take(_TOTAL)
    waiter = asyncio.create_task(budget.share().take(7))
    await _turns()

    first.release()
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter

    assert budget.free == _TOTAL


async def test_who_holds_nothing_goes_first() -> None:
    """A small asset doesn't wait until the giants that asked before it have read on."""
    budget = MemoryBudget(_TOTAL)
    giant, small = budget.share(), budget.share()
    first, second = await giant.take(5), await giant.take(5)
    more, one = asyncio.create_task(giant.take(5)), asyncio.create_task(small.take(1))
    await _turns()

    second.release()
    await _turns()

    assert (one.done(), more.done()) == (True, False)
    first.release()
    await _turns()
    assert (more.done(), giant.held, small.held, budget.free) == (True, 5, 1, 4)


async def test_a_giant_gets_its_turn_though_small_ones_keep_coming() -> None:
    """Once nothing of it is on its way any more, it is the one who has waited longest."""
    budget = MemoryBudget(_TOTAL)
    giant = budget.share()
    block, others = await giant.take(5), await budget.share().take(5)
    more = asyncio.create_task(giant.take(5))
    await _turns()
    small = [asyncio.create_task(budget.share().take(5)) for _ in range(2)]
    await _turns()

    others.release()
    await _turns()
    while_it_held = more.done(), [each.done() for each in small]
    block.release()
    await _turns()

    assert while_it_held == (False, [True, False])
    assert (more.done(), [each.done() for each in small]) == (True, [True, False])


@dataclasses.dataclass(frozen=True)
class _Step:
    """Have a copy take so much, or release or cancel an earlier take; then let the others run, or don't."""

    deed: str
    #: Bytes, or the number of the take.
    number: int
    copy: int
    others_run: bool


_STEPS = st.lists(
    st.builds(
        _Step,
        st.sampled_from(["take", "take", "release", "cancel"]),
        st.integers(0, 14),
        st.integers(0, 3),
        st.booleans(),
    ),
    max_size=40,
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
            before = takers.waiting_with_nothing()
            await _turns()
            takers.check(before)

    await takers.finish()
    assert budget.free == _TOTAL


class _Takers:
    """What copies take, in the order in which they asked."""

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self._shares = [budget.share() for _ in range(4)]
        self._takes: list[tuple[Share, int, asyncio.Task[Hold]]] = []
        self._served: set[int] = set()
        self._released: set[int] = set()

    def do(self, step: _Step) -> None:
        """Do one step; one that has nothing to do it to does nothing."""
        if step.deed == "take":
            share = self._shares[step.copy]
            self._takes.append((share, min(step.number, _TOTAL), asyncio.create_task(share.take(step.number))))
        elif step.number < len(self._takes):
            _, _, task = self._takes[step.number]
            if step.deed == "cancel":
                task.cancel()
            elif self._holds(task):
                task.result().release()
                self._released.add(step.number)

    def waiting_with_nothing(self) -> set[int]:
        """Which takes wait for a copy that holds nothing."""
        return {number for number, (share, _, task) in enumerate(self._takes) if not task.done() and not share.held}

    def check(self, before: set[int]) -> None:
        """The parts make up the total, and nobody was served before who asked earlier and held nothing all the time."""
        held = [0, 0, 0, 0]
        for number, (share, size, task) in enumerate(self._takes):
            if self._holds(task) and number not in self._released:
                held[self._shares.index(share)] += size
        assert held == [each.held for each in self._shares]
        assert sum(held) + self._budget.free == _TOTAL
        assert self._budget.free >= 0
        served = {number for number, (_, _, task) in enumerate(self._takes) if self._holds(task)}
        passed_over = before & self.waiting_with_nothing()
        assert not passed_over or max(served - self._served, default=-1) < min(passed_over)
        self._served |= served

    async def finish(self) -> None:
        """Serve everybody, and have them return what they hold."""
        await _turns()
        left = [task for _, _, task in self._takes if not task.cancelled()]
        while left:
            served = [task for task in left if task.done()]
            assert served, "nobody is served"
            for task in served:
                task.result().release()
            left = [task for task in left if task not in served]
            await _turns()

    @staticmethod
    def _holds(task: asyncio.Task[Hold]) -> bool:
        return task.done() and not task.cancelled()
