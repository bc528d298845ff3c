"""What happens to one message: invocation, renewal of its lease, and deletion, release or the move to poison.

Sources: azure-sdk-for-net QueueListener.cs, QueueProcessor.cs, QueueListenerFactory.cs, StorageQueueExtensions.cs.
"""

import asyncio
import dataclasses
import logging
import uuid
from collections.abc import Callable

from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.queue.aio import QueueClient

from functions_host.events import Event, EventKind
from functions_host.functions import Datum, Function, Invoker, Result
from functions_host.host_json import QueueOptions
from functions_host.invocations import Invocation
from functions_host.queue_message import Message, trigger_metadata
from functions_host.waiting import Sleep, pause

#: For how long a message that is being processed is hidden; the host has no setting for it.
LEASE_SECONDS = 600.0

_SHORTEST_RENEWAL_SECONDS = 60.0
_LONGEST_QUEUE_NAME = 63
#: The message or the receipt is gone: someone else has it, or nobody needs it any more.
_GONE = frozenset({"PopReceiptMismatch", "MessageNotFound", "QueueNotFound", "QueueBeingDeleted"})
_log = logging.getLogger(__name__)


class QueueWatcher:
    """Tells listeners that this host has sent a message to their queue, so that they don't wait for their next poll.

    Messages that an app sends through the storage library are not seen here.
    """

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}

    def event(self, queue: str) -> asyncio.Event:
        """The event that is set when something was sent to that queue."""
        return self._events.setdefault(queue, asyncio.Event())

    def notify(self, queue: str) -> None:
        """Wake the listener of that queue."""
        self.event(queue).set()


def poison_queue_name(queue: str) -> str | None:
    """The queue for messages that failed for good; ``None`` where there can't be one."""
    name = f"{queue}-poison"
    return None if queue.endswith("-poison") or len(name) > _LONGEST_QUEUE_NAME else name


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class QueueSource:
    """A queue, and where its failures go. The clients leave texts as they are (no encoding policy)."""

    queue: QueueClient
    #: ``None``: there can't be one.
    poison: QueueClient | None
    watcher: QueueWatcher


class QueueProcessor:
    """Processes the messages of one queue for one function."""

    def __init__(
        self,
        function: Function,
        *,
        source: QueueSource,
        options: QueueOptions,
        invoker: Invoker,
        fail: Callable[[Exception], None],
        lease_seconds: float = LEASE_SECONDS,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Prepare; ``fail`` is told of an error that stops the host."""
        self._function = function
        self._queue = source.queue
        self._poison = source.poison
        self._watcher = source.watcher
        self._options = options
        self._invoker = invoker
        self._fail = fail
        self._lease_seconds = lease_seconds
        self._sleep = sleep

    async def process(self, message: Message) -> None:
        """Invoke the function with a message and do with the message what follows from it."""
        if message.dequeue_count > self._options.max_dequeue_count:
            # Only hosts that crashed leave such messages: a failure that is reported moves them before.
            await self._move_to_poison(message, receipt=message.pop_receipt)
            return
        lease = _Lease(message, queue=self._queue, seconds=self._lease_seconds, sleep=self._sleep, fail=self._fail)
        renewal = asyncio.create_task(lease.renew())
        try:
            result = await self._invoke(message)
        finally:
            lease.stop()
            await renewal
        await self._complete(message, result, receipt=lease.receipt)

    async def set_aside(self, message: Message) -> None:
        """Move a message to poison, raw and without an invocation, because its text can't be decoded."""
        event = self._event(EventKind.MESSAGE_UNDECODABLE, message)
        _log.warning(
            "Message decoding has failed! Check MessageEncoding settings. MessageId=%s",
            message.id,
            extra={"event": event},
        )
        await self._send_to_poison(message, receipt=message.pop_receipt)

    async def _invoke(self, message: Message) -> Result:
        body = message.body(self._options.message_encoding)
        value, text = self._bound(body)
        reason = f"New queue message detected on '{self._queue.queue_name}'."
        delivery = message.delivery(self._queue.queue_name)
        if value is None:
            result = Result(ok=False, error="The message's bytes are not UTF-8 and can't be bound to a string.")
            invocation = Invocation(function=self._function.name, id=str(uuid.uuid4()), delivery=delivery)
            invocation.log_start(reason)
            invocation.log_end(result, seconds=0)
            return result
        return await self._invoker.invoke(
            self._function,
            inputs={str(self._function.trigger["name"]): value},
            metadata=trigger_metadata(message, text=text),
            reason=reason,
            delivery=delivery,
        )

    def _bound(self, body: bytes) -> tuple[Datum | None, str | None]:
        try:
            text = body.decode()
        except UnicodeDecodeError:
            text = None
        if str(self._function.trigger.get("dataType", "")).lower() == "binary":
            return ("bytes", body), text
        return ("string", text) if text is not None else None, text

    async def _complete(self, message: Message, result: Result, *, receipt: str) -> None:
        if result.ok:
            await self._delete(message, receipt=receipt)
        elif self._poison is None:
            # No poison queue: released, the message would come back at once and without end. It stays hidden for the
            # rest of its lease.
            return
        elif message.dequeue_count >= self._options.max_dequeue_count:
            await self._move_to_poison(message, receipt=receipt)
        else:
            await self._release(message, receipt=receipt)

    async def _delete(self, message: Message, *, receipt: str) -> None:
        try:
            await self._queue.delete_message(message.id, receipt)
        except HttpResponseError as error:
            if error_code(error) not in _GONE:
                raise
            _log.debug("Message %s is gone already (%s).", message.id, error_code(error))
            return
        _log.debug("Message %s deleted.", message.id, extra={"event": self._event(EventKind.MESSAGE_DELETED, message)})

    async def _release(self, message: Message, *, receipt: str) -> None:
        seconds = int(self._options.visibility_timeout.total_seconds())
        try:
            await self._queue.update_message(message.id, receipt, visibility_timeout=seconds)
        except HttpResponseError as error:
            if error_code(error) not in _GONE:
                raise
            _log.debug("Message %s is gone already (%s).", message.id, error_code(error))
            return
        event = self._event(EventKind.MESSAGE_RELEASED, message)
        _log.info("Message %s is released; it will be visible in %d s.", message.id, seconds, extra={"event": event})

    async def _move_to_poison(self, message: Message, *, receipt: str) -> None:
        if self._poison is None:
            return
        _log.warning(
            "Message has reached MaxDequeueCount of %d. Moving message %s to queue '%s'.",
            self._options.max_dequeue_count,
            message.id,
            self._poison.queue_name,
        )
        await self._send_to_poison(message, receipt=receipt)

    async def _send_to_poison(self, message: Message, *, receipt: str) -> None:
        if self._poison is None:
            return
        # The text as it stands in the queue, and no time-to-live: the service's default of seven days. A crash between
        # the two requests leaves the message in both queues.
        try:
            await self._poison.send_message(message.stored)
        except HttpResponseError as error:
            if error_code(error) != "QueueNotFound":
                raise
            await _create(self._poison)
            await self._poison.send_message(message.stored)
        self._watcher.notify(self._poison.queue_name)
        event = self._event(EventKind.MESSAGE_POISONED, message)
        _log.info("Message %s is in queue '%s'.", message.id, self._poison.queue_name, extra={"event": event})
        await self._delete(message, receipt=receipt)

    def _event(self, kind: EventKind, message: Message) -> Event:
        return Event(
            kind=kind,
            function=self._function.name,
            queue=self._queue.queue_name,
            message_id=message.id,
            dequeue_count=message.dequeue_count,
        )


class _Lease:
    """Keeps a message hidden, and holds the receipt that counts now."""

    def __init__(
        self,
        message: Message,
        *,
        queue: QueueClient,
        seconds: float,
        sleep: Sleep,
        fail: Callable[[Exception], None],
    ) -> None:
        self.receipt = message.pop_receipt
        self._message = message
        self._queue = queue
        self._seconds = seconds
        self._sleep = sleep
        self._fail = fail
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Renew no more; a renewal that is under way must end, or the receipt would be lost."""
        self._stopped.set()

    async def renew(self) -> None:
        """Renew each time half of the lease is over, until stopped or the message is gone."""
        usual = interval = self._seconds / 2
        while True:
            await pause(interval, until=self._stopped, sleep=self._sleep)
            if self._stopped.is_set():
                return
            try:
                await self._extend()
            except HttpResponseError as error:
                if error_code(error) in _GONE:
                    return
                if not is_server_error(error):
                    self._fail(error)
                    return
                # The host's own code falls through here and stops the host; what it says is that it tries again soon.
                interval = max(interval / 2, min(_SHORTEST_RENEWAL_SECONDS, usual))
            except Exception as error:  # noqa: BLE001 - whatever it is, the host ends with it
                self._fail(error)
                return
            else:
                interval = usual

    async def _extend(self) -> None:
        updated = await self._queue.update_message(
            self._message.id, self.receipt, visibility_timeout=max(1, round(self._seconds))
        )
        self.receipt = updated.pop_receipt or self.receipt
        event = Event(kind=EventKind.MESSAGE_RENEWED, queue=self._queue.queue_name, message_id=self._message.id)
        _log.debug("Message %s renewed.", self._message.id, extra={"event": event})


def error_code(error: HttpResponseError) -> str:
    """The storage service's word for what went wrong, such as ``QueueNotFound``."""
    code: object = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def is_server_error(error: HttpResponseError) -> bool:
    """Whether the service, and not the request, is at fault."""
    return error.status_code is not None and error.status_code >= 500  # noqa: PLR2004 - HTTP


async def _create(queue: QueueClient) -> None:
    try:
        await queue.create_queue()
    except ResourceExistsError:
        _log.debug("Queue %s was made by someone else.", queue.queue_name)
