"""The model of the Functions host does what the host does."""

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import Any, cast

import pytest

from shared.model.errors import StorageFailedError
from shared.model.messages import Queue
from tests.simulation.choices import Seeded
from tests.simulation.effects import Effects, Tally, Trace, Weather
from tests.simulation.host import (
    BATCH,
    DRAIN_SECONDS,
    LEASE_SECONDS,
    RETRY_SECONDS,
    THRESHOLD,
    TIMEOUT_SECONDS,
    Instance,
)
from tests.simulation.loops import ProcessLoop, Scheduler
from tests.simulation.messages import WEEK_SECONDS, MessageStore
from tests.simulation.scenario import CALM, Rates
from tests.simulation.workers import Worker


class _World:
    """Instances whose copies take as long as their messages say, or fail."""

    def __init__(self, rates: Rates = CALM) -> None:
        self.scheduler = Scheduler(Seeded(1))
        self.messages = MessageStore(lambda: self.scheduler.now)
        self.tally = Tally()
        self.unforeseen: list[str] = []
        self.instances: list[Instance] = []
        #: What a worker began and ended, and when.
        self.began: list[tuple[str, float]] = []
        self.ended: list[tuple[str, float]] = []
        self._rates = rates
        self.start()

    def start(self) -> Instance:
        """Start an instance."""
        instance = Instance(
            len(self.instances),
            messages=self.messages,
            start_worker=self._start_worker,
            scheduler=self.scheduler,
            choices=Seeded(1),
            weather=Weather(self._rates),
            tally=self.tally,
            trace=Trace(),
            wake=self._wake,
            unforeseen=self.unforeseen.append,
            died=lambda _: None,
        )
        self.instances.append(instance)
        return instance

    def send(self, *bodies: str) -> None:
        """Send messages to the copy queue, and let somebody look."""
        for each in bodies:
            self.messages.send(Queue.COPY, each)
        self._wake(Queue.COPY, self.scheduler.now)

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.scheduler.run(until=self.scheduler.now + seconds, ends=lambda: False)

    async def deliver(self, worker: Worker, body: str) -> None:
        """A copy: so many seconds, or a failure."""
        self.began.append((body, self.scheduler.now))
        if body.startswith("bad"):
            raise StorageFailedError(body) if body == "bad" else KeyError(body)
        await worker.loop.sleep(float(body))
        self.ended.append((body, self.scheduler.now))

    def _wake(self, queue: str, at: float) -> None:
        self.scheduler.at(max(at, self.scheduler.now), lambda: [each.poll(queue) for each in self.instances])

    def _start_worker(self, instance: Instance) -> Worker:
        loop = ProcessLoop(self.scheduler, troubled=self.unforeseen.append)
        effects = Effects(
            process=instance.number,
            loop=loop,
            scheduler=self.scheduler,
            choices=Seeded(1),
            weather=Weather(CALM),
            tally=self.tally,
            trace=Trace(),
            kill=instance.kill_worker,
        )
        nothing = cast("Any", None)
        worker = Worker(
            number=instance.number,
            loop=loop,
            effects=effects,
            starting=nothing,
            discovery=nothing,
            intake=nothing,
            copying=nothing,
            publishing=nothing,
            control=nothing,
            preserving=nothing,
        )
        return dataclasses.replace(worker, copying=cast("Any", _Copying(self.deliver, worker)))


class _Copying:
    def __init__(self, deliver: Callable[..., Any], worker: Worker) -> None:
        self._deliver = deliver
        self._worker = worker

    async def deliver(self, body: bytes, *, lane: Queue) -> None:
        del lane
        await self._deliver(self._worker, body.decode())


@pytest.fixture
def world() -> _World:
    return _World()


def test_a_message_is_deleted_when_it_was_worked(world: _World) -> None:
    """It is worked once."""
    world.send("1")
    world.pass_time(LEASE_SECONDS * 2)

    assert (len(world.began), world.messages.count(Queue.COPY)) == (1, 0)


def test_a_batch_is_followed_by_the_next_once_there_is_room(world: _World) -> None:
    """Sixteen at once, and sixteen more as soon as eight or fewer are left: 24 at most."""
    world.send(*["100"] * 30)
    world.pass_time(50)
    at_once = len(world.began)

    world.send(*["1"] * 3)
    world.pass_time(49)

    assert at_once == BATCH
    assert len(world.began) == BATCH
    world.pass_time(1000)
    assert (len(world.ended), THRESHOLD) == (33, 8)


def test_a_long_copy_keeps_its_lease(world: _World) -> None:
    """The host renews it, so nobody else gets the message meanwhile."""
    world.start()
    world.send(str(LEASE_SECONDS + 300))
    world.pass_time(LEASE_SECONDS * 3)

    assert (len(world.began), len(world.ended), world.messages.count(Queue.COPY)) == (1, 1, 0)


def test_a_lease_can_end_early() -> None:
    """Then two work the same message, and whoever has the last receipt deletes it."""
    world = _World(Rates(lease_ends=1.0))
    world.start()
    world.send("500")
    world.pass_time(5000)

    assert len(world.began) > 1
    assert world.messages.count(Queue.COPY) == 0


def test_a_failure_is_retried_and_then_poison(world: _World) -> None:
    """Five attempts, each half a minute after the last; the copy in the poison queue lives a week."""
    world.send("bad")
    world.pass_time(1000)

    times = [at for _, at in world.began]
    (poison,) = world.messages.queues[Queue.COPY.poison].values()
    assert [round((later - at) / RETRY_SECONDS) for at, later in itertools.pairwise(times)] == [1] * 4
    assert world.messages.count(Queue.COPY) == 0
    assert poison.expires_at - times[-1] == pytest.approx(WEEK_SECONDS, abs=1)
    assert not math.isinf(poison.expires_at)
    assert world.unforeseen == []


def test_an_exception_that_nobody_simulated_is_told(world: _World) -> None:
    """What isn't one of our errors is a defect, of the product or of the simulator."""
    world.send("bad luck")
    world.pass_time(1)

    assert world.unforeseen == ["copy: KeyError('bad luck')"]


def test_siblings_of_a_dead_worker_fail_and_come_back(world: _World) -> None:
    """All that it worked is released, one delivery spent, and another worker takes it."""
    world.send("10", "20")
    world.pass_time(5)
    world.instances[0].kill_worker()
    world.pass_time(RETRY_SECONDS + 30)

    assert [body for body, _ in world.began] == ["10", "20", "10", "20"]
    assert (len(world.ended), world.messages.count(Queue.COPY)) == (2, 0)


def test_a_dead_instance_leaves_its_messages_hidden(world: _World) -> None:
    """They come back when their leases end, and go to another instance."""
    world.start()
    world.instances[1].drain()
    world.send("10")
    world.pass_time(5)
    world.instances[0].kill()
    third = world.start()
    world.pass_time(LEASE_SECONDS - 10)
    before = len(world.began)
    world.pass_time(30)

    assert (before, len(world.began), len(world.ended), third.busy) == (1, 2, 1, 0)


def test_whose_processes_died_each_time_is_poison(world: _World) -> None:
    """A message that was received five times and never failed is put aside without another call."""
    world.send("10000")
    for _ in range(6):
        world.pass_time(1)
        world.instances[-1].kill()
        world.start()
        world.pass_time(LEASE_SECONDS + 1)

    assert len(world.began) == 5
    assert list(world.messages.bodies(Queue.COPY.poison)) == ["10000"]


def test_a_lost_acknowledgement_brings_a_message_back() -> None:
    """It is worked again when its lease ends."""
    world = _World(Rates(unacknowledged=1.0))
    world.send("1")
    world.pass_time(LEASE_SECONDS + 10)

    assert len(world.ended) == 2


def test_a_drain_ends_what_is_short_and_kills_what_is_long(world: _World) -> None:
    """Nothing new is taken; after ten seconds the instance is gone."""
    world.send("5", "50")
    world.pass_time(1)
    world.instances[0].drain()
    world.send("1")
    world.pass_time(DRAIN_SECONDS + 1)

    assert [body for body, _ in world.ended] == ["5"]
    assert world.messages.count(Queue.COPY) == 2
    assert world.instances[0].is_dead


def test_a_function_has_half_an_hour(world: _World) -> None:
    """Then its worker is restarted, with all that it works."""
    world.send(str(TIMEOUT_SECONDS + 100))
    world.pass_time(TIMEOUT_SECONDS + 40)

    assert (len(world.began), world.tally.others["time-outs"]) == (2, 1)
