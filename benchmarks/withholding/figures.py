"""What one arm comes to, in numbers."""

import dataclasses
import statistics
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.withholding.arm import Seen
from benchmarks.withholding.calls import Call
from benchmarks.withholding.counting import (
    Span,
    Story,
    held,
    idle_share,
    mean,
    outstanding,
    peak,
    percentile,
    running,
    stories,
    thinned,
)
from benchmarks.withholding.folder import BACKFILL
from benchmarks.withholding.plan import Plan

_COPY, _LATER, _LIVE = "copy", "copy-later", "copy-live"
_POINTS = 150
#: Below this many messages Azurite's calls cost what they always do.
_SHALLOW = 300


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Numbers of one arm; times are seconds from the request for the run on."""

    sigma: float
    capacity: int
    #: From when on pages wait.
    mark: float
    peak_outstanding: int
    peak_open_items: int
    makespan: float
    #: Of it, what Azurite's calls took longer than at a queue with few messages, for each slot.
    emulator: float
    #: Mean milliseconds of a receipt that brought messages and of an acknowledgement, by messages in the queue.
    call_milliseconds: Mapping[str, tuple[float, float]]
    #: Of the slots while items wait that nobody has begun, but for the outage.
    idle: float
    #: Files that the source was busy with, on average over that time.
    files_at_once: float
    first_whole: float
    open_p95: float
    open_median: float
    #: Of live assets before the run, and during it.
    live_idle: tuple[float, ...]
    live: tuple[float, ...]
    #: Published items that a reader saw before they were whole.
    torn: int
    #: Messages left, or sent yet, when discovery was paused.
    left: int | None
    #: When the source was out.
    outage: Span | None
    #: Outstanding messages: the most in each of many equal parts of the makespan.
    series: Sequence[int]

    @property
    def live_p95(self) -> float:
        """Seconds."""
        return percentile(self.live, 95)


def figures(plan: Plan, seen: Seen) -> Figures:
    """Work out an arm's numbers."""
    began, over = seen.run
    calls = [each for each in seen.calls if began <= each.at <= over]
    waiting, told = outstanding(calls, queue=_COPY), _backfill(calls)
    ended = max(each.at for each in calls if each.is_delete and each.queue in {_COPY, _LATER})
    busy_span = _while_items_wait(told)
    outages = [seen.outage] if seen.outage else []
    opened = [each.closed - each.opened for each in told if each.is_whole and each.closed]
    return Figures(
        sigma=seen.sigma,
        capacity=plan.capacity,
        mark=plan.mark(seen.sigma),
        peak_outstanding=peak(waiting),
        peak_open_items=peak(_open_items(told)),
        makespan=ended - began,
        emulator=_emulator_seconds(calls, waiting, slots=plan.capacity),
        call_milliseconds=_call_milliseconds(calls, waiting),
        idle=idle_share(held(calls, queue=_COPY), slots=plan.capacity, span=busy_span, without=outages),
        files_at_once=mean(_files(seen.served), span=busy_span),
        first_whole=min(each.closed for each in told if each.is_whole and each.closed) - began,
        open_p95=percentile(opened, 95),
        open_median=percentile(opened, 50),
        live_idle=_live(seen.calls, span=seen.idle),
        live=_live(seen.calls, span=(began, ended)),
        torn=seen.torn,
        left=_left(seen),
        outage=(seen.outage[0] - began, seen.outage[1] - began) if seen.outage else None,
        series=thinned(waiting, span=(began, ended), points=_POINTS),
    )


def _backfill(calls: Iterable[Call]) -> list[Story]:
    found = stories(calls, lanes=(_COPY, _LATER))
    return [story for item, story in found.items() if item.startswith(f"{BACKFILL}/")]


def _while_items_wait(told: Iterable[Story]) -> Span:
    """From the first item's begin to the last one's: from then on, slots have nothing to begin."""
    begun = [each.begun for each in told if each.begun is not None]
    return min(begun), max(begun)


def _open_items(told: Iterable[Story]) -> list[tuple[float, int]]:
    return running(sorted(step for each in told if each.closed for step in ((each.opened, 1), (each.closed, -1))))


def _files(served: Iterable[Span]) -> list[tuple[float, int]]:
    return running(sorted(step for began, ended in served for step in ((began, 1), (ended, -1))))


def _live(calls: Iterable[Call], *, span: Span) -> tuple[float, ...]:
    """From send to acknowledgement, for each live asset that was sent in a time."""
    told = stories(calls, lanes=(_LIVE,)).values()
    begin, end = span
    return tuple(round(each.closed - each.opened, 3) for each in told if each.closed and begin <= each.opened < end)


def _left(seen: Seen) -> int | None:
    """The most that stood in the queue from the pause on: a page that was at work sends its requests yet."""
    if seen.pause is None:
        return None
    return peak(outstanding(seen.calls, queue=_COPY), span=seen.pause)


def _call_milliseconds(calls: Sequence[Call], waiting: Sequence[tuple[float, int]]) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for name, low, high in (
        ("0-299", 0, 300),
        ("300-999", 300, 1000),
        ("1000-1999", 1000, 2000),
        ("2000-", 2000, 10**9),
    ):
        took = [_took(calls, waiting, receives=each, depths=(low, high)) for each in (True, False)]
        if all(took):
            found[name] = (round(1000 * statistics.mean(took[0]), 2), round(1000 * statistics.mean(took[1]), 2))
    return found


def _emulator_seconds(calls: Sequence[Call], waiting: Sequence[tuple[float, int]], *, slots: int) -> float:
    """What calls at a deep queue took longer than at a shallow one: while they last, a slot works nothing."""
    total = 0.0
    for receives in (True, False):
        shallow = _took(calls, waiting, receives=receives, depths=(0, _SHALLOW))
        deep = _took(calls, waiting, receives=receives, depths=(_SHALLOW, 10**9))
        if shallow and deep:
            # A receipt keeps all messages waiting that it brings.
            weight = _mean_brought(calls) if receives else 1
            total += weight * (sum(deep) - len(deep) * statistics.mean(shallow))
    return max(0.0, total / slots)


def _mean_brought(calls: Iterable[Call]) -> float:
    return statistics.mean(len(each.ids) for each in calls if each.queue == _COPY and each.is_receive and each.ids)


def _took(
    calls: Iterable[Call], waiting: Sequence[tuple[float, int]], *, receives: bool, depths: tuple[int, int]
) -> list[float]:
    """How long receipts that brought messages took, or acknowledgements, while so many messages stood in the queue."""
    low, high = depths
    found: list[float] = []
    index, depth = 0, 0
    for call in calls:
        while index < len(waiting) and waiting[index][0] <= call.at:
            depth = waiting[index][1]
            index += 1
        wanted = (call.is_receive and bool(call.ids)) if receives else call.is_delete
        if call.queue == _COPY and wanted and low <= depth < high:
            found.append(call.took)
    return found
