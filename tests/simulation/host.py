"""The Functions host, as one instance of it works: batches, leases, renewals, retries, poison, time-outs, drains.

It is a process of its own beside its worker. If the worker dies, all its invocations fail, and their messages are
released or put aside; if the instance does, nobody acts, and messages come back when their leases end.
"""

import asyncio
import contextvars
import dataclasses
from collections import Counter
from collections.abc import Callable, Coroutine

from shared.model.errors import SluiceError
from shared.model.messages import LANES, Queue
from tests.simulation.choices import Choices
from tests.simulation.effects import Invocation, Tally, Trace, Weather, current
from tests.simulation.loops import Scheduler, Timer
from tests.simulation.messages import WEEK_SECONDS, Message, MessageStore
from tests.simulation.workers import MOST_DELIVERIES, Worker

#: host.json, and what can't be set there.
BATCH, THRESHOLD = 16, 8
RETRY_SECONDS = 30.0
LEASE_SECONDS, RENEWAL_SECONDS = 600.0, 300.0
TIMEOUT_SECONDS = 1800.0
DRAIN_SECONDS = 10.0

_RESTART_SECONDS = 3.0
_ACT_SECONDS = 0.05
_FUNCTIONS = {Queue.DISCOVER: "discover", Queue.PUBLISH: "publish", **dict.fromkeys(LANES, "copy")}


@dataclasses.dataclass(slots=True, eq=False, kw_only=True)
class Delivery:
    """A message that is worked."""

    message: Message
    receipt: int
    invocation: Invocation
    #: Renewal and time-out.
    timers: list[Timer] = dataclasses.field(default_factory=list[Timer])


class Instance:
    """A host with its worker."""

    def __init__(
        self,
        number: int,
        *,
        messages: MessageStore,
        start_worker: Callable[["Instance"], Worker],
        scheduler: Scheduler,
        choices: Choices,
        weather: Weather,
        tally: Tally,
        trace: Trace,
        wake: Callable[[str, float], None],
        unforeseen: Callable[[str], None],
        died: Callable[["Instance"], None],
    ) -> None:
        """``wake`` lets all instances look into a queue at a time, as by then a message may be visible in it.

        ``unforeseen`` is told of an exception that nobody simulated; ``died``, that another has to take over.
        """
        self.number = number
        self.is_dead = False
        self._messages = messages
        self._start_worker = start_worker
        self._scheduler = scheduler
        self._choices = choices
        self._weather = weather
        self._tally = tally
        self._trace = trace
        self._wake = wake
        self._unforeseen = unforeseen
        self._died = died
        self._is_draining = False
        self._under_way: dict[Delivery, None] = {}
        self._of_queue = Counter[str]()
        self.worker: Worker | None = start_worker(self)

    @property
    def can_work(self) -> bool:
        """Whether it takes anything new."""
        return self.worker is not None and not self.is_dead and not self._is_draining

    @property
    def busy(self) -> int:
        """Messages that are worked."""
        return len(self._under_way)

    def poll(self, queue: str) -> None:
        """Receive a batch if there is room for it."""
        if not self.can_work or self._of_queue[queue] > THRESHOLD or not self._messages.queues[queue]:
            return
        lease, is_lost = LEASE_SECONDS, False
        if self._choices.weighted("fault lease", (self._weather.rates.lease_ends,)):
            lease, is_lost = 600.0 ** self._choices.amount("lease"), True
        received = self._messages.receive(queue, most=BATCH, hidden_for=lease)
        for message, receipt in received:
            self._begin(message, receipt, is_lost=is_lost)
        if received:
            self._wake(queue, self._scheduler.now + lease)
            self._scheduler.after(_ACT_SECONDS, lambda: self.poll(queue))

    def call(
        self,
        function: str,
        work: Callable[[Worker], Coroutine[object, object, object]],
        *,
        ended: Callable[[asyncio.Task[object]], None] = lambda _: None,
        invocation: Invocation | None = None,
    ) -> None:
        """Call a function of the worker; ``ended`` is told, unless the worker dies before."""
        worker = self.worker
        assert worker is not None
        context = contextvars.Context()
        context.run(current.set, invocation or Invocation(function=function))
        task = worker.loop.create_task(work(worker), context=context)

        def done(task: asyncio.Task[object]) -> None:
            if worker.is_dead:
                return
            error = task.exception()
            if error is not None and not isinstance(error, SluiceError):
                self._unforeseen(f"{function}: {error!r}")
            ended(task)

        task.add_done_callback(done)

    def kill_worker(self) -> None:
        """Kill the worker: all that it works fails, and another one starts."""
        worker = self.worker
        if worker is None:
            return
        self._tally.others["workers killed"] += 1
        self._end_worker(worker)
        for each in list(self._under_way):
            self._ended(each, is_done=False)
        self._scheduler.after(_RESTART_SECONDS, self._restart_worker)

    def kill(self) -> None:
        """Kill all of it."""
        if not self.is_dead:
            self._tally.others["instances killed"] += 1
            self.end()
            self._died(self)

    def end(self) -> None:
        """End all of it, for good."""
        self.is_dead = True
        if self.worker is not None:
            self._end_worker(self.worker)
        for each in self._under_way:
            _cancel(each)
        self._under_way.clear()

    def drain(self) -> None:
        """Take nothing new, and end soon, done or not."""
        if self.can_work:
            self._tally.others["drains"] += 1
            self._is_draining = True
            self._scheduler.after(DRAIN_SECONDS, self.kill)

    def _end_worker(self, worker: Worker) -> None:
        self.worker = None
        worker.die()
        self._scheduler.after(0.0, worker.loop.die)

    def _restart_worker(self) -> None:
        if self.is_dead:
            return
        self.worker = self._start_worker(self)
        for queue in _FUNCTIONS:
            self.poll(queue)

    def _begin(self, message: Message, receipt: int, *, is_lost: bool) -> None:
        delivery = Delivery(
            message=message,
            receipt=receipt,
            invocation=Invocation(function=_FUNCTIONS[Queue(message.queue)], queue=message.queue, body=message.body),
        )
        self._under_way[delivery] = None
        self._of_queue[message.queue] += 1
        self._tally.others["deliveries"] += 1
        if message.deliveries > 1:
            self._tally.others["redeliveries"] += 1
        self._trace.note(f"{self._scheduler.now:.3f} {self.number} receive {message.queue} {message.number}")
        if message.deliveries > MOST_DELIVERIES:
            # Its processes died with it each time.
            self._ended(delivery, is_done=False)
            return
        if not is_lost:
            delivery.timers.append(self._scheduler.timer(RENEWAL_SECONDS, lambda: self._renew(delivery)))
        delivery.timers.append(self._scheduler.timer(TIMEOUT_SECONDS, self._time_out))
        count = message.deliveries
        self.call(
            delivery.invocation.function,
            lambda worker: _work(worker, message, delivery=count),
            ended=lambda task: self._ended(delivery, is_done=task.exception() is None),
            invocation=delivery.invocation,
        )

    def _renew(self, delivery: Delivery) -> None:
        receipt = self._messages.hide(delivery.message, delivery.receipt, hidden_for=LEASE_SECONDS)
        if receipt is not None:
            delivery.receipt = receipt
            delivery.timers.append(self._scheduler.timer(RENEWAL_SECONDS, lambda: self._renew(delivery)))
            self._wake(delivery.message.queue, self._scheduler.now + LEASE_SECONDS)

    def _time_out(self) -> None:
        """An invocation took too long: the worker is restarted, with all that it works."""
        self._tally.others["time-outs"] += 1
        self.kill_worker()

    def _ended(self, delivery: Delivery, *, is_done: bool) -> None:
        """Act on what became of a message, a moment later."""
        if delivery not in self._under_way:
            return
        del self._under_way[delivery]
        _cancel(delivery)
        queue = delivery.message.queue
        self._of_queue[queue] -= 1

        def act() -> None:
            if self.is_dead:
                return
            if is_done:
                self._acknowledge(delivery)
            else:
                self._fail(delivery)
            self.poll(queue)

        self._scheduler.after(_ACT_SECONDS * self._choices.amount("host"), act)

    def _acknowledge(self, delivery: Delivery) -> None:
        message = delivery.message
        if self._choices.weighted("fault acknowledge", (self._weather.rates.unacknowledged,)):
            self._tally.others["not acknowledged"] += 1
            return
        is_deleted = self._messages.delete(message, delivery.receipt)
        self._trace.note(
            f"{self._scheduler.now:.3f} {self.number} delete {message.queue} {message.number} {is_deleted}"
        )

    def _fail(self, delivery: Delivery) -> None:
        message = delivery.message
        self._trace.note(f"{self._scheduler.now:.3f} {self.number} fail {message.queue} {message.number}")
        if message.deliveries < MOST_DELIVERIES:
            if self._messages.hide(message, delivery.receipt, hidden_for=RETRY_SECONDS) is not None:
                self._wake(message.queue, self._scheduler.now + RETRY_SECONDS)
            return
        self._tally.others["poisoned by the host"] += 1
        self._messages.send(Queue(message.queue).poison, message.body, lives=WEEK_SECONDS)
        if self._choices.weighted("fault poison", (self._weather.rates.crash,)):
            self.kill()
            return
        self._messages.delete(message, delivery.receipt)


async def _work(worker: Worker, message: Message, *, delivery: int) -> None:
    """What function_app.py does with a message."""
    body = message.body.encode()
    match Queue(message.queue):
        case Queue.DISCOVER:
            await worker.discovery.deliver(body, delivery=delivery)
        case Queue.PUBLISH:
            await worker.publishing.deliver(body)
        case lane:
            await worker.copying.deliver(body, lane=lane)


def _cancel(delivery: Delivery) -> None:
    for each in delivery.timers:
        each.cancel()
