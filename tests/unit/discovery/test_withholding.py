import logging
import math
from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.discovery.withholding import Withheld, Withholding
from shared.model.messages import LANES, Queue
from shared.model.rows import Hold
from tests.fakes import MemoryHolds, MemoryQueues
from tests.unit.discovery.world import START

_SECOND = timedelta(seconds=1)
_RECHECK = 16 * _SECOND
#: An eighth of it.
_SHORT = 2 * _SECOND
_PAUSED = Hold(dataset="demo", paused_since=START, paused_by="request")
_DEFERRED = Hold(dataset="demo", deferred_until=START + _SECOND, deferred_because="SourceThrottledError: 429")


def _withholding(
    queues: MemoryQueues,
    *holds: Hold,
    saturation: float = 1.5,
    capacity: int = 24,
    recheck: timedelta = _RECHECK,
    chance: Callable[[], float] = lambda: 0.5,
) -> Withholding:
    held = MemoryHolds()
    for each in holds:
        held.hold(each)
    return Withholding(
        queues=queues,
        holds=held,
        saturation=saturation,
        capacity=capacity,
        recheck=recheck,
        clock=lambda: START,
        chance=chance,
    )


def _queues(outstanding: int) -> MemoryQueues:
    queues = MemoryQueues()
    queues.counts[Queue.COPY] = outstanding
    return queues


@pytest.fixture
def uncounted() -> MemoryQueues:
    """Queues that mustn't be counted."""
    queues = MemoryQueues()
    queues.broken.add(Queue.COPY)
    return queues


@pytest.mark.parametrize(
    ("saturation", "capacity", "limit"),
    [(1.5, 24, 36), (1.5, 25, 38), (1.0, 24, 24), (0.01, 24, 1), (1.1, 24, 27), (3.0, 1, 3)],
)
async def test_a_page_runs_below_the_limit(saturation: float, capacity: int, limit: int) -> None:
    """A page runs while fewer than ceil(sigma x S) copy requests are outstanding, and waits from there on."""
    queues = _queues(limit - 1)
    withholding = _withholding(queues, saturation=saturation, capacity=capacity)

    below = await withholding.because("demo")
    queues.counts[Queue.COPY] = limit
    at = await withholding.because("demo")

    assert below is None
    assert at == Withheld(
        because=f"{limit} copy requests are outstanding; pages run below {limit}",
        looks_again_in=_SHORT,
        outstanding=limit,
        limit=limit,
    )


@pytest.mark.parametrize(
    ("outstanding", "wait"), [(36, _SHORT), (59, _SHORT), (60, _RECHECK), (10_000, _RECHECK)], ids=str
)
async def test_near_the_mark_a_page_looks_again_soon(outstanding: int, wait: timedelta) -> None:
    """Near is what one page of S requests leaves that ran just below the mark; further away the page waits longer."""
    withheld = await _withholding(_queues(outstanding)).because("demo")

    assert withheld is not None
    assert withheld.looks_again_in == wait


@pytest.mark.parametrize(
    ("recheck", "wait"), [(80 * _SECOND, 10 * _SECOND), (4 * _SECOND, _SECOND), (0.5 * _SECOND, 0.5 * _SECOND)], ids=str
)
async def test_soon_is_an_eighth_of_the_recheck_time(recheck: timedelta, wait: timedelta) -> None:
    """A second at least, as the queue counts in seconds, and never longer than the recheck time itself."""
    withheld = await _withholding(_queues(36), recheck=recheck).because("demo")

    assert withheld is not None
    assert withheld.looks_again_in == wait


@pytest.mark.parametrize(("chance", "factor"), [(0.0, 0.75), (0.5, 1.0), (1 - 2**-53, 1.25)])
@pytest.mark.parametrize(("outstanding", "wait"), [(36, _SHORT), (60, _RECHECK)], ids=["near", "far"])
async def test_pages_dont_look_together(outstanding: int, wait: timedelta, chance: float, factor: float) -> None:
    """A wait lies between three quarters and five quarters of its time, by chance."""
    withheld = await _withholding(_queues(outstanding), chance=lambda: chance).because("demo")

    assert withheld is not None
    assert withheld.looks_again_in == wait * factor


async def test_no_wait_lets_a_run_stall(uncounted: MemoryQueues) -> None:
    """With the longest recheck time and the worst luck a look comes within the hour that no stall limit is below."""
    withholding = _withholding(uncounted, recheck=timedelta(hours=1), chance=lambda: 1 - 2**-53)

    withheld = await withholding.because("demo")

    assert withheld is not None
    assert withheld.looks_again_in == timedelta(minutes=45)


@pytest.mark.parametrize("saturation", [0.0, 1.5, math.inf])
async def test_a_paused_dataset_waits(uncounted: MemoryQueues, saturation: float) -> None:
    """Whatever the saturation is and the queue says; the reason says who did it and how it ends."""
    withheld = await _withholding(uncounted, _PAUSED, _DEFERRED, _PAUSED, saturation=saturation).because("demo")

    assert withheld is not None
    assert withheld.looks_again_in == _RECHECK
    assert withheld.because == (
        "the dataset is paused since 2024-06-01T12:00:00+00:00 by request; "
        "`sluice resume demo` or DELETE /api/datasets/demo/pause resumes it"
    )


async def test_others_go_on() -> None:
    """What holds one dataset back is no other dataset's matter."""
    assert await _withholding(_queues(0), _PAUSED).because("other") is None


async def test_zero_pauses(uncounted: MemoryQueues) -> None:
    """With a saturation of 0 every page waits, though nothing is outstanding; the queue isn't even asked."""
    withheld = await _withholding(uncounted, saturation=0).because("demo")

    because = "discovery is paused: DISCOVER_SATURATION is 0"
    assert withheld == Withheld(because=because, looks_again_in=_RECHECK, limit=0)


async def test_a_dataset_that_defers_waits(uncounted: MemoryQueues) -> None:
    """Until the delay of its copies is over, and for what their host said; soon looked at, as it may end any time."""
    withheld = await _withholding(uncounted, _DEFERRED).because("demo")

    because = "copies are put off until 2024-06-01T12:00:01+00:00: SourceThrottledError: 429"
    assert withheld == Withheld(because=because, looks_again_in=_SHORT, limit=36)


async def test_once_the_delay_is_over_the_queue_decides() -> None:
    """A hint whose time has come is none any more."""
    over = _DEFERRED.model_copy(update={"deferred_until": START})

    assert await _withholding(_queues(35), over).because("demo") is None


async def test_infinity_never_withholds(uncounted: MemoryQueues) -> None:
    """With an infinite saturation no page waits, for no queue and no hint; the queue isn't even asked."""
    assert await _withholding(uncounted, _DEFERRED, saturation=math.inf).because("demo") is None


async def test_only_what_runs_ask_for_counts() -> None:
    """Live assets, deferred ones, pages and poison hold no page back."""
    queues = MemoryQueues()
    others = {*LANES, Queue.DISCOVER} - {Queue.COPY}
    queues.counts.update(dict.fromkeys([*others, *(each.poison for each in Queue)], 1000))

    assert await _withholding(queues).because("demo") is None


async def test_an_unknown_count_withholds_and_warns(uncounted: MemoryQueues, caplog: pytest.LogCaptureFixture) -> None:
    """Where the count can't be read the page waits, and an operator is told."""
    withheld = await _withholding(uncounted).because("demo")

    because = "the copy queue's length can't be read"
    assert withheld == Withheld(because=because, looks_again_in=_RECHECK, limit=36)
    assert [(each.levelno, each.__dict__["action"]) for each in caplog.records] == [
        (logging.WARNING, "outstanding_unknown")
    ]
