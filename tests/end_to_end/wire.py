"""The wire between the pipeline and Azurite: a reverse proxy that records every request and can cut it off.

The app and the host come in by doors of their own, so a request is known to be the one's or the other's. Headers are
passed on as they are: a shared key's signature covers the path and no host.
"""

import asyncio
import contextlib
import dataclasses
import enum
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from urllib.parse import unquote

import aiohttp
from aiohttp import web

from demo.azurite import ACCOUNT, Azurite
from tests.end_to_end.exchanges import Caller, Exchange, Service
from tests.end_to_end.forwarding import forwarded, listening

#: Less than Node's five seconds: no request is sent on a connection that Azurite is closing.
_IDLE_SECONDS = 2.0

type Predicate = Callable[[Exchange], bool]


class Moment(enum.StrEnum):
    """When a hook is called."""

    #: The request is here, and not forwarded.
    ARRIVED = "arrived"
    #: The service has answered, and the caller doesn't know.
    ANSWERED = "answered"


@dataclasses.dataclass(slots=True, kw_only=True)
class Hook:
    """What happens when a certain request comes by."""

    matches: Predicate
    moment: Moment
    call: Callable[[], Awaitable[object]]
    #: Which one of those that match; None: each.
    nth: int | None
    #: Afterwards the caller's connection is cut, and what wasn't forwarded never is.
    cut: bool
    seen: int = 0
    #: How many exchanges had been recorded when it was called last.
    position: int = 0
    fired: threading.Event = dataclasses.field(default_factory=threading.Event)

    def concerns(self, exchange: Exchange, moment: Moment) -> bool:
        """Count a request that matches; tell whether it is the one."""
        if moment is not self.moment or not self.matches(exchange):
            return False
        self.seen += 1
        return self.nth in {None, self.seen}


class Wire:
    """The proxy: what passed it, and what is to happen when something passes."""

    def __init__(self, azurite: Azurite) -> None:
        self._azurite = azurite
        self._exchanges: list[Exchange] = []
        self._hooks: list[Hook] = []
        self._doubled: list[Predicate] = []
        self._doors: dict[tuple[Caller, Service], int] = {}

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """All that has passed so far, in the order of the answers."""
        return tuple(self._exchanges)

    def connection_string(self, caller: Caller) -> str:
        """The account, as that caller has to know it."""
        ports = {f"{service}_port": self._doors[caller, service] for service in Service}
        return dataclasses.replace(self._azurite, **ports).connection_string

    @contextlib.contextmanager
    def hook(
        self,
        matches: Predicate,
        *,
        moment: Moment,
        call: Callable[[], Awaitable[object]],
        nth: int | None = 1,
        cut: bool = False,
    ) -> Generator[Hook]:
        """Call something when the n-th request that matches comes by; raises AssertionError where none came."""
        hook = Hook(matches=matches, moment=moment, call=call, nth=nth, cut=cut)
        self._hooks.append(hook)
        try:
            yield hook
        finally:
            self._hooks.remove(hook)
        assert hook.fired.is_set(), "no such request came by"

    @contextlib.contextmanager
    def doubled(self, matches: Predicate) -> Generator[None]:
        """Forward the requests that match twice: what a lost answer and another try come to."""
        self._doubled.append(matches)
        try:
            yield
        finally:
            self._doubled.remove(matches)

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncGenerator["Wire"]:
        """Open all doors until the block ends."""
        async with contextlib.AsyncExitStack() as stack:
            connector = aiohttp.TCPConnector(keepalive_timeout=_IDLE_SECONDS)
            session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, auto_decompress=False))
            for caller in Caller:
                for service in Service:
                    door = _Door(self, caller=caller, service=service, azurite=self._azurite, session=session)
                    self._doors[caller, service] = await stack.enter_async_context(listening(door.answer))
            yield self

    async def note(self, exchange: Exchange, moment: Moment) -> bool:
        """Call the hooks that a request concerns; tell whether it is to be cut."""
        cut = False
        for hook in [each for each in self._hooks if each.concerns(exchange, moment)]:
            hook.position = len(self._exchanges)
            hook.fired.set()
            await hook.call()
            cut = cut or hook.cut
        return cut

    def record(self, exchange: Exchange) -> None:
        """Remember what passed."""
        self._exchanges.append(exchange)

    def times(self, exchange: Exchange) -> int:
        """How often a request is to be forwarded."""
        return 2 if any(matches(exchange) for matches in self._doubled) else 1


class _Door:
    """One service of one caller."""

    def __init__(
        self, wire: Wire, *, caller: Caller, service: Service, azurite: Azurite, session: aiohttp.ClientSession
    ) -> None:
        self._wire = wire
        self._caller = caller
        self._service = service
        ports = {Service.BLOB: azurite.blob_port, Service.QUEUE: azurite.queue_port, Service.TABLE: azurite.table_port}
        self._port = ports[service]
        self._session = session

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Forward a request, unless a hook cuts it off, and record it."""
        body = await request.read()
        exchange = self._exchange(request)
        if await self._wire.note(exchange, Moment.ARRIVED):
            self._wire.record(exchange)
            return _cut(request)
        response = web.Response()
        for _ in range(self._wire.times(exchange)):
            response = await forwarded(request, body, session=self._session, port=self._port)
            exchange = dataclasses.replace(exchange, status=response.status)
            self._wire.record(exchange)
        return _cut(request) if await self._wire.note(exchange, Moment.ANSWERED) else response

    def _exchange(self, request: web.Request) -> Exchange:
        path, _, _ = request.raw_path.partition("?")
        return Exchange(
            caller=self._caller,
            service=self._service,
            method=request.method,
            path=unquote(path).removeprefix(f"/{ACCOUNT}").removeprefix("/"),
            query=dict(request.query),
            user_agent=request.headers.get("User-Agent", ""),
        )


def _cut(request: web.Request) -> web.Response:
    if isinstance(request.transport, asyncio.Transport):
        request.transport.abort()
    return web.Response()
