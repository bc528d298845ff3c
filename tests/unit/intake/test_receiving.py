"""What becomes of a call: documents, copy requests into the lane for events, failures, and its answer."""

import json
import logging
import tracemalloc
from datetime import timedelta
from typing import Any

import pytest

from shared.intake.receiving import Received, Refused
from shared.model.documents import ItemDocument
from shared.model.errors import (
    EventsNotTakenError,
    EventTooLargeError,
    MalformedEventError,
    StorageFailedError,
    UnknownDatasetError,
)
from shared.model.messages import Queue
from shared.storage.blobs import BlobPath
from shared.storage.items import Items
from tests.fakes.faults import Call, Faults, KilledError
from tests.unit.intake.payloads import cloud_event, collection, event_grid, stac_item
from tests.unit.intake.watching import taking
from tests.unit.intake.world import World
from tests.unit.model.builders import NOON, dataset

_COLLECTION = BlobPath(container="assets", name="demo/collections/s2.json")


def _files(*names: str, **values: Any) -> dict[str, Any]:
    return {"assets": [{"url": f"https://data.example.org/{name}", "size": 3, **values} for name in names]}


def _publishing(**parts: Any) -> World:
    return World(taking(publish={}, **parts))


async def test_a_file_is_asked_for() -> None:
    """One request in the lane for events, with the event's name and time, and the blob that the template names."""
    world = World(taking(destination={"container": "assets", "name": "in/{path}"}))

    received = await world.receive([event_grid()])

    (request,) = world.requests()
    assert received == Received(accepted=1, ignored=0, refused=())
    assert (request.dataset, request.cause[:6], len(request.cause)) == ("demo", "event-", 46)
    assert request.asked_at.isoformat() == "2024-06-01T10:00:00.958410+00:00"
    assert [each.name for each in request.assets] == ["in/deliveries/2024/a.tif"]


async def test_small_files_travel_together() -> None:
    """As those of a page do."""
    world = World(taking(policy={"bundle_assets": 2}))

    received = await world.receive(_files("a", "b", "c", "d", "e", item="one"))

    assert received.accepted == 5
    assert [len(each.assets) for each in world.requests()] == [2, 2, 1]


async def test_a_repeated_event_has_the_same_name() -> None:
    """Another body, another source or another identifier has another one; when it comes doesn't matter."""
    world = World(taking())
    bodies: list[Any] = [
        cloud_event(),
        cloud_event(id="2"),
        cloud_event(source="/elsewhere"),
        _files("a"),
        _files("b"),
    ]

    for _ in range(2):
        for each in bodies:
            await world.receive(each)
        world.clock.pass_by(timedelta(hours=1))

    causes = [each.cause for each in world.requests()]
    assert causes[:5] == causes[5:]
    assert len(set(causes)) == 5


async def test_a_time_that_is_still_to_come() -> None:
    """The event counts as one of now; so does one that has no time."""
    world = World(taking())

    await world.receive(cloud_event(time="2030-01-01T00:00:00Z"))
    await world.receive(_files("a"))

    assert [each.asked_at for each in world.requests()] == [NOON, NOON]


async def test_what_the_dataset_selects() -> None:
    """An event's items pass the same selection as those of a run; what isn't selected is counted as ignored."""
    world = World(taking(select={"exclude": ["thumb"], "datetime": "2024-01-01T00:00:00Z/.."}))
    old = stac_item("old", properties={"datetime": "2020-01-01T00:00:00Z"})

    received = await world.receive(collection(stac_item("new", "data", "thumb"), old))

    assert received == Received(accepted=1, ignored=1, refused=())
    assert [asset.key for each in world.requests() for asset in each.assets] == ["data"]


async def test_what_cant_be_copied_is_refused() -> None:
    """The failures table has it with the event's name, the sender is told, and the rest is asked for."""
    world = World(taking())
    items = collection(stac_item("good"), stac_item("bad", assets={"data": {"href": "ftp://data.example.org/?sig=s"}}))

    received = await world.receive(items)

    message = "the href is no https:// or http:// address (scheme 'ftp')"
    assert received == Received(
        accepted=1,
        ignored=0,
        refused=(Refused(item="s2/bad", key="data", error="UrlRefusedError", message=message),),
    )
    (request,) = world.requests()
    (failure,) = world.failures.rows.values()
    assert (failure.item, failure.key, failure.message) == ("s2/bad", "data", message)
    assert (failure.cause, failure.first_at) == (request.cause, NOON)


async def test_what_is_told_has_no_secret() -> None:
    """Names and reasons are redacted and short."""
    world = World(taking())
    urls = ["ftp://user:secret@data.example.org/a", f"file:///{'x' * 5000}?sig=secret"]

    received = await world.receive({"assets": [{"url": each} for each in urls]})

    told = received.model_dump_json()
    assert "secret" not in told
    assert all(len(each.message) <= 300 for each in received.refused)
    assert (received.accepted, len(received.refused)) == (0, 2)


async def test_as_many_assets_as_one_call_may_have() -> None:
    """One more is refused before anything is done, and the error says what to do."""
    world = World(taking(events={"max_assets": 3}))
    await world.receive(_files("a", "b", "c"))
    sent = len(world.queues.sent)

    several = [cloud_event(_files(*each), type="org.example.delivery") for each in ("ab", "cd")]
    bodies: list[Any] = [_files("a", "b", "c", "d"), {"assets": [{}, {}, {}, {}]}, several]
    for each in bodies:
        with pytest.raises(EventTooLargeError, match=r"4 assets .* events\.max_assets is 3: send fewer, or make a man"):
            await world.receive(each)

    assert (len(world.queues.sent), world.failures.rows) == (sent, {})


@pytest.mark.parametrize(
    "body",
    [
        {"assets": [1] * 100_000},
        {"type": "FeatureCollection", "features": [1] * 100_000},
        [{"eventType": "a"}, *[1] * 100_000],
        [{"specversion": "1.0"}, *[1] * 100_000],
        [cloud_event({"assets": [1] * 900}, type="org.example.delivery")] * 3,
    ],
    ids=["list", "collection", "event grid", "cloud events", "together"],
)
async def test_junk_isn_t_read_to_its_end(body: Any) -> None:
    """What is refused counts, too: half a million entries that are none would take seconds, and most of a memory."""
    world = World(taking())
    tracemalloc.start()
    try:
        with pytest.raises(EventTooLargeError, match=r"assets .*in one call, and events\.max_assets is 1000"):
            await world.receive(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 16 * 1024 * 1024
    assert (world.queues.sent, world.failures.rows) == ([], {})


async def test_several_events() -> None:
    """Each has its own name and time."""
    world = World(taking())

    received = await world.receive([event_grid(), event_grid(id="2", eventTime="2024-06-01T11:00:00Z")])

    assert received.accepted == 2
    assert len({each.cause for each in world.requests()}) == 2
    assert [each.asked_at.hour for each in world.requests()] == [10, 11]


async def test_a_dataset_without_events() -> None:
    """404 names the table to add."""
    world = World(dataset())

    with pytest.raises(EventsNotTakenError, match=r"demo takes no events; add \[datasets\.demo\.events\] to datasets"):
        await world.call(_files("a"))


async def test_a_dataset_that_isnt_there() -> None:
    """404 names those that are."""
    with pytest.raises(UnknownDatasetError, match="no dataset is called 'other'; these are defined: demo"):
        await World(taking()).call(_files("a"), dataset="other")


async def test_headers_of_any_case() -> None:
    """A header is the same in capitals."""
    world = World(taking())
    headers = {"CE-SpecVersion": "1.0", "Ce-Id": "1", "ce-type": "scene", "CE-SOURCE": "/a"}

    assert (await world.receive(stac_item(), headers=headers)).accepted == 1


async def test_what_is_no_event_does_nothing() -> None:
    """Nothing is written and nothing is sent."""
    world = World(taking())

    with pytest.raises(MalformedEventError):
        await world.call({"hello": "world"})

    assert (world.queues.sent, world.failures.rows) == ([], {})


class TestPublishing:
    """Items that come by events are published as those that a run finds."""

    async def test_documents_are_kept(self) -> None:
        """The request names the item's version, whose document has no secret."""
        world = _publishing()
        item = stac_item("001", assets={"data": {"href": "https://data.example.org/001/data.tif?sig=secret"}})

        await world.receive(item)

        ((version,),) = [each.items for each in world.requests()]
        kept = await Items(world.blobs).read("demo", "s2/001", version=version.version)
        assert (version.item, version.assets, kept.document and kept.document["id"]) == ("s2/001", 1, "001")
        assert b"secret" not in kept.encode()

    async def test_a_document_is_what_a_run_keeps(self) -> None:
        """Its version is the same, so that a run doesn't publish it anew."""
        world = _publishing()
        await world.receive(stac_item())

        (request,) = world.requests()
        document = ItemDocument.decode(
            next(body for path, body in world.blobs.bodies.items() if path.container == "items")
        )
        assert (request.assets, document.assets) == (document.assets, request.assets)

    async def test_no_catalog_is_asked(self) -> None:
        """A collection is published as it is known, where there is none yet, and looked at once in a process."""
        world = _publishing()
        world.catalog.collection_hangs = True
        faults = Faults()
        intake = world.intake(faults)

        await world.receive(stac_item("1"), intake=intake)
        await world.receive(stac_item("2"), intake=intake)

        assert json.loads(world.blobs.bodies[_COLLECTION])["id"] == "s2"
        assert world.catalog.asked_collections == []
        assert [call.args[0] for call in faults.calls if call.method == "look"] == [_COLLECTION]

    async def test_files_of_one_item(self) -> None:
        """The sender of a list says which files belong together: they are published when all of them are there."""
        world = _publishing()

        await world.receive(_files("a", "b", item="one"))

        assert [(each.item, each.assets) for request in world.requests() for each in request.items] == [("one", 2)]

    async def test_killed_before_a_request_was_sent(self) -> None:
        """Documents and failures are written by then: whoever brings the last asset publishes by them."""
        world = _publishing()
        bad = stac_item("bad", assets={"data": {"href": "ftp://data.example.org"}})

        def sends(call: Call) -> bool:
            return call.method == "send" and call.args[0] == Queue.COPY_LIVE

        with pytest.raises((KilledError, BaseExceptionGroup)):
            await world.call(collection(stac_item(), bad), faults=Faults(at=sends))

        assert any(path.container == "items" for path in world.blobs.bodies)
        assert len(world.failures.rows) == 1


async def test_a_queue_that_is_broken() -> None:
    """The sender isn't told 202, and what it sends again is the same event."""
    world = World(taking())
    world.queues.broken.add(Queue.COPY_LIVE)
    with pytest.raises(StorageFailedError):
        await world.call(_files("a"))
    world.queues.broken.clear()

    assert (await world.receive(_files("a"))).accepted == 1


async def test_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """One line for a call: what became of it, and how its events are called here and there."""
    world = World(taking())
    with caplog.at_level(logging.INFO, logger="shared.intake"):
        await world.receive([event_grid(id=f"{number}") for number in range(12)])

    (record,) = [each for each in caplog.records if each.name.startswith("shared.intake")]
    events = record.__dict__["events"]
    assert record.__dict__["action"] == "event_received"
    assert (record.__dict__["dataset"], record.__dict__["accepted"], record.__dict__["of"]) == ("demo", 12, 12)
    assert list(events.values()) == [each.cause for each in world.requests()][:10]
    assert list(events) == [str(number) for number in range(10)]
