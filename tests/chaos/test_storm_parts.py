"""The parts of the storm: what a request is, what becomes of it, and where secrets are seen."""

import base64
import json
import random
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from demo.azurite import KEY
from tests.chaos.storm.canary import secrets_in
from tests.chaos.storm.deaths import Death, Kill
from tests.chaos.storm.faults import BEFORE, Fault, Weather, deliver, refuse
from tests.chaos.storm.operations import HOSTS_OWN, Operation, operation_of
from tests.chaos.storm.plan import CANARY, EVENTS, SECRETS, Doom, Lie, planned
from tests.chaos.storm.points import POINTS, Points
from tests.chaos.storm.recovery import Deliveries, quantile, recoveries
from tests.end_to_end.exchanges import Caller, Exchange, Service
from tests.end_to_end.forwarding import listening
from tests.end_to_end.wire import Moment

BODY = bytes(range(200))

APP: list[tuple[Service, str, str, dict[str, str], Operation]] = [
    (Service.BLOB, "PUT", "assets/run-0/con/0.bin", {}, Operation.PUT_BLOB),
    (Service.BLOB, "PUT", "assets/run-0/con/0.bin", {"comp": "block"}, Operation.PUT_BLOCK),
    (Service.BLOB, "PUT", "assets/run-0/con/0.bin", {"comp": "blocklist"}, Operation.COMMIT_BLOCKS),
    (Service.BLOB, "GET", "assets/run-0/con/0.bin", {"comp": "blocklist"}, Operation.LIST_BLOCKS),
    (Service.BLOB, "HEAD", "assets/run-0/con/0.bin", {}, Operation.LOOK_AT_BLOB),
    (Service.BLOB, "PUT", "pages/run-0/1/0.json", {}, Operation.KEEP_PAGE),
    (Service.BLOB, "GET", "pages/run-0/1/0.json", {}, Operation.READ_PAGE),
    (Service.BLOB, "PUT", "items/run-0/item/1.json", {}, Operation.KEEP_DOCUMENT),
    (Service.BLOB, "GET", "items/run-0/item/1.json", {}, Operation.READ_DOCUMENT),
    (Service.BLOB, "PUT", "assets/run-0/items/item.json", {}, Operation.PUBLISH_ITEM),
    (Service.BLOB, "HEAD", "assets/run-0/items/item.json", {}, Operation.LOOK_AT_ITEM),
    (Service.BLOB, "PUT", "assets", {"restype": "container"}, Operation.OTHER),
    (Service.QUEUE, "POST", "discover/messages", {}, Operation.SEND_PAGE),
    (Service.QUEUE, "POST", "copy-later/messages", {}, Operation.SEND_COPY),
    (Service.QUEUE, "POST", "publish/messages", {}, Operation.SEND_PUBLISH),
    (Service.QUEUE, "POST", "copy-poison/messages", {}, Operation.SEND_POISON),
    (Service.QUEUE, "GET", "copy", {"comp": "metadata"}, Operation.COUNT_MESSAGES),
    (Service.TABLE, "GET", "ledger(PartitionKey='a',RowKey='b')", {}, Operation.READ_ROW),
    (Service.TABLE, "GET", "ledger()", {}, Operation.QUERY_ROWS),
    (Service.TABLE, "POST", "$batch", {}, Operation.WRITE_ROWS),
    (Service.TABLE, "GET", "failures(PartitionKey='a',RowKey='b')", {}, Operation.READ_FAILURE),
    (Service.TABLE, "POST", "failures", {}, Operation.WRITE_FAILURE),
    (Service.TABLE, "GET", "runs(PartitionKey='a',RowKey='newest')", {}, Operation.READ_RUN),
    (Service.TABLE, "PUT", "runs(PartitionKey='a',RowKey='newest')", {}, Operation.WRITE_RUN),
    (Service.TABLE, "PATCH", "runs(PartitionKey='a',RowKey='part-1-2-3')", {}, Operation.WRITE_COUNTS),
    (Service.TABLE, "GET", "runs()", {}, Operation.READ_COUNTS),
    (Service.TABLE, "GET", "runs(PartitionKey='a',RowKey='hold')", {}, Operation.READ_HOLD),
    (Service.TABLE, "PUT", "activity(PartitionKey='a',RowKey='b')", {}, Operation.WRITE_ACTIVITY),
]
HOST = [
    ("GET", "copy/messages", Operation.RECEIVE),
    ("PUT", "copy/messages/id", Operation.RENEW),
    ("DELETE", "copy/messages/id", Operation.ACKNOWLEDGE),
    ("POST", "copy-poison/messages", Operation.MOVE_TO_POISON),
]


def exchange(caller: Caller, service: Service, method: str, path: str, query: dict[str, str] | None = None) -> Exchange:
    return Exchange(caller=caller, service=service, method=method, path=path, query=query or {}, user_agent="")


@pytest.fixture
async def faulty() -> AsyncGenerator[str]:
    """A server that answers by the fault that its path names."""
    weather = Weather(random.Random(1))

    async def answer(request: web.Request) -> web.StreamResponse:
        fault = Fault(request.query["fault"])
        if fault in BEFORE:
            return await refuse(request, fault)
        return await deliver(request, web.Response(body=BODY), fault=fault, weather=weather)

    async with listening(answer) as port:
        yield f"http://127.0.0.1:{port}/"


async def got(url: str, fault: Fault) -> tuple[int, bytes] | str:
    """Status and body; or the error's class."""
    async with aiohttp.ClientSession() as session:
        try:
            async with session.get(url, params={"fault": fault}) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, ConnectionError) as error:
            return type(error).__name__


@pytest.mark.parametrize(("service", "method", "path", "query", "operation"), APP)
def test_operations_of_the_app(
    service: Service, method: str, path: str, query: dict[str, str], operation: Operation
) -> None:
    """Each is known by its method and path."""
    assert operation_of(exchange(Caller.APP, service, method, path, query), b"") is operation


@pytest.mark.parametrize(("method", "path", "operation"), HOST)
def test_operations_of_the_host(method: str, path: str, operation: Operation) -> None:
    """What a host does with messages; nobody else's request is one of these."""
    assert operation_of(exchange(Caller.HOST, Service.QUEUE, method, path), b"") is operation
    assert operation in HOSTS_OWN
    assert operation_of(exchange(Caller.APP, Service.QUEUE, method, path), b"") not in HOSTS_OWN


def test_an_entity_names_its_row() -> None:
    """An insert has no keys in its path."""
    entity = json.dumps({"PartitionKey": "run-0", "RowKey": "newest"}).encode()

    assert operation_of(exchange(Caller.APP, Service.TABLE, "POST", "runs"), entity) is Operation.WRITE_RUN


def test_every_operation_has_a_case() -> None:
    """None is left out but the one that this app never writes by itself here."""
    cases = {each[-1] for each in (*APP, *HOST)}

    assert set(Operation) - cases == {Operation.WRITE_HOLD}


def test_the_rarest_fault_is_drawn_first() -> None:
    """After many requests every fault has come to an operation, and none much more often than another."""
    weather = Weather(random.Random(1))
    weather.is_bad = True

    for _ in range(2000):
        weather.draw(Operation.PUT_BLOB)

    counts = [weather.counts[Operation.PUT_BLOB, each] for each in Fault]
    assert 0 < min(counts) <= max(counts) <= min(counts) + 1
    assert weather.requests == Counter({Operation.PUT_BLOB: 2000})


def test_good_weather() -> None:
    """Nothing happens, but it is counted what was asked."""
    weather = Weather(random.Random(1))

    assert [weather.draw(Operation.PUT_BLOB) for _ in range(500)] == [None] * 500


@pytest.mark.parametrize("fault", [Fault.LATENCY, Fault.SLICER, Fault.BANDWIDTH, Fault.SLOW_CLOSE])
async def test_what_only_takes_longer(faulty: str, fault: Fault) -> None:
    """The whole answer comes."""
    assert await got(faulty, fault) == (200, BODY)


async def test_half_of_an_answer_that_ends_like_any_other(faulty: str) -> None:
    """Nobody can tell by how it ends."""
    assert await got(faulty, Fault.HALF_FINISH) == (200, BODY[:100])


@pytest.mark.parametrize("fault", [Fault.HALF_FIN, Fault.HALF_RST])
async def test_half_of_an_answer(faulty: str, fault: Fault) -> None:
    """The head comes, and not all of the body."""
    assert await got(faulty, fault) == "ClientPayloadError"


@pytest.mark.parametrize("fault", [Fault.NONE_FIN, Fault.NONE_RST, Fault.DOWN, Fault.RESET_PEER, Fault.LIMIT_DATA])
async def test_no_answer(faulty: str, fault: Fault) -> None:
    """The connection ends before there is any."""
    assert isinstance(await got(faulty, fault), str)


@pytest.mark.parametrize(("fault", "status"), [(Fault.BUSY, 503), (Fault.FAILED, 500)])
async def test_an_answer_of_a_service_in_trouble(faulty: str, fault: Fault, status: int) -> None:
    """In the service's words."""
    found = await got(faulty, fault)

    assert isinstance(found, tuple)
    assert found[0] == status


def test_a_point_fires_once() -> None:
    """Armed, it waits for its request and its moment; hit, it is counted, and those that fired least come next."""
    points = Points(random.Random(1))
    for _ in POINTS:
        points.arm()

    taken = [points.take(each.operation, each.moment) for each in POINTS]
    assert taken == list(POINTS)
    assert points.take(Operation.PUT_BLOB, Moment.ARRIVED) is None
    assert points.fresh == 0


def test_secrets_are_seen_in_base64() -> None:
    """Wherever in a text they stand, as they are or encoded; nothing else is."""
    for secret in (CANARY, KEY, *SECRETS.values()):
        for offset in range(4):
            text = "x" * offset + secret + "y"
            assert secrets_in(text)
            assert secrets_in(base64.b64encode(text.encode()))
    assert not secrets_in(base64.b64encode(b"nothing of the kind"))
    assert not secrets_in("canary")


def test_a_plan_is_its_seed() -> None:
    """The same seed plans the same; another one doesn't."""
    assert planned(1, minutes=1, port=1) == planned(1, minutes=1, port=1)
    assert planned(1, minutes=1, port=1) != planned(2, minutes=1, port=1)


def test_what_a_plan_has() -> None:
    """Files that change, that can't be copied, of no stated size, and each lie; none that can't be seen through."""
    files = list(planned(1, minutes=5, port=1).all())

    lies = Counter(lie for each in files for lie in each.lies)
    assert set(lies) == set(Lie)
    assert {each.doom for each in files} == {None, *Doom}
    assert 0.2 < sum(each.versions > 1 for each in files) / len(files) < 0.4
    assert {each.states_size for each in files} == {True, False}
    blurred = {Lie.WRONG_LENGTH, Lie.PAGE}
    assert not any(blurred & set(each.lies) for each in files if not each.states_size)
    assert max(len(each.lies) for each in files) == 2
    assert len({each.blob for each in files}) == len({each.identity for each in files}) == len(files)
    assert {each.dataset for each in files} > {EVENTS}


def test_recovery(tmp_path: Path) -> None:
    """From a death until what was held is worked again, by anybody; what nobody held doesn't count."""
    one, other = tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    held = {"function": "copy_asset", "queue": "copy", "message_id": "m", "dequeue_count": 1}
    one.write_text(_lines(("00", "executing", {**held, "invocation_id": "i"})), encoding="utf-8")
    again = {**held, "invocation_id": "j", "dequeue_count": 2}
    ended = {**again, "ok": True}
    other.write_text(_lines(("07", "executing", again), ("08", "executed", ended)), encoding="utf-8")
    deliveries = Deliveries([one, other])
    (first, second) = deliveries.by_message["m"]

    kills = [
        Kill(at=first.began + wait, slot=0, death=Death.WORKER, log_json=log) for wait, log in ((2, one), (30, other))
    ]

    assert list(recoveries(kills, deliveries)) == [5.0]
    assert (first.died, second.died) == (True, False)
    assert (quantile([3, 1, 2], 0.5), quantile([1, 2], 0.99), quantile([], 0.5)) == (2, 2, None)


def _lines(*events: tuple[str, str, Mapping[str, object]]) -> str:
    return "".join(
        json.dumps({"time": f"2026-01-01T00:00:{at}+00:00", "event": kind, **fields}) + "\n"
        for at, kind, fields in events
    )
