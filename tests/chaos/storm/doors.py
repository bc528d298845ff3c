"""The proxy before storage: doors for each host and for its app, faults, points to be killed at, and the history."""

import asyncio
import contextlib
import dataclasses
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Protocol
from urllib.parse import unquote

import aiohttp
from aiohttp import web

from demo.azurite import ACCOUNT, Azurite
from tests.chaos.standing import CONTAINER, BlobReader, Standing
from tests.chaos.storm.canary import secrets_in
from tests.chaos.storm.faults import BEFORE, DOWN_SECONDS, Fault, Weather, cut, deliver, refuse, slow_down
from tests.chaos.storm.history import (
    Commit,
    History,
    RowWrite,
    Sent,
    cause_in,
    entities_in,
    field_of,
    is_done,
)
from tests.chaos.storm.operations import Operation, operation_of
from tests.chaos.storm.points import Point, Points
from tests.end_to_end.exchanges import Caller, Exchange, Service
from tests.end_to_end.forwarding import forwarded, listening
from tests.end_to_end.wire import Moment

_CREATED = 201
_COMMITS = frozenset({Operation.PUT_BLOB, Operation.COMMIT_BLOCKS})
_SENDS = frozenset(
    {
        *(Operation.SEND_PAGE, Operation.SEND_COPY, Operation.SEND_PUBLISH),
        *(Operation.SEND_POISON, Operation.MOVE_TO_POISON),
    }
)
#: What is sent to where it will rest, but for the bytes of assets.
_KEPT = frozenset(
    {
        *_SENDS,
        *(Operation.KEEP_PAGE, Operation.KEEP_DOCUMENT, Operation.PUBLISH_ITEM, Operation.WRITE_ROWS),
        *(Operation.WRITE_FAILURE, Operation.WRITE_RUN, Operation.WRITE_COUNTS, Operation.WRITE_HOLD),
        Operation.WRITE_ACTIVITY,
    }
)


class Executioner(Protocol):
    """Kills whoever has reached a point."""

    def execute(self, slot: int, point: Point) -> bool:
        """Kill at once; False: there was nobody to kill."""
        ...


class Nobody:
    """Kills nobody."""

    def execute(self, slot: int, point: Point) -> bool:
        """False."""
        del slot, point
        return False


class Doors:
    """What goes in and out."""

    def __init__(
        self, storage: Azurite, *, session: aiohttp.ClientSession, reader: BlobReader, weather: Weather, points: Points
    ) -> None:
        self.history = History()
        self.weather = weather
        self.points = points
        self.executioner: Executioner = Nobody()
        self._storage = storage
        self._session = session
        self._reader = reader
        self._ports: dict[tuple[int, Caller, Service], int] = {}
        #: When the app of each slot asked for something last, by time.time().
        self.heard: dict[int, float] = {}
        self._touched: dict[str, float] = {}
        self._stood: defaultdict[str, list[Standing]] = defaultdict(list)
        self._one_by_one: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._down_until: defaultdict[tuple[int, Operation], float] = defaultdict(float)

    def connection_string(self, slot: int, caller: Caller) -> str:
        """The account as somebody has to know it."""
        ports = {f"{service}_port": self._ports[slot, caller, service] for service in Service}
        return dataclasses.replace(self._storage, **ports).connection_string

    def written_lately(self, *, seconds: float) -> Sequence[str]:
        """The blobs that anybody wrote to within so many seconds."""
        since = time.monotonic() - seconds
        return [blob for blob, at in tuple(self._touched.items()) if at > since]

    @contextlib.asynccontextmanager
    async def serve(self, *, slots: int) -> AsyncGenerator["Doors"]:
        """Open all doors until the block ends."""
        async with contextlib.AsyncExitStack() as stack:
            for slot in range(slots):
                for caller in Caller:
                    for service in Service:
                        door = _Door(self, slot=slot, caller=caller, service=service)
                        self._ports[slot, caller, service] = await stack.enter_async_context(listening(door.answer))
            yield self

    async def pass_on(self, request: web.Request, exchange: Exchange, body: bytes, *, slot: int) -> web.StreamResponse:
        """Let a request through, or what is left of it."""
        operation = operation_of(exchange, body)
        if exchange.caller is Caller.APP:
            self.heard[slot] = time.time()
        self._search(operation, request, body, where=exchange.path)
        if self._dies(slot, operation, Moment.ARRIVED):
            return cut(request)
        fault = self._fault(slot, operation)
        if fault is not None and fault in BEFORE:
            return await refuse(request, fault)
        if fault is not None:
            await slow_down(fault, sent=len(body), weather=self.weather)
        answer = await self._done(request, exchange, operation, body, slot=slot)
        if self._dies(slot, operation, Moment.ANSWERED):
            return cut(request)
        return await deliver(request, answer, fault=fault, weather=self.weather)

    def _dies(self, slot: int, operation: Operation, moment: Moment) -> bool:
        point = self.points.take(operation, moment)
        if point is None:
            return False
        died = self.executioner.execute(slot, point)
        if died:
            self.points.hit(point)
        return died

    def _fault(self, slot: int, operation: Operation) -> Fault | None:
        if time.monotonic() < self._down_until[slot, operation]:
            return Fault.DOWN
        fault = self.weather.draw(operation)
        if fault is Fault.DOWN:
            self._down_until[slot, operation] = time.monotonic() + DOWN_SECONDS
        return fault

    async def _done(
        self, request: web.Request, exchange: Exchange, operation: Operation, body: bytes, *, slot: int
    ) -> web.Response:
        """Have the service do it, and write down what it has done."""
        blob = exchange.path.removeprefix(f"{CONTAINER}/")
        if operation in _COMMITS:
            async with self._one_by_one[blob]:
                answer = await self._forward(request, exchange, body)
                await self._note_commit(request, blob, answer, slot=slot)
                return answer
        if operation is Operation.PUT_BLOCK:
            self._touched[blob] = time.monotonic()
        if operation is Operation.WRITE_ROWS:
            await self._wait_for_commits(body)
        answer = await self._forward(request, exchange, body)
        if operation is Operation.WRITE_ROWS and is_done(_body(answer)):
            self._note_rows(body, slot=slot)
        if operation in _SENDS and answer.status == _CREATED:
            self._note_message(exchange, body, answer=_body(answer))
        return answer

    async def _forward(self, request: web.Request, exchange: Exchange, body: bytes) -> web.Response:
        ports = {
            Service.BLOB: self._storage.blob_port,
            Service.QUEUE: self._storage.queue_port,
            Service.TABLE: self._storage.table_port,
        }
        return await forwarded(request, body, session=self._session, port=ports[exchange.service])

    async def _note_commit(self, request: web.Request, blob: str, answer: web.Response, *, slot: int) -> None:
        self._touched[blob] = time.monotonic()
        made = await self._reader.read(blob) if answer.status == _CREATED else None
        if made is None:
            return
        stood = self._stood[blob]
        commit = Commit(
            slot=slot,
            blob=blob,
            cause=cause_in(request.headers),
            replaced=stood[-1].etag if stood else None,
            named=request.headers.get("If-Match"),
            made=made,
        )
        stood.append(made)
        self.history.commits.append(commit)

    async def _wait_for_commits(self, transaction: bytes) -> None:
        """Until all commits that came before these rows are written down: others have seen such a blob already."""
        for each in entities_in(transaction):
            async with self._one_by_one[str(each.get("blob"))]:
                pass

    def _note_rows(self, body: bytes, *, slot: int) -> None:
        for each in entities_in(body):
            blob = str(each.get("blob"))
            stood = tuple(self._stood[blob])
            row = RowWrite(
                slot=slot,
                identity=(str(each.get("item")), str(each.get("key"))),
                blob=blob,
                etag=str(each.get("etag")),
                length=int(each.get("length", -1)),
                digests=tuple(str(each.get("digests", "")).split()),
                cause=f"{each.get('cause')} {each.get('description')}",
                stood=stood,
                standing=stood[-1].etag if stood else None,
            )
            self.history.rows.append(row)

    def _note_message(self, exchange: Exchange, body: bytes, *, answer: bytes) -> None:
        queue, _, _ = exchange.path.partition("/")
        sent = Sent(
            queue=queue,
            message=field_of(answer, "MessageId"),
            text=field_of(body, "MessageText"),
            seconds_to_live=exchange.query.get("messagettl"),
        )
        self.history.sent.append(sent)

    def _search(self, operation: Operation, request: web.Request, body: bytes, *, where: str) -> None:
        metadata = "\n".join(value for name, value in request.headers.items() if name.lower().startswith("x-ms-meta-"))
        is_kept = operation in _KEPT and secrets_in(body)
        if is_kept or secrets_in(unquote(metadata)) or secrets_in(metadata):
            self.history.secrets.append(f"on its way to {where} ({operation})")


class _Door:
    """One service, for somebody."""

    def __init__(self, doors: Doors, *, slot: int, caller: Caller, service: Service) -> None:
        self._doors = doors
        self._slot = slot
        self._caller = caller
        self._service = service

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Let a request through whose sender has lived long enough to send all of it."""
        try:
            body = await request.read()
        except (ConnectionError, aiohttp.ClientError, web.RequestPayloadError, asyncio.IncompleteReadError):
            return cut(request)
        return await self._doors.pass_on(request, self._exchange(request), body, slot=self._slot)

    def _exchange(self, request: web.Request) -> Exchange:
        path, _, _ = request.raw_path.partition("?")
        query: Mapping[str, str] = dict(request.query)
        return Exchange(
            caller=self._caller,
            service=self._service,
            method=request.method,
            path=unquote(path).removeprefix(f"/{ACCOUNT}").removeprefix("/"),
            query=query,
            user_agent=request.headers.get("User-Agent", ""),
        )


def _body(answer: web.Response) -> bytes:
    return bytes(answer.body) if isinstance(answer.body, bytes | bytearray) else b""
