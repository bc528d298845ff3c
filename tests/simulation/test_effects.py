"""What goes wrong with a call."""

from collections.abc import AsyncIterator

import pytest

from shared.model.errors import BlobConflictError, StorageFailedError
from tests.fakes.faults import KilledError
from tests.simulation.choices import Seeded
from tests.simulation.effects import Effects, Fault, Tally, Trace, Weather
from tests.simulation.loops import ProcessLoop, Scheduler
from tests.simulation.scenario import CALM, Rates


class _Store:
    def __init__(self) -> None:
        self.done: list[str] = []

    async def put(self, name: str) -> str:
        self.done.append(name)
        if name == "taken":
            raise BlobConflictError(name)
        return f"{name} is there"


class _World:
    """A process whose calls meet one kind of fault each time."""

    def __init__(self, rates: Rates = CALM, *, seed: int = 1) -> None:
        self.store = _Store()
        self.killed = 0
        self.tally = Tally()
        self.scheduler = Scheduler(Seeded(1))
        self.loop = ProcessLoop(self.scheduler, troubled=lambda _: None)
        self.effects = Effects(
            process=1,
            loop=self.loop,
            scheduler=self.scheduler,
            choices=Seeded(seed),
            weather=Weather(rates),
            tally=self.tally,
            trace=Trace(),
            kill=self._kill,
        )
        self.port = self.effects.port(self.store, "store")

    def call(self, name: str = "a") -> str:
        """Make a call; raises what it raises."""
        task = self.loop.create_task(self.port.put(name))
        self.scheduler.run(until=self.scheduler.now + 5000, ends=lambda: False)
        return task.result()

    def _kill(self) -> None:
        self.killed += 1
        self.effects.is_dead = True


def test_a_calm_call_is_made() -> None:
    """It takes a moment, has its effect, and is counted under its name."""
    world = _World()

    assert world.call() == "a is there"
    assert (world.store.done, dict(world.tally.reached)) == (["a"], {"worker:store.put": 1})


@pytest.mark.parametrize("name", ["a", "taken"])
def test_a_refused_call_has_no_effect(name: str) -> None:
    """Whatever it would have been answered."""
    world = _World(Rates(refused=1.0))

    with pytest.raises(StorageFailedError):
        world.call(name)

    assert world.store.done == []


@pytest.mark.parametrize("name", ["a", "taken"])
def test_a_lost_answer_leaves_the_effect(name: str) -> None:
    """What was done is done, and nobody is told; a conflict, neither."""
    world = _World(Rates(lost=1.0))

    with pytest.raises(StorageFailedError):
        world.call(name)

    assert world.store.done == [name]


@pytest.mark.parametrize("name", ["a", "taken"])
def test_a_repeated_call_has_its_effect_twice(name: str) -> None:
    """The second answer is the one that arrives."""
    world = _World(Rates(repeated=1.0))

    if name == "taken":
        with pytest.raises(BlobConflictError):
            world.call(name)
    else:
        assert world.call(name) == "a is there"
    assert world.store.done == [name] * (1 if name == "taken" else 2)


def test_a_stalled_call_takes_its_time() -> None:
    """It is made in the end."""
    world = _World(Rates(stall=1.0))

    assert world.call() == "a is there"
    assert world.tally.faults == {(Fault.STALLED, "worker:store.put"): 1}


def test_a_process_dies_before_or_after_a_call() -> None:
    """Half of all deaths come before the effect, the others after it; nothing that comes then has an effect."""
    deaths: list[int] = []
    for number in range(20):
        world = _World(Rates(crash=1.0), seed=number)
        with pytest.raises(KilledError):
            world.call()
        deaths.append(len(world.store.done))
        with pytest.raises(KilledError):
            world.call("later")
        assert (len(world.store.done), world.killed) == (deaths[-1], 1)

    assert {*deaths} == {0, 1}


def test_what_iterates_makes_a_call_for_each_thing() -> None:
    """A process can die between two things of a listing."""

    class Listing:
        async def all_of(self, count: int) -> AsyncIterator[int]:
            for each in range(count):
                yield each

    world = _World()
    port = world.effects.port(Listing(), "listing")

    async def read() -> list[int]:
        return [each async for each in port.all_of(3)]

    reading = world.loop.create_task(read())
    world.scheduler.run(until=100, ends=lambda: False)

    assert (reading.result(), world.tally.reached["worker:listing.all_of"]) == ([0, 1, 2], 3)
