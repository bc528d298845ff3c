"""What the runs of an experiment come to: a ratio for each round, and their median against a goal.

A run that failed has no ratio, so it never counts as a fast one. Where a run of Sluice's own failed, no goal is met.
"""

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence

from benchmarks.measured import Failed, Measured, Outcome

#: What the arms of an experiment came to, run once each, one after the other.
type Round = Mapping[str, Outcome]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A bound for a median."""

    bound: float
    at_least: bool

    def holds(self, value: float) -> bool:
        """Tell whether a median is good enough."""
        return value >= self.bound if self.at_least else value <= self.bound

    @property
    def text(self) -> str:
        """As people write it."""
        return f"{'>=' if self.at_least else '<='} {self.bound:.3g}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measure of one experiment."""

    experiment: str
    workload: str
    destination: str
    measure: str
    goal: str
    median: float | None
    min: float | None
    max: float | None
    pairs: int
    met: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What is compared, and the goal."""

    title: str
    goal: Goal
    #: Of a round; None where a run that it needs failed.
    ratio: Callable[[Round], float | None]

    def row(
        self, rounds: Sequence[Round], *, experiment: str, workload: str, destination: str, ours: Sequence[str]
    ) -> Row:
        """The row of these rounds; ``ours`` are the arms in which Sluice ran."""
        found = [each for each in map(self.ratio, rounds) if each is not None]
        failed = any(isinstance(each[arm], Failed) for each in rounds for arm in ours)
        median = statistics.median(found) if found else None
        return Row(
            experiment=experiment,
            workload=workload,
            destination=destination,
            measure=self.title,
            goal=self.goal.text,
            median=_rounded(median),
            min=_rounded(min(found, default=None)),
            max=_rounded(max(found, default=None)),
            pairs=len(found),
            met=median is not None and not failed and self.goal.holds(median),
        )


def speed(ours: str, rivals: Sequence[str]) -> Callable[[Round], float | None]:
    """How many times as fast as the fastest rival of the round."""
    return _compared(ours, rivals, lambda own, rival: rival.seconds / own.seconds)


def memory(ours: str, rivals: Sequence[str]) -> Callable[[Round], float | None]:
    """Peak memory as a part of that of the fastest rival of the round."""
    return _compared(ours, rivals, lambda own, rival: own.peak_bytes / rival.peak_bytes)


def cpu(ours: str, rivals: Sequence[str]) -> Callable[[Round], float | None]:
    """CPU as a multiple of that of the fastest rival of the round."""
    return _compared(ours, rivals, lambda own, rival: own.cpu_seconds / rival.cpu_seconds)


def growth(counts: Mapping[str, int], cost: Callable[[Measured], float]) -> Callable[[Round], float | None]:
    """The cost of a file in the largest arm, as a multiple of the least cost in a smaller one.

    The least: what a run costs by itself makes the smallest arm dear, and must not hide that files become dearer.
    """

    def ratio(found: Round) -> float | None:
        costs = {arm: cost(each) / counts[arm] for arm, each in found.items() if isinstance(each, Measured)}
        if len(costs) < len(counts):
            return None
        largest = max(counts, key=counts.__getitem__)
        return costs[largest] / min(each for arm, each in costs.items() if arm != largest)

    return ratio


def within(ours: str, budget_bytes: int) -> Callable[[Round], float | None]:
    """Peak memory as a part of what the warm process had, and its budget."""

    def ratio(found: Round) -> float | None:
        own = found[ours]
        if isinstance(own, Failed) or own.base_bytes is None:
            return None
        return own.peak_bytes / (own.base_bytes + budget_bytes)

    return ratio


def _compared(
    ours: str, rivals: Sequence[str], compare: Callable[[Measured, Measured], float]
) -> Callable[[Round], float | None]:
    def ratio(found: Round) -> float | None:
        own = found[ours]
        others = [each for each in map(found.__getitem__, rivals) if isinstance(each, Measured)]
        if isinstance(own, Failed) or not others:
            return None
        return compare(own, min(others, key=lambda each: each.seconds))

    return ratio


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
