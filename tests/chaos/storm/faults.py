"""What can happen to a request, in the words of http-fault-injector, of Toxiproxy, and of a busy service."""

import asyncio
import contextlib
import enum
import random
from collections import Counter

from aiohttp import web

from tests.chaos.storm.operations import HOSTS_OWN, Operation
from tests.chaos.storm.source import reset

#: Nobody waits longer for what hangs: the clients' own time-outs are a minute and more.
HANG_SECONDS = 2.5
#: For so long nothing gets through after ``down``.
DOWN_SECONDS = 0.7
_SLOW_BYTES_A_SECOND, _SLOW_UPLOAD_BYTES_A_SECOND, _LONGEST_SECONDS = 2048, 2 * 1024 * 1024, 1.5
_PIECES, _BETWEEN_PIECES_SECONDS = 6, 0.02
_LATENCY_SECONDS = (0.2, 1.2)
#: Within the head of an answer.
_LIMIT_BYTES = (10, 160)
_FLUSH_SECONDS = 0.05
#: Of all requests: the app's, the host's, and those of an operation that is rare.
_RATE, _HOSTS_RATE, _RARE_RATE = 0.06, 0.01, 0.2
_RARE = 100


class Fault(enum.StrEnum):
    """A way in which a request goes wrong."""

    # http-fault-injector (https://github.com/Azure/azure-sdk-tools/tree/main/tools/http-fault-injector): the service
    # has done what was asked. Its eighth, ``full``, is what happens to all other requests.
    HALF_HANG = "half, then hang"
    HALF_FIN = "half, then FIN"
    HALF_RST = "half, then RST"
    HALF_FINISH = "half, then finish"
    NONE_HANG = "nothing, then hang"
    NONE_FIN = "nothing, then FIN"
    NONE_RST = "nothing, then RST"
    # Toxiproxy (https://github.com/Shopify/toxiproxy#toxics); the service is never asked by the last three.
    LATENCY = "latency"
    BANDWIDTH = "bandwidth"
    SLOW_CLOSE = "slow_close"
    SLICER = "slicer"
    LIMIT_DATA = "limit_data"
    DOWN = "down"
    TIMEOUT = "timeout"
    RESET_PEER = "reset_peer"
    # Of the service itself: it was too busy to begin, or has done what was asked and says that it failed.
    BUSY = "503 before"
    FAILED = "500 after"


#: What the service never hears of.
BEFORE = frozenset({Fault.DOWN, Fault.TIMEOUT, Fault.RESET_PEER, Fault.BUSY})

type Cell = tuple[Operation, Fault]


class Weather:
    """Draws faults, and counts them by operation and fault: the rarest is drawn first."""

    def __init__(self, chance: random.Random) -> None:
        self.is_bad = False
        self.requests: Counter[Operation] = Counter()
        self.counts: Counter[Cell] = Counter()
        self._chance = chance

    def draw(self, operation: Operation) -> Fault | None:
        """What happens to a request, if anything."""
        self.requests[operation] += 1
        if not self.is_bad or operation is Operation.OTHER or self._chance.random() >= self._rate(operation):
            return None
        fewest = min(self.counts[operation, each] for each in Fault)
        fault = self._chance.choice([each for each in Fault if self.counts[operation, each] == fewest])
        self.counts[operation, fault] += 1
        return fault

    def _rate(self, operation: Operation) -> float:
        if operation in HOSTS_OWN:
            return _HOSTS_RATE
        return _RARE_RATE if self.requests[operation] < _RARE else _RATE

    def between(self, bounds: tuple[float, float]) -> float:
        """A number within bounds."""
        return self._chance.uniform(*bounds)


async def refuse(request: web.Request, fault: Fault) -> web.StreamResponse:
    """Answer as a service does that was never asked."""
    match fault:
        case Fault.BUSY:
            return service_error(503, "ServerBusy")
        case Fault.TIMEOUT:
            await asyncio.sleep(HANG_SECONDS)
            return close(request)
        case _:
            return cut(request)


async def slow_down(fault: Fault, *, sent: int, weather: Weather) -> None:
    """What a request waits for before it is forwarded."""
    if fault is Fault.LATENCY:
        await asyncio.sleep(weather.between(_LATENCY_SECONDS))
    elif fault is Fault.BANDWIDTH:
        await asyncio.sleep(min(_LONGEST_SECONDS, sent / _SLOW_UPLOAD_BYTES_A_SECOND))


async def deliver(
    request: web.Request, answer: web.Response, *, fault: Fault | None, weather: Weather
) -> web.StreamResponse:
    """Give the service's answer to whom it is for, or what a fault leaves of it."""
    with contextlib.suppress(ConnectionError):
        match fault:
            case None | Fault.LATENCY:
                return answer
            case Fault.FAILED:
                return service_error(500, "OperationTimedOut")
            case Fault.HALF_FINISH:
                return _halved(answer)
            case Fault.SLICER | Fault.BANDWIDTH | Fault.SLOW_CLOSE:
                return await _slowly(request, answer, fault=fault)
            case _:
                return await _broken(request, answer, fault=fault, weather=weather)
    return cut(request)


def cut(request: web.Request) -> web.Response:
    """End a connection by RST."""
    reset(request)
    return web.Response()


def close(request: web.Request) -> web.Response:
    """End a connection by FIN."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def service_error(status: int, code: str) -> web.Response:
    """An answer in the words of Azure Storage."""
    text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'
    return web.Response(status=status, text=text, content_type="application/xml", headers={"x-ms-error-code": code})


def _halved(answer: web.Response) -> web.Response:
    """Half of a body with the length of the half: an end like any other."""
    body = _body(answer)
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
    return web.Response(
        status=answer.status, reason=answer.reason, headers=headers, body=body[: len(body) // 2] or None
    )


async def _slowly(request: web.Request, answer: web.Response, *, fault: Fault) -> web.StreamResponse:
    body = _body(answer)
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=answer.headers)
    if request.method != "HEAD":
        response.content_length = len(body)
    if fault is Fault.SLOW_CLOSE:
        response.force_close()
    await response.prepare(request)
    size = max(1, -(-len(body) // _PIECES))
    pause = _BETWEEN_PIECES_SECONDS
    if fault is Fault.BANDWIDTH:
        pause = min(_LONGEST_SECONDS, len(body) / _SLOW_BYTES_A_SECOND) / _PIECES
    for at in range(0, len(body), size):
        await response.write(body[at : at + size])
        await asyncio.sleep(0 if fault is Fault.SLOW_CLOSE else pause)
    if fault is Fault.SLOW_CLOSE:
        await asyncio.sleep(1)
    await response.write_eof()
    return response


async def _broken(request: web.Request, answer: web.Response, *, fault: Fault, weather: Weather) -> web.StreamResponse:
    transport = request.transport
    if transport is None:
        return web.Response()
    head, body = _head(answer), _body(answer)
    if fault is Fault.LIMIT_DATA:
        transport.write((head + body)[: int(weather.between(_LIMIT_BYTES))])
    elif fault in {Fault.HALF_HANG, Fault.HALF_FIN, Fault.HALF_RST}:
        transport.write(head + body[: len(body) // 2] if body else head[: len(head) // 2])
    if fault in {Fault.HALF_HANG, Fault.NONE_HANG}:
        await asyncio.sleep(HANG_SECONDS)
    if fault in {Fault.HALF_RST, Fault.NONE_RST}:
        await asyncio.sleep(_FLUSH_SECONDS)
        return cut(request)
    return close(request)


def _head(answer: web.Response) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items() if name.lower() != "content-length"]
    length = answer.headers.get("Content-Length", str(len(_body(answer))))
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode()


def _body(answer: web.Response) -> bytes:
    return bytes(answer.body) if isinstance(answer.body, bytes | bytearray) else b""
