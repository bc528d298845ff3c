"""Polls one queue for one function.

Sources: azure-sdk-for-net QueueListener.cs; azure-webjobs-sdk RandomizedExponentialBackoffStrategy.cs.
"""

import asyncio
import logging
import random
from collections.abc import Callable

from azure.core.exceptions import HttpResponseError

from functions_host.events import Event, EventKind
from functions_host.functions import Function, Invoker
from functions_host.host_json import QueueOptions
from functions_host.queue_message import Message, UndecodableMessageError, received
from functions_host.queue_processor import (
    LEASE_SECONDS,
    QueueProcessor,
    QueueSource,
    error_code,
    is_server_error,
)
from functions_host.waiting import Sleep, pause

_MINIMUM_SECONDS = 0.1
_DELTA_SECONDS = 0.1
_log = logging.getLogger(__name__)


class Backoff:
    """How long to wait after a poll that brought nothing: 100 ms at first, about doubling, up to a maximum."""

    def __init__(self, maximum_seconds: float, *, jitter: Callable[[], float]) -> None:
        """Begin; ``jitter`` gives the factor, 0.8 to 1.2, by which each wait is off."""
        self._maximum = maximum_seconds
        self._jitter = jitter
        self._exponent = 0
        self._current = _MINIMUM_SECONDS

    def next(self, *, found: bool) -> float:
        """The next wait; ``found``: there were messages since the last one, which begins anew."""
        if found:
            self._current, self._exponent = _MINIMUM_SECONDS, 1
        elif self._current < self._maximum:
            grown = self._jitter() * 2 ** (self._exponent - 1) * _DELTA_SECONDS if self._exponent else 0
            self._current = min(_MINIMUM_SECONDS + grown, self._maximum)
            self._exponent += 1
        return self._current


class QueueListener:
    """Receives messages in batches and has each processed, at most ``batchSize + newBatchThreshold`` at a time."""

    def __init__(
        self,
        function: Function,
        *,
        source: QueueSource,
        options: QueueOptions,
        invoker: Invoker,
        lease_seconds: float = LEASE_SECONDS,
        sleep: Sleep = asyncio.sleep,
        jitter: Callable[[], float] = lambda: random.uniform(0.8, 1.2),  # noqa: S311 - no secret
    ) -> None:
        """Prepare to listen."""
        self._function = function
        self._queue = source.queue
        self._options = options
        self._lease_seconds = lease_seconds
        self._sleep = sleep
        self._backoff = Backoff(options.max_polling_interval.total_seconds(), jitter=jitter)
        self._processor = QueueProcessor(
            function,
            source=source,
            options=options,
            invoker=invoker,
            fail=self._fail,
            lease_seconds=lease_seconds,
            sleep=sleep,
        )
        #: Cuts the wait for the next poll short.
        self._wake = source.watcher.event(source.queue.queue_name)
        #: A message is done, or there is nothing more to wait for.
        self._settled = asyncio.Event()
        self._stopping = False
        self._error: Exception | None = None
        self._processing = 0
        self._queue_exists = False
        self._found = False

    async def run(self) -> None:
        """Listen until stopped, then wait for the messages in flight.

        Raises:
            Exception: any error on which the real host shuts down, after the messages in flight ended.
        """
        event = Event(kind=EventKind.LISTENING, function=self._function.name, queue=self._queue.queue_name)
        _log.info("Listening to queue '%s'.", self._queue.queue_name, extra={"event": event})
        async with asyncio.TaskGroup() as tasks:
            while not self._stopping:
                await self._turn(tasks)
        if self._error is not None:
            raise self._error

    async def stop(self) -> None:
        """Stop polling; ``run`` returns once the messages in flight are done."""
        self._stopping = True
        self._wake.set()
        self._settled.set()

    async def _turn(self, tasks: asyncio.TaskGroup) -> None:
        try:
            batch = await self._receive()
        except Exception as error:  # noqa: BLE001 - the loop ends with it, and run() raises it
            self._fail(error)
            return
        if not batch:
            await self._back_off()
            return
        self._found = True
        self._processing += len(batch)
        for message in batch:
            tasks.create_task(self._process(message))
        while self._processing > self._options.new_batch_threshold and not self._stopping:
            self._settled.clear()
            await self._settled.wait()

    async def _back_off(self) -> None:
        seconds = self._backoff.next(found=self._found)
        self._found = False
        if not self._stopping:
            await pause(seconds, until=self._wake, sleep=self._sleep)
            self._wake.clear()

    async def _receive(self) -> list[Message]:
        try:
            if not await self._exists():
                return []
            return await self._decodable(await self._poll())
        except HttpResponseError as error:
            self._queue_exists = False
            if error_code(error) in {"QueueNotFound", "QueueBeingDeleted"} or is_server_error(error):
                _log.warning("Queue '%s' can't be read (%s).", self._queue.queue_name, error_code(error))
                return []
            raise

    async def _exists(self) -> bool:
        # A trigger never makes its queue.
        if not self._queue_exists:
            try:
                await self._queue.get_queue_properties()
            except HttpResponseError as error:
                if error_code(error) != "QueueNotFound":
                    raise
                return False
            self._queue_exists = True
        return True

    async def _poll(self) -> list[Message]:
        size = self._options.batch_size
        # One round trip: without max_messages the library goes on until the queue is empty.
        pages = self._queue.receive_messages(
            messages_per_page=size, max_messages=size, visibility_timeout=max(1, round(self._lease_seconds))
        )
        return [received(each) async for each in pages]

    async def _decodable(self, messages: list[Message]) -> list[Message]:
        found: list[Message] = []
        for message in messages:
            try:
                message.body(self._options.message_encoding)
            except UndecodableMessageError:
                await self._processor.set_aside(message)
            else:
                found.append(message)
        return found

    async def _process(self, message: Message) -> None:
        try:
            await self._processor.process(message)
        except Exception as error:  # noqa: BLE001 - the messages beside it go on, and run() raises it
            self._fail(error)
        finally:
            self._processing -= 1
            self._settled.set()

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self._stopping = True
        self._wake.set()
        self._settled.set()
