import base64
import contextlib
import datetime as dt
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
from azure.core.exceptions import HttpResponseError

from functions_host.events import Event, EventKind
from functions_host.functions import Datum, Function, Result
from functions_host.host_json import QueueOptions
from functions_host.queue_message import Message, received
from functions_host.queue_processor import QueueProcessor, QueueSource, QueueWatcher, poison_queue_name
from tests.unit.functions_host.queue_service import FakeInvoker, FakeQueues, ManualTime, Stored, serving

BODY = base64.b64encode(b"hello").decode()


class World:
    """A processor with a message that was received, and everything around it."""

    def __init__(self, queue: str = "work", *, ok: bool = True, invoker: FakeInvoker | None = None) -> None:
        self.queue = queue
        self.time = ManualTime()
        self.queues = FakeQueues(self.time)
        self.invoker = invoker or FakeInvoker(ended(ok=ok))
        self.watcher = QueueWatcher()
        self.fatal: list[Exception] = []

    @contextlib.asynccontextmanager
    async def processor(
        self, options: QueueOptions | None = None, *, data_type: str | None = None
    ) -> AsyncGenerator[tuple[QueueProcessor, Message]]:
        """Receive the one message of the queue, and yield it with a processor for it."""
        trigger = {"type": "queueTrigger", "direction": "IN", "name": "msg", "queueName": self.queue}
        function = Function(name="work", function_id="f", bindings=({**trigger, "dataType": data_type or ""},))
        async with serving(self.queues) as service:
            queue = service.get_queue_client(self.queue)
            poison = poison_queue_name(self.queue)
            processor = QueueProcessor(
                function,
                source=QueueSource(
                    queue=queue,
                    poison=service.get_queue_client(poison) if poison is not None else None,
                    watcher=self.watcher,
                ),
                options=options or QueueOptions(),
                invoker=self.invoker,
                fail=self.fatal.append,
                sleep=self.time.sleep,
            )
            (message,) = [each async for each in queue.receive_messages(max_messages=1, visibility_timeout=600)]
            yield processor, received(message)


def ended(*, ok: bool) -> Callable[[Datum], Awaitable[Result]]:
    """Make an invocation's end, for ``FakeInvoker``."""

    async def act(_value: Datum) -> Result:
        return Result(ok=ok, error=None if ok else "ValueError('no')")

    return act


async def test_success_deletes() -> None:
    """'Success: DeleteMessage(id, popReceipt)'."""
    world = World()
    world.queues.put("work", BODY)

    async with world.processor() as (processor, message):
        await processor.process(message)

    assert world.queues.queues == {"work": []}
    assert world.invoker.values == [("string", "hello")]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "PopReceiptMismatch"),
        (404, "MessageNotFound"),
        (404, "QueueNotFound"),
        (409, "QueueBeingDeleted"),
    ],
)
@pytest.mark.parametrize(("operation", "ok"), [("delete", True), ("update", False)])
async def test_message_that_is_gone(operation: str, *, ok: bool, status: int, code: str) -> None:
    """'tolerates PopReceiptMismatch (400), Message/QueueNotFound (404), QueueBeingDeleted (409)'."""
    world = World(ok=ok)
    world.queues.put("work", BODY)
    world.queues.fail(operation, status=status, code=code)

    async with world.processor() as (processor, message):
        await processor.process(message)

    assert world.queues.operations() == [(operation, "work")]


@pytest.mark.parametrize(("operation", "ok"), [("delete", True), ("update", False)])
async def test_other_errors_escape(operation: str, *, ok: bool) -> None:
    """Whatever else goes wrong while a message is completed is the host's affair."""
    world = World(ok=ok)
    world.queues.put("work", BODY)
    world.queues.fail(operation, status=403, code="AuthorizationFailure")

    async with world.processor() as (processor, message):
        with pytest.raises(HttpResponseError):
            await processor.process(message)


async def test_failure_releases() -> None:
    """'else UpdateMessage(visibility = visibilityTimeout ..). The body is not changed on release'."""
    world = World(ok=False)
    (stored,) = world.queues.put("work", BODY)

    async with world.processor(QueueOptions(visibility_timeout=dt.timedelta(seconds=30))) as (processor, message):
        await processor.process(message)

    assert world.queues.operations() == [("update", "work")]
    assert (stored.text, stored.visible_at) == (BODY, 30)


async def test_default_release_is_at_once() -> None:
    """'the default 0 shows it again at once'."""
    world = World(ok=False)
    (stored,) = world.queues.put("work", BODY)

    async with world.processor() as (processor, message):
        await processor.process(message)

    assert stored.visible_at == 0


async def test_fifth_failure_moves_to_poison(caplog: pytest.LogCaptureFixture) -> None:
    """'maxDequeueCount 5 means exactly 5 invocations: the move comes right after the 5th failure'.

    'send; on QueueNotFound create, then send again'; 'same body, same encoding, **default 7-day time-to-live**, new id,
    DequeueCount starts again; delete the original'.
    """
    world = World(ok=False)
    (original,) = world.queues.put("work", BODY, dequeued=4)

    async with world.processor() as (processor, message):
        await processor.process(message)

    (copy,) = world.queues.queues["work-poison"]
    assert copy == Stored(text=BODY, id=copy.id, dequeue_count=0, time_to_live=None)
    assert copy.id != original.id
    assert world.queues.queues["work"] == []
    assert world.queues.operations() == [
        ("send", "work-poison"),
        ("create", "work-poison"),
        ("send", "work-poison"),
        ("delete", "work"),
    ]
    expected = f"Message has reached MaxDequeueCount of 5. Moving message {original.id} to queue 'work-poison'."
    assert expected in caplog.messages


async def test_poison_queue_made_by_someone_else_meanwhile() -> None:
    """The queue's making is no race: that it exists by now is what was wanted."""
    world = World(ok=False)
    world.queues.put("work", BODY, dequeued=4)
    world.queues.queues["work-poison"] = []
    world.queues.fail("send", status=404, code="QueueNotFound")
    world.queues.fail("create", status=409, code="QueueAlreadyExists")

    async with world.processor() as (processor, message):
        await processor.process(message)

    assert [each.text for each in world.queues.queues["work-poison"]] == [BODY]


async def test_original_stays_if_the_copy_fails() -> None:
    """'Order: .. send the copy ..; delete the original': what can't be sent isn't deleted."""
    world = World(ok=False)
    world.queues.put("work", BODY, dequeued=4)
    world.queues.fail("send", status=403, code="AuthorizationFailure")

    async with world.processor() as (processor, message):
        with pytest.raises(HttpResponseError):
            await processor.process(message)

    assert [each.text for each in world.queues.queues["work"]] == [BODY]


async def test_message_of_crashed_hosts_is_not_invoked() -> None:
    """'Begin: DequeueCount > maxDequeueCount: poison, the function isn't called'."""
    world = World()
    world.queues.put("work", BODY, dequeued=5)

    async with world.processor() as (processor, message):
        await processor.process(message)

    assert world.invoker.invoked == []
    assert [each.text for each in world.queues.queues["work-poison"]] == [BODY]


async def test_undecodable_message_goes_to_poison_raw(caplog: pytest.LogCaptureFixture) -> None:
    """'at once, whatever the DequeueCount: warning .., the raw text goes to poison .., the original is deleted'."""
    world = World()
    (stored,) = world.queues.put("work", "not base64 !!")

    async with world.processor() as (processor, message):
        await processor.set_aside(message)

    assert world.invoker.invoked == []
    assert [each.text for each in world.queues.queues["work-poison"]] == ["not base64 !!"]
    assert world.queues.queues["work"] == []
    assert caplog.messages[0] == (f"Message decoding has failed! Check MessageEncoding settings. MessageId={stored.id}")


async def test_invalid_utf8_is_an_ordinary_failure(caplog: pytest.LogCaptureFixture) -> None:
    """'Valid Base64 of invalid UTF-8: binding to string throws: an ordinary failure, retries, poison'."""
    world = World()
    world.queues.put("work", base64.b64encode(b"\xff\xfe").decode())

    async with world.processor() as (processor, message):
        with caplog.at_level(logging.INFO):
            await processor.process(message)

    assert world.invoker.invoked == []
    assert world.queues.operations() == [("update", "work")]
    events = [event for record in caplog.records if isinstance(event := getattr(record, "event", None), Event)]
    assert [(each.kind, each.ok) for each in events] == [
        (EventKind.EXECUTING, None),
        (EventKind.EXECUTED, False),
        (EventKind.MESSAGE_RELEASED, None),
    ]


async def test_binary_function_gets_bytes() -> None:
    """'"binary": bytes'; what is no UTF-8 then has no QueueTrigger metadata."""
    world = World()
    world.queues.put("work", base64.b64encode(b"\xff\xfe").decode())

    async with world.processor(data_type="BINARY") as (processor, message):
        await processor.process(message)

    (invoked,) = world.invoker.invoked
    assert invoked.value == ("bytes", b"\xff\xfe")
    assert "QueueTrigger" not in invoked.metadata


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        ("work", "work-poison"),
        ("work-poison", None),
        ("q" * 56, "q" * 56 + "-poison"),
        ("q" * 57, None),
    ],
)
def test_poison_queue_names(queue: str, expected: str | None) -> None:
    """'no poison queue is possible (the name ends in `-poison`, or name + "-poison" is longer than 63 ..)'."""
    assert poison_queue_name(queue) == expected


@pytest.mark.parametrize("dequeued", [0, 4])
async def test_without_poison_queue_nothing_is_released(dequeued: int) -> None:
    """'the message is *not* released; it stays invisible until its 10 min run out, without any limit'."""
    world = World("work-poison", ok=False)
    (stored,) = world.queues.put("work-poison", BODY, dequeued=dequeued)

    async with world.processor() as (processor, message):
        await processor.process(message)

    assert world.queues.operations() == []
    assert stored.visible_at == 600


async def test_listener_of_the_poison_queue_is_woken() -> None:
    """'SharedQueueWatcher.Notify(queue) .. fires when .. the poison move, sends to that queue'."""
    world = World(ok=False)
    world.queues.put("work", BODY, dequeued=4)

    async with world.processor() as (processor, message):
        await processor.process(message)

    assert world.watcher.event("work-poison").is_set()


def renewing(world: World, *, times: int, seconds: float) -> FakeInvoker:
    """An invoker whose function runs until the lease was renewed (or that was tried) so often."""

    async def act(_value: Datum) -> Result:
        for turn in range(1, times + 1):
            await world.time.wait_until(turn)
            world.time.advance(seconds)
            await world.queues.wait_for("update", times=turn)
        return Result(ok=True)

    return FakeInvoker(act)


async def test_lease_is_renewed_at_its_half() -> None:
    """'Renewal: every 5 min (half of the 10) UpdateMessage(visibility 10 min); the new PopReceipt .. kept'."""
    world = World()
    world.invoker = renewing(world, times=3, seconds=300)
    world.queues.put("work", BODY)

    async with world.processor() as (processor, message):
        await processor.process(message)

    updates = [each for each in world.queues.requests if each.operation == "update"]
    assert [each.seconds for each in updates] == [600] * 3
    assert world.time.waits[:3] == [300] * 3
    # Deleted with the last receipt: any other would have been refused.
    assert world.queues.queues["work"] == []


async def test_renewal_comes_sooner_after_a_server_error() -> None:
    """'On 5xx the interval is halved (at least 1 min)', and back to 5 min once it worked."""
    world = World()
    world.invoker = renewing(world, times=5, seconds=300)
    world.queues.put("work", BODY)
    world.queues.fail("update", status=503, code="ServerBusy", times=3)

    async with world.processor() as (processor, message):
        await processor.process(message)

    assert world.time.waits[:5] == [300, 150, 75, 60, 300]
    assert world.fatal == []


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "PopReceiptMismatch"),
        (404, "MessageNotFound"),
        (404, "QueueNotFound"),
        (409, "QueueBeingDeleted"),
    ],
)
async def test_renewal_ends_with_the_message(status: int, code: str) -> None:
    """'PopReceiptMismatch, MessageNotFound, QueueNotFound, QueueBeingDeleted: renewing stops'."""
    world = World()
    world.invoker = renewing(world, times=1, seconds=300)
    world.queues.put("work", BODY)
    world.queues.fail("update", status=status, code=code)

    async with world.processor() as (processor, message):
        await processor.process(message)

    assert world.time.waits == [300]
    assert world.fatal == []


async def test_other_errors_of_renewal_stop_the_host() -> None:
    """'Anything else: unhandled, the host shuts down', while the function still runs."""
    world = World()
    world.invoker = renewing(world, times=1, seconds=300)
    world.queues.put("work", BODY)
    world.queues.fail("update", status=403, code="AuthorizationFailure")

    async with world.processor() as (processor, message):
        await processor.process(message)

    (error,) = world.fatal
    assert isinstance(error, HttpResponseError)
    assert error.status_code == 403
