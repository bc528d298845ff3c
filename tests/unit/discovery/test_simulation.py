"""Runs over a catalog of sixty items while messages come twice and in any order, and processes die."""

import asyncio
import contextlib
import math
import random
from datetime import timedelta

import pytest

from shared.model.datasets import Datasets
from shared.model.errors import SourceUnavailableError, StorageFailedError
from shared.model.items import CatalogItem
from shared.model.messages import CopyRequest, PageRequest, Queue
from shared.model.rows import RunState
from tests.fakes.catalogs import paged
from tests.fakes.faults import Faults, KilledError
from tests.unit.discovery.world import STALL, World, asset, item
from tests.unit.model.builders import dataset

_ITEMS = 60
_FILTERED, _REFUSED, _THERE = range(3), range(3, 5), range(5, 12)
_SELECTED = [f"{number:03}" for number in range(5, _ITEMS)]
_AT_ONCE = 3
_ROUGH_STEPS = 120
_MOST_STEPS = 3000


@pytest.mark.parametrize("seed", range(40))
async def test_nothing_is_missed(seed: int) -> None:
    """Every asset is asked for or was there, every item is counted once, and the backlog is bounded all the while."""
    simulation = _Simulation(random.Random(seed))
    world = simulation.world
    await world.bring(*(asset(f"{number:03}") for number in _THERE), cause="run-0")
    await simulation.start()

    for _ in range(_ROUGH_STEPS):
        await simulation.step()
    simulation.is_rough = False
    for _ in range(_MOST_STEPS):
        await simulation.step()
        if simulation.is_over:
            break

    assert world.run.state is RunState.COMPLETE
    assert {*world.keys(), *(each for _, each in world.ledger.entries)} == {asset(name).identity for name in _SELECTED}
    total = await world.total()
    assert (total.available, total.filtered, total.refused) == (_ITEMS, len(_FILTERED), len(_REFUSED))
    assert total.available == total.sent + total.already + total.filtered + total.refused
    assert world.poison() == []
    assert simulation.peak <= world.saturation * world.capacity + _AT_ONCE * world.capacity


class _Simulation:
    """Chance decides what happens next; the same seed decides the same."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.is_rough = True
        #: The most copy requests that were outstanding.
        self.peak = 0
        self.world = World(
            paged([_listed(number) for number in range(_ITEMS)], size=chance.randint(1, 25)),
            capacity=chance.randint(1, 8),
            saturation=chance.choice([0.5, 1.0, 1.5, math.inf]),
        )
        defined = dataset(schedule="0 0 1 1 *", select={"exclude": ["thumbnail"]})
        self.world.datasets = Datasets(datasets={"demo": defined})
        self._pages: list[str] = []
        self._requests: list[str] = []
        self._known = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing waits any more."""
        return not self._pages and self.world.run.state is not RunState.RUNNING

    async def start(self) -> None:
        """Let the first run begin."""
        await self.world.starting().start_due()
        self._receive()

    async def step(self) -> None:
        """Let a little time pass, and something happen."""
        self.world.clock.pass_by(timedelta(seconds=self._chance.uniform(0, 60)))
        self.world.chance = self._chance.random()
        happening = self._chance.choices([self._pages_come, self._copies_end, self._timer_fires], [6, 3, 1])[0]
        await happening()
        self._receive()
        self.peak = max(self.peak, len(self._requests))

    async def _pages_come(self) -> None:
        """Some pages are delivered at once, in no order, one perhaps to two processes."""
        if not self._pages:
            return
        if self.is_rough and self._chance.random() < 0.1:
            self.world.catalog.errors = [SourceUnavailableError("503")]
        bodies = self._chance.choices(self._pages, k=self._chance.randint(1, _AT_ONCE))
        answers = await asyncio.gather(*(self._deliver(body) for body in bodies))
        for body, is_done in zip(bodies, answers, strict=True):
            if is_done and body in self._pages and not (self.is_rough and self._chance.random() < 0.2):
                self._pages.remove(body)

    async def _deliver(self, body: str) -> bool:
        """Deliver one page; tell whether the process lived to acknowledge it."""
        faults = Faults(pause=self._pause)
        if self.is_rough and self._chance.random() < 0.3:
            faults = Faults(
                at=self._chance.randrange(25),
                has_effect=self._chance.random() < 0.5,
                error=self._chance.choice([KilledError, lambda: StorageFailedError("500")]),
                pause=self._pause,
            )
        with contextlib.suppress(KilledError, StorageFailedError):
            await self.world.deliver(PageRequest.decode(body.encode()), faults=faults)
            return True
        return False

    async def _pause(self) -> None:
        for _ in range(self._chance.randrange(3)):
            await asyncio.sleep(0)

    async def _copies_end(self) -> None:
        """Some copies are done."""
        self._chance.shuffle(self._requests)
        for _ in range(min(len(self._requests), self._chance.randint(1, 6))):
            request = CopyRequest.decode(self._requests.pop().encode())
            await self.world.bring(*request.assets, cause=request.cause)
            self.world.queues.counts[Queue.COPY] -= 1

    async def _timer_fires(self) -> None:
        """At rough times long after the timer before, so that runs stall."""
        if self.is_rough or not self._pages:
            self.world.clock.pass_by(self._chance.choice([timedelta(minutes=1), STALL]))
        await self.world.starting().start_due()

    def _receive(self) -> None:
        """Take in what was sent; delays are no matter, as messages come in no order."""
        sent = self.world.queues.sent[self._known :]
        self._known += len(sent)
        self._pages += [each.body for each in sent if each.queue == Queue.DISCOVER]
        self._requests += [each.body for each in sent if each.queue == Queue.COPY]


def _listed(number: int) -> CatalogItem:
    name = f"{number:03}"
    if number in _FILTERED:
        return item(name, "thumbnail")
    if number in _REFUSED:
        return item(name, href="ftp://example.org/a")
    return item(name)
