import logging
import math

import pytest

from shared.discovery import Withholding
from shared.model.messages import LANES, Queue
from tests.fakes import MemoryQueues


def _withholding(queues: MemoryQueues, *, saturation: float = 1.5, capacity: int = 24) -> Withholding:
    return Withholding(queues=queues, saturation=saturation, capacity=capacity)


@pytest.mark.parametrize(
    ("saturation", "capacity", "limit"),
    [(1.5, 24, 36), (1.5, 25, 38), (1.0, 24, 24), (0.01, 24, 1), (1.1, 24, 27), (3.0, 1, 3)],
)
async def test_a_page_runs_below_the_limit(saturation: float, capacity: int, limit: int) -> None:
    """A page runs while fewer than ceil(sigma x S) copy requests are outstanding, and waits from there on."""
    queues = MemoryQueues()
    withholding = _withholding(queues, saturation=saturation, capacity=capacity)

    queues.counts[Queue.COPY] = limit - 1
    below = await withholding.because()
    queues.counts[Queue.COPY] = limit
    at = await withholding.because()

    assert below is None
    assert at == f"{limit} copy requests are outstanding; pages run below {limit}"


async def test_zero_pauses() -> None:
    """With a saturation of 0 every page waits, though nothing is outstanding; the queue isn't even asked."""
    queues = MemoryQueues()
    queues.broken.add(Queue.COPY)

    assert await _withholding(queues, saturation=0).because() == "discovery is paused: DISCOVER_SATURATION is 0"


async def test_infinity_never_withholds() -> None:
    """With an infinite saturation no page waits, whatever is outstanding; the queue isn't even asked."""
    queues = MemoryQueues()
    queues.broken.add(Queue.COPY)

    assert await _withholding(queues, saturation=math.inf).because() is None


async def test_only_what_runs_ask_for_counts() -> None:
    """Live assets, deferred ones, pages and poison hold no page back."""
    queues = MemoryQueues()
    others = {*LANES, Queue.DISCOVER} - {Queue.COPY}
    queues.counts.update(dict.fromkeys([*others, *(each.poison for each in Queue)], 1000))

    assert await _withholding(queues).because() is None


async def test_an_unknown_count_withholds_and_warns(caplog: pytest.LogCaptureFixture) -> None:
    """Where the count can't be read the page waits, and an operator is told."""
    queues = MemoryQueues()
    queues.broken.add(Queue.COPY)

    because = await _withholding(queues).because()

    assert because == "the copy queue's length can't be read"
    assert [(each.levelno, each.__dict__["action"]) for each in caplog.records] == [
        (logging.WARNING, "outstanding_unknown")
    ]
