"""Copies in virtual time: none waits for a page that looks too late."""

import heapq
import math
import random
from datetime import timedelta

import pytest

from shared.discovery import Withholding
from shared.model.messages import Queue
from tests.fakes import MemoryHolds, MemoryQueues
from tests.unit.discovery.world import START

_S = 24
_PAGES = 60


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("saturation", "copy_seconds", "page_requests"),
    [(1.5, 6.0, _S), (1.5, 6.0, 5), (1.5, 60.0, _S), (3.0, 1.5, _S), (1.1, 30.0, _S)],
)
async def test_no_slot_idles(seed: int, saturation: float, copy_seconds: float, page_requests: int) -> None:
    """While there are pages, next to no time of a slot is lost where sigma >= 1 + T / t; T is 2 to 3 s here."""
    chance = random.Random(seed)
    queues = MemoryQueues()
    withholding = Withholding(
        queues=queues,
        holds=MemoryHolds(),
        saturation=saturation,
        capacity=_S,
        recheck=timedelta(seconds=15),
        clock=lambda: START,
        chance=chance.random,
    )
    copying = _Copying(seconds=copy_seconds, chance=chance)

    now, pages = 0.0, _PAGES
    while pages:
        queues.counts[Queue.COPY] = copying.outstanding(now)
        if withheld := await withholding.because("demo"):
            # A queue counts in whole seconds.
            now += math.ceil(withheld.looks_again_in.total_seconds())
        else:
            copying.ask_for(page_requests, now=now)
            now, pages = now + 0.05, pages - 1

    assert copying.idle_share(now) < 0.01


class _Copying:
    """S slots, each with one copy after the other, in the order in which they were asked for."""

    def __init__(self, *, seconds: float, chance: random.Random) -> None:
        self._seconds = seconds
        self._chance = chance
        #: When each slot is free.
        self._free = [0.0] * _S
        self._ends: list[float] = []
        self._idle = 0.0

    def ask_for(self, requests: int, *, now: float) -> None:
        """Add copy requests, each of which the next free slot works."""
        for _ in range(requests):
            free = heapq.heappop(self._free)
            begin = max(free, now)
            # The first copy of a slot can't have been late.
            self._idle += begin - free if free else 0.0
            end = begin + self._seconds * self._chance.uniform(0.5, 1.5)
            heapq.heappush(self._free, end)
            heapq.heappush(self._ends, end)

    def outstanding(self, now: float) -> int:
        """How many were asked for and have not ended."""
        while self._ends and self._ends[0] <= now:
            heapq.heappop(self._ends)
        return len(self._ends)

    def idle_share(self, now: float) -> float:
        """Of all time of all slots, how much went by without a copy though there were pages."""
        return self._idle / (_S * now)
