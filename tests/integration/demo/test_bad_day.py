"""The bad day's parts that need Azurite: a clock that can be moved, and poison read past Sluice."""

import contextlib
import datetime as dt
import http.client
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.data import tables
from azure.storage import blob
from azure.storage import queue as queues
from azure.storage.queue import QueueClient, QueueServiceClient

from demo.azurite import ACCOUNT, KEY, Azurite, azurite
from demo.bad_day.clock import Clock
from demo.bad_day.junk import JUNK, litter
from demo.bad_day.poison import read_all
from demo.bad_day.sabotage import lose_message

_MANY = 40


def blob_signature(expiry: dt.datetime) -> str:
    resources, allowed = blob.ResourceTypes(service=True), blob.AccountSasPermissions(list=True)
    return blob.generate_account_sas(ACCOUNT, KEY, resources, allowed, expiry)


def queue_signature(expiry: dt.datetime) -> str:
    resources, allowed = queues.ResourceTypes(service=True), queues.AccountSasPermissions(list=True)
    return queues.generate_account_sas(ACCOUNT, KEY, resources, allowed, expiry)


def table_signature(expiry: dt.datetime) -> str:
    resources, allowed = tables.ResourceTypes(container=True), tables.AccountSasPermissions(list=True)
    return tables.generate_account_sas(AzureNamedKeyCredential(ACCOUNT, KEY), resources, allowed, expiry)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock.right(tmp_path / "ahead.txt")


@pytest.fixture
def storage(tmp_path: Path, clock: Clock) -> Generator[Azurite]:
    with azurite(tmp_path, environment=clock.environment) as running:
        yield running


@pytest.fixture
def queue(storage: Azurite) -> Generator[QueueClient]:
    with QueueClient.from_connection_string(storage.connection_string, "copy-poison") as client:
        client.create_queue()
        yield client


def test_clock_moves(clock: Clock, queue: QueueClient) -> None:
    """Eight days later what lives for seven is gone, what never expires is there, and clients notice nothing."""
    before = queue.send_message("for a week").inserted_on
    queue.send_message("for ever", time_to_live=-1)

    clock.move(dt.timedelta(days=8))

    after = queue.send_message("new", time_to_live=-1).inserted_on
    assert [str(each.content) for each in queue.peek_messages(5)] == ["for ever", "new"]
    assert before is not None
    assert after is not None
    assert dt.timedelta(days=8) <= after - before < dt.timedelta(days=8, minutes=1)


@pytest.mark.parametrize(
    ("service", "path", "sign"),
    [
        ("Blob", "?comp=list&", blob_signature),
        ("Queue", "?comp=list&", queue_signature),
        ("Table", "/Tables?", table_signature),
    ],
)
def test_signatures_stay_good(
    clock: Clock, storage: Azurite, service: str, path: str, sign: Callable[[dt.datetime], str]
) -> None:
    """Clients, whose clocks aren't moved, go on with what they have signed for an hour."""
    signature = sign(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))
    ports = {"Blob": storage.blob_port, "Queue": storage.queue_port, "Table": storage.table_port}

    clock.move(dt.timedelta(days=8))

    connection = http.client.HTTPConnection("127.0.0.1", ports[service], timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", f"/{ACCOUNT}{path}{signature}", headers={"Accept": "application/json"})
        with connection.getresponse() as answer:
            assert answer.status == 200, answer.read()


def test_clock_is_right_at_first(queue: QueueClient) -> None:
    """Until it is moved the clock is right."""
    sent = queue.send_message("now").inserted_on

    assert sent is not None
    assert abs(dt.datetime.now(dt.UTC) - sent) < dt.timedelta(minutes=1)


def test_poison_is_read_whole(storage: Azurite, queue: QueueClient) -> None:
    """More is read than a peek shows, with each message's expiry, and all of it is visible again."""
    for number in range(_MANY):
        queue.send_message(f"message {number}", time_to_live=-1 if number % 2 else 3600)

    first, second = read_all(storage.connection_string), read_all(storage.connection_string)

    assert sorted(each.text for each in first) == sorted(f"message {number}" for number in range(_MANY))
    assert [each.text for each in second] == [each.text for each in first]
    assert sum(each.stays for each in first) == _MANY / 2
    assert {(each.queue, each.assets, each.error) for each in first} == {("copy-poison", (), None)}


def test_other_queues_are_left_alone(storage: Azurite, queue: QueueClient) -> None:
    """Only poison queues are read."""
    with QueueServiceClient.from_connection_string(storage.connection_string) as service:
        for each in JUNK:
            service.create_queue(each.queue)
    queue.send_message("poison")

    litter(storage.connection_string)

    assert [each.text for each in read_all(storage.connection_string)] == ["poison"]


def test_a_message_is_lost(storage: Azurite, queue: QueueClient) -> None:
    """Sabotage takes one message that names assets, and no other."""
    texts = ["eyJhc3NldHMiOiBbeyJpdGVtIjogImkiLCAia2V5IjogImsifV19", "junk"]
    for each in texts:
        queue.send_message(each, time_to_live=-1)

    lose_message(storage.connection_string)

    assert [each.text for each in read_all(storage.connection_string)] == ["junk"]
