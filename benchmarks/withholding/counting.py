"""Arithmetic on calls: what stands in a queue, what is worked, and how long items take."""

import bisect
import dataclasses
import itertools
import math
from collections.abc import Iterable, Sequence

from benchmarks.withholding.calls import Call

#: Times, each with the number that holds from then on.
type Series = Sequence[tuple[float, int]]
#: From when until when.
type Span = tuple[float, float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What became of an item."""

    #: When its first message was sent, when the first delivery of any began, and when the last one was acknowledged.
    opened: float
    begun: float | None
    closed: float | None
    #: Whether all its assets were copied.
    is_whole: bool


def outstanding(calls: Iterable[Call], *, queue: str) -> Series:
    """Messages of a queue: those sent and not acknowledged, visible or not."""
    return running(
        (call.at, 1 if call.is_send else -1)
        for call in calls
        if call.queue == queue and (call.is_send or call.is_delete)
    )


def held(calls: Iterable[Call], *, queue: str) -> Series:
    """Messages that are being worked: received, and neither acknowledged nor given back."""
    return running(step for call in calls if call.queue == queue for step in _steps(call))


def stories(calls: Iterable[Call], *, lanes: Iterable[str]) -> dict[str, Story]:
    """What became of each item whose assets were asked for in one of these lanes."""
    names = frozenset(lanes)
    poison = frozenset(f"{each}-poison" for each in names)
    items_of: dict[str, frozenset[str]] = {}
    told = dict[str, _Telling]()
    for call in calls:
        if call.is_send and call.queue in names:
            items_of[call.ids[0]] = call.items
            for item in call.items:
                told.setdefault(item, _Telling(opened=call.at)).open += 1
        elif call.is_send and call.queue in poison:
            for item in call.items & told.keys():
                told[item].is_whole = False
        elif call.is_receive and call.queue in names:
            for item in {item for each in call.ids for item in items_of.get(each, ())}:
                told[item].begun = told[item].begun or call.at
        elif call.is_delete and call.queue in names:
            for item in items_of.get(call.message or "", ()):
                told[item].open -= 1
                told[item].closed = call.at
    return {item: each.story() for item, each in told.items()}


def peak(series: Series, *, span: Span = (-math.inf, math.inf)) -> int:
    """The greatest number within a time, what held at its beginning among it."""
    begin, end = span
    return max((number for _, number in _within(series, begin, end)), default=0)


def at(series: Series, moment: float) -> int:
    """The number that held at a moment; 0 before the first one."""
    index = bisect.bisect_right(series, moment, key=lambda each: each[0])
    return series[index - 1][1] if index else 0


def area(series: Series, *, span: Span) -> float:
    """The number times the seconds for which it held, over a time."""
    begin, end = span
    steps = [*_within(series, begin, end), (end, 0)]
    return sum((after - at_) * number for (at_, number), (after, _) in itertools.pairwise(steps))


def mean(series: Series, *, span: Span) -> float:
    """The number on average over a time; over no time, nothing."""
    begin, end = span
    return area(series, span=span) / (end - begin) if end > begin else 0.0


def idle_share(busy: Series, *, slots: int, span: Span, without: Sequence[Span] = ()) -> float:
    """The part of all slots that was idle over a time, but for some times."""
    begin, end = span
    cuts = [(max(begin, since), min(end, until)) for since, until in without if since < end and until > begin]
    seconds = end - begin - sum(until - since for since, until in cuts)
    if seconds <= 0:
        return 0.0
    worked = area(busy, span=span) - sum(area(busy, span=each) for each in cuts)
    return 1 - worked / (slots * seconds)


def percentile(values: Iterable[float], percent: float) -> float:
    """The least value that so many percent of all are not above; raises ValueError where there is none."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("there is no percentile of nothing")
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def thinned(series: Series, *, span: Span, points: int) -> list[int]:
    """The greatest number of each of so many equal parts of a time, so that no peak is lost."""
    begin, end = span
    width = (end - begin) / points
    edges = [begin + width * number for number in range(points + 1)]
    return [peak(series, span=each) for each in itertools.pairwise(edges)]


@dataclasses.dataclass(slots=True, kw_only=True)
class _Telling:
    opened: float
    begun: float | None = None
    closed: float | None = None
    is_whole: bool = True
    #: Messages that name the item and aren't acknowledged: what it still needs is sent before its message is deleted.
    open: int = 0

    def story(self) -> Story:
        is_closed = self.open == 0
        return Story(
            opened=self.opened,
            begun=self.begun,
            closed=self.closed if is_closed else None,
            is_whole=self.is_whole and is_closed,
        )


def running(steps: Iterable[tuple[float, int]]) -> list[tuple[float, int]]:
    """The sums of steps so far, each with its time."""
    found: list[tuple[float, int]] = []
    number = 0
    for moment, step in steps:
        number += step
        found.append((moment, number))
    return found


def _steps(call: Call) -> list[tuple[float, int]]:
    if call.is_receive:
        return [(call.at, len(call.ids))] if call.ids else []
    return [(call.at, -1)] if call.is_delete or call.is_release else []


def _within(series: Series, begin: float, end: float) -> list[tuple[float, int]]:
    """The steps of a time, the first of them at its beginning."""
    first = bisect.bisect_right(series, begin, key=lambda each: each[0])
    last = bisect.bisect_left(series, end, key=lambda each: each[0])
    before = [(begin, series[first - 1][1])] if first else []
    return [*before, *series[first:last]]
