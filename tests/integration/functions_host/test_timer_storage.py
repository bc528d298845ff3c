"""A timer's state and its singleton's lock on Azurite."""

import asyncio
import datetime as dt
import json
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
from azure.storage.blob.aio import BlobLeaseClient, BlobServiceClient, ContainerClient

from demo.azurite import Azurite
from functions_host.singleton import BlobLock, Renewal, Singleton
from functions_host.timer_status import NOT_YET, ScheduleStatus, StatusBlobs, StatusUnavailableError
from functions_host.timers import TimerListener, timer_of
from tests.unit.functions_host.doubles import START, FakeInvoker, Invocation, timer_function

_PERIOD = dt.timedelta(seconds=15)


@pytest.fixture
async def container(storage: Azurite) -> AsyncGenerator[ContainerClient]:
    """A container that isn't there yet, as ``azure-webjobs-hosts`` of a new account."""
    async with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        yield service.get_container_client(f"hosts-{uuid.uuid4().hex}")


async def test_status_blob(container: ContainerClient) -> None:
    """Status blob timers/{hostId}/Host.Functions.{name}/status, JSON {"Last":iso,"Next":iso,"LastUpdated":iso}."""
    statuses = StatusBlobs(container=container, host_id="host-1")
    status = ScheduleStatus(last=NOT_YET, next=START, last_updated=START)

    missing = await statuses.read("tick")
    await statuses.write("tick", status=status)
    kept = await statuses.read("tick")

    blob = await container.download_blob("timers/host-1/Host.Functions.tick/status")
    assert (missing, kept) == (None, status)
    assert json.loads(await blob.readall()) == {
        "Last": "0001-01-01T00:00:00+00:00",
        "Next": "2026-11-23T08:02:00+00:00",
        "LastUpdated": "2026-11-23T08:02:00+00:00",
    }


async def test_status_of_the_real_host(container: ContainerClient) -> None:
    """A status that .NET wrote is understood: a default without an offset, seven digits of a second."""
    text = (
        '{"Last":"0001-01-01T00:00:00","Next":"2026-11-23T09:05:00+01:00",'
        '"LastUpdated":"2026-11-23T09:02:00.1234567+01:00"}'
    )
    await _put(container, "timers/host-1/Host.Functions.tick/status", text)

    kept = await StatusBlobs(container=container, host_id="host-1").read("tick")

    assert kept == ScheduleStatus(
        last=NOT_YET,
        next=START + dt.timedelta(minutes=3),
        last_updated=START + dt.timedelta(microseconds=123_456),
    )


@pytest.mark.parametrize("text", ["", "[]", '{"Last": "soon"}', '{"Last": null, "Next": null, "LastUpdated": null}'])
async def test_status_that_cannot_be_understood(container: ContainerClient, text: str) -> None:
    """A status that nobody understands is taken for none."""
    await _put(container, "timers/host-1/Host.Functions.tick/status", text)

    assert await StatusBlobs(container=container, host_id="host-1").read("tick") is None


async def test_storage_out_of_order() -> None:
    """Not found is not the same as "could not tell"; writing is best effort."""
    nowhere = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1/a;"
    status = ScheduleStatus(last=NOT_YET, next=START, last_updated=START)

    async with BlobServiceClient.from_connection_string(nowhere, retry_total=0) as service:
        container = service.get_container_client("hosts")
        statuses = StatusBlobs(container=container, host_id="host-1")
        with pytest.raises(StatusUnavailableError):
            await statuses.read("tick")
        await statuses.write("tick", status=status)
        lease = await BlobLock(container=container, host_id="host-1", function="tick", period=_PERIOD).acquire()

    assert lease is None


async def test_lock(container: ContainerClient) -> None:
    """Lock blob locks/{hostId}/Host.Functions.{name}.Listener: held by one host, until it gives it up."""
    one, other = _lock(container), _lock(container)

    lease = await one.acquire()
    while_held = await other.acquire()
    assert lease is not None
    renewal = await lease.renew()
    await lease.release()
    after = await other.acquire()

    names = [name async for name in container.list_blob_names()]
    assert names == ["locks/host-1/Host.Functions.tick.Listener"]
    assert (while_held, renewal) == (None, Renewal.HELD)
    assert after is not None


async def test_both_make_the_lock(container: ContainerClient) -> None:
    """Hosts that start together, where neither container nor blob exists, don't get in each other's way."""
    found = await asyncio.gather(*(_lock(container).acquire() for _ in range(5)))

    assert len([each for each in found if each is not None]) == 1


async def test_lost_lease(container: ContainerClient) -> None:
    """A lease that another host took meanwhile is lost; giving it up harms nobody."""
    lease = await _lock(container).acquire()
    assert lease is not None
    blob = container.get_blob_client("locks/host-1/Host.Functions.tick.Listener")
    await BlobLeaseClient(blob).break_lease(lease_break_period=0)
    taken = await _lock(container).acquire()
    assert taken is not None

    renewal = await lease.renew()
    await lease.release()

    assert renewal is Renewal.LOST
    assert await taken.renew() is Renewal.HELD


async def test_timer_under_its_lock(container: ContainerClient) -> None:
    """A host that takes over finds the timer's state: what the first one missed is past due, and fires once."""
    first, second = FakeInvoker(), FakeInvoker()

    await _run_once(first, container, start=START + dt.timedelta(minutes=2, seconds=59.5))
    await _run_once(second, container, start=START + dt.timedelta(hours=1))

    assert [_request(each) for each in first.invocations] == [{"Next": "2026-11-23T08:05:00+00:00", "IsPastDue": False}]
    assert [_request(each) for each in second.invocations] == [{"Next": "2026-11-23T08:10:00+00:00", "IsPastDue": True}]


def _lock(container: ContainerClient) -> BlobLock:
    return BlobLock(container=container, host_id="host-1", function="tick", period=_PERIOD)


async def _put(container: ContainerClient, name: str, text: str) -> None:
    await container.create_container()
    await container.upload_blob(name, text.encode())


async def _run_once(invoker: FakeInvoker, container: ContainerClient, *, start: dt.datetime) -> None:
    # A host whose clock shows ``start`` now, until its timer has run.
    ran = asyncio.Event()
    invoker.work = _setter(ran)
    begun = time.monotonic()
    timer = timer_of(
        timer_function("tick", schedule="0 */5 * * * *"),
        resolve=str,
        statuses=StatusBlobs(container=container, host_id="host-1"),
    )
    singleton = Singleton(
        lambda: TimerListener(
            timer, invoker=invoker, clock=lambda: start + dt.timedelta(seconds=time.monotonic() - begun)
        ),
        lock=_lock(container),
        name="tick",
        period=_PERIOD,
    )
    running = asyncio.create_task(singleton.run())
    try:
        async with asyncio.timeout(20):
            await ran.wait()
    finally:
        await singleton.stop()
        await asyncio.wait_for(running, 20)


def _setter(event: asyncio.Event) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        event.set()

    return work


def _request(invocation: Invocation) -> dict[str, object]:
    content = json.loads(invocation.inputs["timer"][1])
    return {"Next": content["ScheduleStatus"]["Next"], "IsPastDue": content["IsPastDue"]}
