"""The app as the platform runs it, in virtual time: messages are delivered, timers fire, and what is logged is kept.

The use cases are put together as the app has them, and their lines are worded as the worker sends them. For what takes
hours; that the real host's lines look the same is shown in ``tests/end_to_end/test_alarms.py``.
"""

import asyncio
import contextlib
import dataclasses
import itertools
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, override

from shared.gauges import Gauges
from shared.model.datasets import Datasets
from shared.model.items import Page
from shared.model.messages import Queue
from shared.model.prices import load_prices
from shared.model.settings import Settings
from shared.pipeline import Environment, Pipeline, Ports
from shared.redaction import redacted
from shared.status import Status
from shared.storage.items import Items
from shared.storage.mailbox import Received, encoded
from shared.storage.plans import Plans
from shared.storage.queues import NOW
from shared.telemetry import configure_logging
from tests.alarms.steps import Row
from tests.fakes import (
    MemoryActivities,
    MemoryBlobs,
    MemoryFailures,
    MemoryHolds,
    MemoryLanes,
    MemoryLedger,
    MemoryMailbox,
    MemoryRuns,
    MemoryTotals,
    MemoryWatermarks,
)
from tests.fakes.catalogs import MemoryCatalog
from tests.fakes.mailbox import WEEK
from tests.fakes.sources import FakeSources
from tests.unit.model.builders import dataset

#: As host.json has it.
_MOST_DELIVERIES, _VISIBILITY = 5, timedelta(seconds=30)
_TICK = timedelta(seconds=30)
_EVERY = timedelta(minutes=5)
_CAPACITY = 24
DATASET = "demo"
START = datetime(2024, 6, 1, 12, tzinfo=UTC)
#: The function that listens to each queue.
_FUNCTIONS: Mapping[Queue, str] = {
    Queue.DISCOVER: "discover_page",
    Queue.COPY: "copy_asset",
    Queue.COPY_LIVE: "copy_live_asset",
    Queue.COPY_LATER: "copy_later_asset",
    Queue.PUBLISH: "publish_item",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """What Azure Monitor would have, by its tables, and from when to when."""

    began: datetime
    ended: datetime
    tables: Mapping[str, list[Row]]

    def within(self, window: timedelta, *, until: datetime) -> Mapping[str, list[Row]]:
        """What an alarm looks at."""
        return {
            name: [each for each in rows if until - window < each["TimeGenerated"] <= until]
            for name, rows in self.tables.items()
        }


class Site:
    """One dataset with its catalog and files, and an instance of the app."""

    def __init__(self, pages: Mapping[str | None, Page], **parts: Any) -> None:
        self.now = START
        self.catalog = MemoryCatalog(pages)
        self.sources = FakeSources()
        self.mailbox = MemoryMailbox(clock=self.clock)
        #: Functions that don't run: the platform has no instance for them, or they die at once.
        self.stopped: set[str] = set()
        self._traces: list[Row] = []
        self._requests: list[Row] = []
        self._pipeline, self._gauges = self._put_together(Datasets(datasets={DATASET: dataset(**parts)}))
        documents = self._pipeline.documents()
        self.starting = self._pipeline.starting()
        discovery, copying, publishing = (
            self._pipeline.discovery(documents),
            self._pipeline.copying(),
            self._pipeline.publishing(),
        )
        self._deliver: Mapping[Queue, Callable[[Received], Awaitable[object]]] = {
            Queue.DISCOVER: lambda each: discovery.deliver(each.body, delivery=each.deliveries),
            **{lane: _lane(copying.deliver, lane) for lane in (Queue.COPY, Queue.COPY_LIVE, Queue.COPY_LATER)},
            Queue.PUBLISH: lambda each: publishing.deliver(each.body),
        }
        self.control = self._pipeline.control()

    def clock(self) -> datetime:
        """What time it is."""
        return self.now

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncGenerator["Site"]:
        """Keep what is logged until the block ends."""
        with _logging_to(self._trace):
            yield self
            # The meter writes down what it has counted.
            await asyncio.sleep(0)

    async def run(self, time: timedelta) -> None:
        """Let time pass, in which the platform does its part."""
        until = self.now + time
        while self.now < until:
            await self._fire()
            for queue in Queue:
                while _FUNCTIONS[queue] not in self.stopped and (
                    received := await self.mailbox.receive(queue, hidden_for=_VISIBILITY)
                ):
                    for each in received:
                        await self._work(queue, each)
            self.now += _TICK

    def captured(self) -> Capture:
        """What was logged so far."""
        tables = {"AppTraces": list(self._traces), "AppRequests": list(self._requests)}
        return Capture(began=START, ended=self.now, tables=tables)

    async def _fire(self) -> None:
        """Both timers, at their times: gauges half a minute after the other."""
        since = (self.now - START) % _EVERY
        if since == timedelta():
            await self._invoke("discover_on_schedule", self.starting.start_due)
        elif since == _TICK:
            await self._invoke("write_gauges", self._gauges.write)

    async def _work(self, queue: Queue, received: Received) -> None:
        if await self._invoke(_FUNCTIONS[queue], lambda: self._deliver[queue](received)):
            await self.mailbox.delete(received)
        elif received.deliveries >= _MOST_DELIVERIES:
            self._say(f"Message has reached MaxDequeueCount of {_MOST_DELIVERIES}. Moving message to '{queue.poison}'.")
            self.mailbox.put(queue.poison, received.text, lives=WEEK)
            await self.mailbox.delete(received)

    async def _invoke(self, function: str, call: Callable[[], Awaitable[object]]) -> bool:
        """Call a function as the host does; tell whether it ended well."""
        if function in self.stopped:
            return False
        try:
            await call()
        except Exception:  # noqa: BLE001 - the host catches whatever a function raises
            succeeded = False
        else:
            succeeded = True
        self._requests.append({"TimeGenerated": self.now, "Name": function, "Success": succeeded})
        return succeeded

    def _trace(self, record: logging.LogRecord) -> None:
        self._say(record.getMessage())

    def _say(self, message: str) -> None:
        self._traces.append({"TimeGenerated": self.now, "Message": message})

    def _put_together(self, datasets: Datasets) -> tuple[Pipeline, Gauges]:
        settings = Settings(storage_connection="UseDevelopmentStorage=true")
        queues, runs, holds, watermarks = _Queues(self.mailbox), MemoryRuns(), MemoryHolds(), MemoryWatermarks()
        activities, plans = MemoryActivities(), MemoryRuns()
        numbers = itertools.count(1)
        pipeline = Pipeline(
            settings=settings,
            datasets=datasets,
            ports=Ports(
                queues=queues,
                runs=runs,
                plans=Plans(runs=plans, totals=MemoryTotals()),
                holds=holds,
                watermarks=watermarks,
                ledger=MemoryLedger(),
                failures=MemoryFailures(),
                activities=activities,
                blobs=(blobs := MemoryBlobs()),
                items=Items(blobs),
                sources=self.sources,
                catalog_of=lambda _: self.catalog,
            ),
            environment=Environment(
                name="site",
                clock=self.clock,
                chance=lambda: 0.5,
                sleep=_no_pause,
                new_id=lambda _: f"run-{next(numbers)}",
            ),
            prices=load_prices(),
            endpoint="https://account.example.org",
            capacity=_CAPACITY,
            most_deliveries=_MOST_DELIVERIES,
        )
        status = Status(
            datasets=datasets,
            runs=runs,
            plans=plans,
            watermarks=watermarks,
            holds=holds,
            queues=queues,
            mailbox=self.mailbox,
            activities=activities,
            lanes=(lanes := MemoryLanes()),
            saturation=settings.saturation,
            capacity=_CAPACITY,
            clock=self.clock,
        )
        stall = timedelta(minutes=settings.stall_minutes)
        return pipeline, Gauges(status=status, mailbox=self.mailbox, lanes=lanes, stall=stall)


class _Queues:
    """The app's queues, on the mailbox that the host delivers from."""

    def __init__(self, mailbox: MemoryMailbox) -> None:
        self._mailbox = mailbox

    async def send(self, queue: str, body: str, *, delay: timedelta = NOW) -> None:
        """Put a message."""
        self._mailbox.put(queue, encoded(body), hidden_for=delay)

    async def count(self, queue: str) -> int:
        """How many there are."""
        return len(self._mailbox.all_of(queue))


def _lane(deliver: Callable[..., Awaitable[None]], lane: Queue) -> Callable[[Received], Awaitable[None]]:
    return lambda each: deliver(each.body, lane=lane)


@contextlib.contextmanager
def _logging_to(keep: Callable[[logging.LogRecord], None]) -> Generator[None]:
    """Have the app's lines worded as the worker sends them, and keep them."""

    class Keeping(logging.Handler):
        @override
        def emit(self, record: logging.LogRecord) -> None:
            keep(record)

    logger, handler, factory = logging.getLogger("shared"), Keeping(), logging.getLogRecordFactory()
    level = logger.level
    configure_logging(redact=redacted)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        logging.setLogRecordFactory(factory)


async def _no_pause(_: float) -> None:
    await asyncio.sleep(0)
