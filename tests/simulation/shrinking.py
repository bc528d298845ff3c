"""A schedule that fails, made small: decision by decision becomes tame while it still breaks the same rule."""

from collections.abc import Callable, Iterator, Sequence

from tests.simulation.choices import Decision
from tests.simulation.world import Schedule, run_seed


def shrink(failing: Schedule, *, told: Callable[[Schedule], None] = lambda _: None) -> Schedule:
    """The smallest schedule found: what it decided is all that it takes. ``told`` is told of each smaller one.

    All of it is left out first, then halves, then quarters, and so on.
    """
    rule = failing.outcome.violations[0].rule
    smallest = failing
    size = len(failing.made)
    while size:
        is_smaller = False
        for only in _rests(smallest.made, size):
            tried = run_seed(failing.seed, only=only)
            # A decision that isn't met any more is none: each try is smaller than what it was made of.
            if any(each.rule == rule for each in tried.outcome.violations):
                smallest, is_smaller = tried, True
                told(smallest)
                break
        if not is_smaller:
            size //= 2
        size = min(size, len(smallest.made))
    return smallest


def _rests(made: Sequence[Decision], size: int) -> Iterator[Sequence[Decision]]:
    """What is left of decisions without so many at one place, the last ones first: they may come after the failure."""
    for end in range(len(made), 0, -size):
        yield [*made[: max(0, end - size)], *made[end:]]
