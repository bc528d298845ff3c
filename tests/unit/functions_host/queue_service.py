"""Fakes for the queue trigger's tests: a queue service that can be told to fail, a clock, and an invoker.

The service speaks HTTP, so that what fails is what the real storage library makes of it.
"""

import asyncio
import contextlib
import dataclasses
import datetime as dt
import email.utils
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from xml.sax.saxutils import escape

from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.storage.queue.aio import QueueServiceClient

from functions_host.functions import Datum, Delivery, Function, Result

_ACCOUNT = "devstoreaccount1"
_START = dt.datetime(2026, 11, 23, 8, 0, tzinfo=dt.UTC)
_WAIT_SECONDS = 10.0


@dataclasses.dataclass(slots=True, kw_only=True)
class Stored:
    """A message in the service."""

    text: str
    id: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))
    dequeue_count: int = 0
    receipt: str = ""
    visible_at: float = 0.0
    #: As it was asked for; ``None``: the service's default of seven days.
    time_to_live: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that the service got; ``seconds`` is the visibility time-out it asked for."""

    operation: str
    queue: str
    seconds: int | None = None
    count: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How the next request of a kind ends."""

    operation: str
    status: int
    code: str


class ManualTime:
    """A clock that stands still until a test advances it."""

    def __init__(self) -> None:
        self.now = 0.0
        #: Every wait that was asked for, in order.
        self.waits: list[float] = []
        self._sleeping: dict[asyncio.Future[None], float] = {}
        self._changed = asyncio.Condition()

    async def sleep(self, seconds: float) -> None:
        """Sleep until the clock was advanced so far."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleeping[future] = self.now + seconds
        self.waits.append(seconds)
        async with self._changed:
            self._changed.notify_all()
        try:
            await future
        finally:
            self._sleeping.pop(future, None)

    async def wait_until(self, waits: int) -> None:
        """Wait until there were so many waits."""
        async with asyncio.timeout(_WAIT_SECONDS), self._changed:
            await self._changed.wait_for(lambda: len(self.waits) >= waits)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        for future, due in list(self._sleeping.items()):
            if due <= self.now and not future.done():
                future.set_result(None)


class FakeQueues:
    """A queue service in memory."""

    def __init__(self, time: ManualTime) -> None:
        self.queues: dict[str, list[Stored]] = {}
        self.requests: list[Request] = []
        self._time = time
        self._failures: list[Failure] = []
        self._changed = asyncio.Condition()

    def put(self, queue: str, *texts: str, dequeued: int = 0) -> list[Stored]:
        """Put messages, which were dequeued so often before, into a queue that is made if need be."""
        messages = [Stored(text=text, dequeue_count=dequeued) for text in texts]
        self.queues.setdefault(queue, []).extend(messages)
        return messages

    def fail(self, operation: str, *, status: int, code: str, times: int = 1) -> None:
        """Have the next requests of a kind fail."""
        self._failures += [Failure(operation=operation, status=status, code=code)] * times

    def operations(self) -> list[tuple[str, str]]:
        """The requests so far, without polls and looks whether a queue exists."""
        return [(each.operation, each.queue) for each in self.requests if each.operation not in {"exists", "receive"}]

    async def wait_for(self, operation: str, *, times: int = 1) -> None:
        """Wait until so many requests of a kind were answered."""
        async with asyncio.timeout(_WAIT_SECONDS), self._changed:
            await self._changed.wait_for(lambda: [each.operation for each in self.requests].count(operation) >= times)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a request."""
        received = _parsed(request)
        failure = next((each for each in self._failures if each.operation == received.operation), None)
        if failure is not None:
            self._failures.remove(failure)
            response = _error(failure.status, failure.code)
        elif received.operation != "create" and received.queue not in self.queues:
            response = _error(404, "QueueNotFound")
        else:
            response = await self._handle(received, request)
        self.requests.append(received)
        async with self._changed:
            self._changed.notify_all()
        return response

    async def _handle(self, received: Request, request: web.Request) -> web.Response:
        match received.operation:
            case "create":
                self.queues[received.queue] = []
                return web.Response(status=201)
            case "exists":
                return web.Response(headers={"x-ms-approximate-messages-count": "0"})
            case "receive":
                return self._receive(received)
            case "send":
                text = _text_of(await request.text())
                message = Stored(text=text, time_to_live=request.query.get("messagettl"))
                self.queues[received.queue].append(message)
                return _listed([message], status=201)
            case _:
                return self._change(received, request)

    def _receive(self, received: Request) -> web.Response:
        visible = [each for each in self.queues[received.queue] if each.visible_at <= self._time.now]
        found = visible[: received.count]
        for message in found:
            message.dequeue_count += 1
            message.receipt = uuid.uuid4().hex
            message.visible_at = self._time.now + (received.seconds or 0)
        return _listed(found)

    def _change(self, received: Request, request: web.Request) -> web.Response:
        message = next((each for each in self.queues[received.queue] if each.id == request.match_info["id"]), None)
        if message is None:
            return _error(404, "MessageNotFound")
        if message.receipt != request.query["popreceipt"]:
            return _error(400, "PopReceiptMismatch")
        if received.operation == "delete":
            self.queues[received.queue].remove(message)
            return web.Response(status=204)
        message.receipt = uuid.uuid4().hex
        message.visible_at = self._time.now + (received.seconds or 0)
        headers = {"x-ms-popreceipt": message.receipt, "x-ms-time-next-visible": _http_date(_START)}
        return web.Response(status=204, headers=headers)


@contextlib.asynccontextmanager
async def serving(queues: FakeQueues) -> AsyncGenerator[QueueServiceClient]:
    """Serve, and yield a client that tries everything once."""
    application = web.Application()
    for path in ("", "/messages", "/messages/{id}"):
        application.router.add_route("*", f"/{_ACCOUNT}/{{queue}}{path}", queues.answer)
    async with TestServer(application) as server:
        endpoint = str(server.make_url(f"/{_ACCOUNT}"))
        text = f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey=a2V5;QueueEndpoint={endpoint};"
        async with QueueServiceClient.from_connection_string(text, retry_total=0) as client:
            yield client


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Invoked:
    """An invocation that was asked for."""

    value: Datum
    metadata: Mapping[str, Datum]
    reason: str
    delivery: Delivery | None


class FakeInvoker:
    """An ``Invoker`` whose invocations end as a test says."""

    def __init__(self, act: Callable[[Datum], Awaitable[Result]] | None = None) -> None:
        self.invoked: list[Invoked] = []
        self._act = act
        self._changed = asyncio.Condition()

    async def invoke(
        self,
        function: Function,
        *,
        inputs: Mapping[str, Datum],
        metadata: Mapping[str, Datum],
        reason: str,
        delivery: Delivery | None = None,
    ) -> Result:
        """Note the invocation, and end it."""
        value = inputs[function.trigger["name"]]
        self.invoked.append(Invoked(value=value, metadata=metadata, reason=reason, delivery=delivery))
        async with self._changed:
            self._changed.notify_all()
        return await self._act(value) if self._act is not None else Result(ok=True)

    async def wait_for(self, count: int) -> None:
        """Wait until so many invocations have begun."""
        async with asyncio.timeout(_WAIT_SECONDS), self._changed:
            await self._changed.wait_for(lambda: len(self.invoked) >= count)

    @property
    def values(self) -> list[Datum]:
        """What the function was invoked with."""
        return [each.value for each in self.invoked]


def _parsed(request: web.Request) -> Request:
    path = request.path.split("/")[3:]
    operation = {
        ("PUT", 0): "create",
        ("GET", 0): "exists",
        ("GET", 1): "receive",
        ("POST", 1): "send",
        ("PUT", 2): "update",
        ("DELETE", 2): "delete",
    }[request.method, len(path)]
    seconds, count = request.query.get("visibilitytimeout"), request.query.get("numofmessages")
    return Request(
        operation=operation,
        queue=request.match_info["queue"],
        seconds=int(seconds) if seconds is not None else None,
        count=int(count) if count is not None else None,
    )


def _text_of(xml: str) -> str:
    return xml.partition("<MessageText>")[2].partition("</MessageText>")[0]


def _listed(messages: list[Stored], *, status: int = 200) -> web.Response:
    items = "".join(
        "<QueueMessage>"
        f"<MessageId>{each.id}</MessageId>"
        f"<InsertionTime>{_http_date(_START)}</InsertionTime>"
        f"<ExpirationTime>{_http_date(_START + dt.timedelta(days=7))}</ExpirationTime>"
        f"<PopReceipt>{each.receipt}</PopReceipt>"
        f"<TimeNextVisible>{_http_date(_START + dt.timedelta(minutes=10))}</TimeNextVisible>"
        f"<DequeueCount>{each.dequeue_count}</DequeueCount>"
        f"<MessageText>{escape(each.text)}</MessageText>"
        "</QueueMessage>"
        for each in messages
    )
    text = f'<?xml version="1.0" encoding="utf-8"?><QueueMessagesList>{items}</QueueMessagesList>'
    return web.Response(status=status, text=text, content_type="application/xml")


def _error(status: int, code: str) -> web.Response:
    text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>as asked</Message></Error>'
    return web.Response(status=status, text=text, content_type="application/xml", headers={"x-ms-error-code": code})


def _http_date(time: dt.datetime) -> str:
    return email.utils.format_datetime(time, usegmt=True)
