"""All ways are gone, each once, and counted."""

from collections.abc import Callable, Sequence

from tests.simulation.exhaustive.exploring import Explored, explore


class _Steps:
    """Some who each take their steps, in any order."""

    def __init__(self, *steps: int, is_broken_at: Callable[[Sequence[int]], bool] = lambda _: False) -> None:
        self.left = list(steps)
        self.is_closed = False
        self._is_broken_at = is_broken_at
        self._is_over = False

    def options(self) -> Sequence[str]:
        return [f"step of {who}" for who, left in enumerate(self.left) if left]

    def take(self, number: int) -> None:
        self.left[[who for who, left in enumerate(self.left) if left][number]] -= 1

    def state(self) -> bytes:
        return repr(self.left).encode()

    def end(self) -> None:
        self._is_over = True

    def close(self) -> None:
        self.is_closed = True

    @property
    def violations(self) -> Sequence[object]:
        return ["broken"] if self._is_broken_at(self.left) else []


def test_ways_are_counted() -> None:
    """Two who take three steps each can do so in 6! / 3! / 3! orders, through four times four states."""
    explored = explore(lambda: _Steps(3, 3))

    explored.seconds = 0.0
    assert explored == Explored(ways=20, states=16, ends=1, steps=24, longest=6)


def test_every_way_is_closed() -> None:
    """Whatever was begun is ended."""
    begun: list[_Steps] = []

    def begin() -> _Steps:
        begun.append(_Steps(2, 2))
        return begun[-1]

    explore(begin)

    assert len(begun) > 1
    assert all(each.is_closed for each in begun)


def test_the_way_to_a_broken_rule_is_told() -> None:
    """It ends there, and says how it came there."""
    explored = explore(lambda: _Steps(2, 1, is_broken_at=lambda left: list(left) == [1, 0]))

    assert not explored.is_whole
    assert explored.broken == ["broken"]
    assert sorted(explored.path) == ["step of 0", "step of 1"]


def test_too_many_steps_end_it() -> None:
    """Then it isn't whole, and nothing is broken."""
    explored = explore(lambda: _Steps(3, 3), most_steps=10)

    assert (explored.is_whole, explored.steps, explored.broken) == (False, 10, [])
