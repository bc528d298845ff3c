import asyncio
import base64
import contextlib
from collections.abc import AsyncGenerator

import pytest
from azure.core.exceptions import HttpResponseError

from functions_host.functions import Datum, Function, Result
from functions_host.host_json import QueueOptions
from functions_host.queue_listener import Backoff, QueueListener
from functions_host.queue_processor import QueueSource, QueueWatcher, poison_queue_name
from tests.unit.functions_host.queue_service import FakeInvoker, FakeQueues, ManualTime, Request, serving

QUEUE = "work"


def text(body: str) -> str:
    return base64.b64encode(body.encode()).decode()


class Gate:
    """Holds every invocation until it is opened for it."""

    def __init__(self) -> None:
        self._tickets = asyncio.Semaphore(0)

    async def __call__(self, _value: Datum) -> Result:
        """Wait to be let go."""
        await self._tickets.acquire()
        return Result(ok=True)

    def let_one_go(self) -> None:
        """Let one invocation end, of those that wait or the next."""
        self._tickets.release()


class World:
    """A listener, its queue service, its clock and its invoker."""

    def __init__(self, invoker: FakeInvoker | None = None) -> None:
        self.time = ManualTime()
        self.queues = FakeQueues(self.time)
        self.invoker = invoker or FakeInvoker()
        self.watcher = QueueWatcher()

    @contextlib.asynccontextmanager
    async def listening(self, **options: int) -> AsyncGenerator[tuple[QueueListener, asyncio.Task[None]]]:
        """Run a listener until the block ends."""
        async with serving(self.queues) as service:
            poison = poison_queue_name(QUEUE)
            listener = QueueListener(
                Function(
                    name="work",
                    function_id="f",
                    bindings=({"type": "queueTrigger", "direction": "IN", "name": "msg", "queueName": QUEUE},),
                ),
                source=QueueSource(
                    queue=service.get_queue_client(QUEUE),
                    poison=service.get_queue_client(poison or ""),
                    watcher=self.watcher,
                ),
                options=QueueOptions.model_validate(options),
                invoker=self.invoker,
                sleep=self.time.sleep,
                jitter=lambda: 1.0,
            )
            running = asyncio.create_task(listener.run())
            try:
                yield listener, running
            finally:
                await listener.stop()
                running.cancel()
                await asyncio.wait({running})


def test_backoff_grows_to_its_maximum() -> None:
    """'delay = 100 ms + rand(0.8, 1.2) x 2^(exponent-1) x 100 ms; .. the first empty poll ever waits 100 ms'."""
    backoff = Backoff(2.0, jitter=lambda: 1.0)

    waits = [backoff.next(found=False) for _ in range(8)]

    assert waits == pytest.approx([0.1, 0.2, 0.3, 0.5, 0.9, 1.7, 2.0, 2.0])


def test_backoff_begins_anew_after_messages() -> None:
    """'After a poll that followed found messages: delay 100 ms, exponent 1'."""
    backoff = Backoff(60.0, jitter=lambda: 1.0)

    waits = [backoff.next(found=found) for found in (False, False, False, True, False)]

    assert waits == pytest.approx([0.1, 0.2, 0.3, 0.1, 0.2])


def test_backoff_is_jittered() -> None:
    """'rand(0.8, 1.2)': hosts that began together don't poll together."""
    jitters = iter([0.8, 1.2])
    backoff = Backoff(60.0, jitter=lambda: next(jitters))

    waits = [backoff.next(found=False) for _ in range(3)]

    assert waits == pytest.approx([0.1, 0.18, 0.34])


async def test_trigger_never_makes_its_queue() -> None:
    """'A trigger *never creates its queue*'; it asks `exists()` again after each wait."""
    world = World()

    async with world.listening():
        for turn in range(1, 4):
            await world.time.wait_until(turn)
            world.time.advance(60)
        await world.time.wait_until(4)

        assert world.queues.requests == [Request(operation="exists", queue=QUEUE)] * 4
        assert world.time.waits == pytest.approx([0.1, 0.2, 0.3, 0.5])


async def test_queue_that_appears_is_polled() -> None:
    """'Once seen, it is not checked again'."""
    world = World()

    async with world.listening():
        await world.time.wait_until(1)
        world.queues.put(QUEUE)
        world.time.advance(60)
        await world.time.wait_until(2)
        world.time.advance(60)
        await world.time.wait_until(3)

        assert [each.operation for each in world.queues.requests] == ["exists", "exists", "receive", "receive"]


async def test_poll() -> None:
    """'ReceiveMessages(batchSize, visibility 10 min, hard-coded)'; the function gets string, metadata and reason."""
    world = World()
    (message,) = world.queues.put(QUEUE, text("hello"))

    async with world.listening(batchsize=7):
        await world.queues.wait_for("delete")

        assert world.queues.requests[:2] == [
            Request(operation="exists", queue=QUEUE),
            Request(operation="receive", queue=QUEUE, seconds=600, count=7),
        ]
        (invoked,) = world.invoker.invoked
        assert invoked.value == ("string", "hello")
        assert invoked.metadata["Id"] == ("string", message.id)
        assert invoked.reason == "New queue message detected on 'work'."
        assert invoked.delivery is not None
        assert (invoked.delivery.queue, invoked.delivery.message_id) == (QUEUE, message.id)


async def test_next_poll_follows_messages_at_once() -> None:
    """'Messages: one task each; then wait until `len(processing) <= newBatchThreshold`, then poll again at once'."""
    world = World()
    world.queues.put(QUEUE, *(text(str(each)) for each in range(5)))

    async with world.listening(batchsize=2, newbatchthreshold=2):
        await world.queues.wait_for("delete", times=5)

        # The clock stood still: a wait between two batches would not have ended.
        assert sorted(world.invoker.values) == [("string", str(each)) for each in range(5)]


async def test_concurrency_is_batch_size_and_threshold() -> None:
    """'Concurrency per function and instance is batchSize + newBatchThreshold'."""
    gate = Gate()
    world = World(FakeInvoker(gate))
    world.queues.put(QUEUE, *(text(str(each)) for each in range(8)))

    async with world.listening(batchsize=2, newbatchthreshold=1):
        await world.invoker.wait_for(2)
        gate.let_one_go()
        # One is left, the threshold: the next batch of two comes.
        await world.invoker.wait_for(4)
        gate.let_one_go()
        await world.queues.wait_for("delete", times=2)
        polls = [each.operation for each in world.queues.requests].count("receive")

        # Two are left, one more than the threshold.
        assert (len(world.invoker.invoked), polls) == (4, 2)


async def test_threshold_of_nought_makes_batches_strict() -> None:
    """'batchSize 1 still gives 1 + threshold: set newBatchThreshold 0 for a singleton'."""
    gate = Gate()
    world = World(FakeInvoker(gate))
    world.queues.put(QUEUE, text("a"), text("b"))

    async with world.listening(batchsize=1, newbatchthreshold=0):
        await world.invoker.wait_for(1)
        gate.let_one_go()
        await world.invoker.wait_for(2)

        assert [each.operation for each in world.queues.requests] == ["exists", "receive", "delete", "receive"]


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "QueueNotFound"), (409, "QueueBeingDeleted"), (500, "InternalError"), (503, "ServerBusy")],
)
async def test_errors_that_pass(status: int, code: str) -> None:
    """'QueueNotFound, QueueBeingDeleted (409) and 5xx: back off'; 'RequestFailed resets the existence'."""
    world = World()
    world.queues.put(QUEUE)
    world.queues.fail("receive", status=status, code=code)

    async with world.listening():
        await world.time.wait_until(1)
        world.time.advance(60)
        await world.time.wait_until(2)

        assert [each.operation for each in world.queues.requests] == ["exists", "receive", "exists", "receive"]


@pytest.mark.parametrize("operation", ["exists", "receive"])
async def test_errors_that_stop_the_host(operation: str) -> None:
    """'Anything else (403, say) is thrown .. and **the host shuts down**'."""
    world = World()
    world.queues.put(QUEUE)
    world.queues.fail(operation, status=403, code="AuthorizationFailure")

    async with world.listening() as (_, running):
        with pytest.raises(HttpResponseError) as caught:
            await asyncio.wait_for(running, 10)

    assert caught.value.status_code == 403


async def test_error_of_one_message_stops_the_host_after_the_others() -> None:
    """An error that isn't foreseen while a message is completed ends the host; what is in flight goes on."""
    gate = Gate()
    world = World(FakeInvoker(gate))
    world.queues.put(QUEUE, text("a"), text("b"))
    world.queues.fail("delete", status=403, code="AuthorizationFailure")

    async with world.listening() as (_, running):
        await world.invoker.wait_for(2)
        gate.let_one_go()
        await world.queues.wait_for("delete")
        assert not running.done()
        gate.let_one_go()
        with pytest.raises(HttpResponseError):
            await asyncio.wait_for(running, 10)

    assert world.queues.operations() == [("delete", QUEUE)] * 2


async def test_stop_waits_for_what_is_in_flight() -> None:
    """'polling stops, all tasks in flight are awaited, completions aren't cancelled'."""
    gate = Gate()
    world = World(FakeInvoker(gate))
    world.queues.put(QUEUE, text("a"), text("b"))

    async with world.listening(batchsize=1, newbatchthreshold=0) as (listener, running):
        await world.invoker.wait_for(1)
        await listener.stop()
        await asyncio.sleep(0)
        assert not running.done()
        gate.let_one_go()
        await asyncio.wait_for(running, 10)

    assert world.invoker.values == [("string", "a")]
    assert [each.text for each in world.queues.queues[QUEUE]] == [text("b")]


async def test_stop_ends_a_wait() -> None:
    """A listener that waits for its next poll ends at once."""
    world = World()
    world.queues.put(QUEUE)

    async with world.listening() as (listener, running):
        await world.time.wait_until(1)
        await listener.stop()
        await asyncio.wait_for(running, 10)

    assert world.time.now == 0


async def test_notification_ends_a_wait() -> None:
    """'SharedQueueWatcher.Notify(queue) cuts the wait short'."""
    world = World()
    world.queues.put(QUEUE)

    async with world.listening():
        await world.time.wait_until(1)
        world.queues.put(QUEUE, text("a"))
        world.watcher.notify(QUEUE)
        await world.invoker.wait_for(1)

    assert world.time.now == 0


async def test_batch_of_undecodable_messages_counts_as_none() -> None:
    """'count as "no message found" only if nothing in the batch could be decoded'; they are in poison meanwhile."""
    world = World()
    world.queues.put(QUEUE, "not base64 !!")

    async with world.listening():
        await world.time.wait_until(1)

        assert world.time.waits == [0.1]
        assert [each.text for each in world.queues.queues["work-poison"]] == ["not base64 !!"]
        assert world.invoker.invoked == []


async def test_undecodable_message_beside_others() -> None:
    """One message that can't be decoded doesn't keep the batch from being processed."""
    world = World()
    world.queues.put(QUEUE, "not base64 !!", text("a"))

    async with world.listening():
        await world.queues.wait_for("delete", times=2)

        assert world.invoker.values == [("string", "a")]
