"""What discovery keeps of items that are to be published, and which it asks to be published at once."""

import dataclasses
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.model.documents import ItemDocument
from shared.model.errors import SourceRefusedError, SourceUnavailableError
from shared.model.items import CatalogAsset, CatalogCollection, CatalogItem, Refusal
from shared.model.messages import PageRequest, PublishRequest, Queue
from shared.publishing import Publishing
from shared.storage.blobs import BlobPath, Content
from shared.storage.items import Items
from tests.fakes.catalogs import paged
from tests.fakes.faults import Call, Faults, KilledError
from tests.unit.discovery.world import START, World, asset, item

SECRET = "https://data.example.org/001/data.tif?sig=secret"
COLLECTION = BlobPath(container="assets", name="demo/collections/s2.json")


def listed(name: str, *keys: str, **members: Any) -> CatalogItem:
    """An item with a document."""
    found = item(name, *keys)
    document: dict[str, Any] = {
        "type": "Feature",
        "id": name,
        "collection": "s2",
        "properties": {},
        "assets": {each.key: {"href": f"{each.href}?sig=secret"} for each in found.assets},
        "links": [],
        **members,
    }
    return dataclasses.replace(found, document=document, address="https://stac.example.org/search")


def world(*items: CatalogItem, size: int = 10, **publish: Any) -> World:
    return World(paged(items, size=size), publish=publish)


def versions(world: World) -> dict[str, str]:
    """The versions that copy requests name, by their items."""
    return {each.item: each.version for request in world.requests() for each in request.items}


def asked(world: World) -> list[PublishRequest]:
    return [PublishRequest.decode(each.encode()) for each in world.queues.bodies(Queue.PUBLISH)]


async def documents(world: World) -> dict[str, ItemDocument]:
    """What is kept of the items that copy requests name."""
    items = Items(world.blobs)
    return {name: await items.read("demo", name, version=each) for name, each in versions(world).items()}


async def kill(world: World, request: PageRequest, *, at: Callable[[Call], bool]) -> None:
    """Hand a page to a process that is killed before this call, which others may stand beside."""
    with pytest.raises((KilledError, BaseExceptionGroup)):
        await world.deliver(request, faults=Faults(at=at))


async def publish(world: World) -> None:
    """Deliver what was asked to be published."""
    publishing = Publishing(
        datasets=world.datasets,
        ledger=world.ledger,
        failures=world.failures,
        items=Items(world.blobs),
        queues=world.queues,
        endpoint="https://account.example.org",
        clock=world.clock,
    )
    for each in world.queues.bodies(Queue.PUBLISH):
        await publishing.deliver(each.encode())


async def test_documents_are_kept() -> None:
    """A copy request names its item, the document of it and how many assets it has; the document has no secret."""
    one = world(listed("001", "a", "b"))

    await one.deliver(await one.begin())

    first, second = (each.items for each in one.requests())
    (kept,) = (await documents(one)).values()
    assert [(each.item, each.assets) for each in first] == [("s2/001", 2)]
    assert first == second
    assert kept.assets == (asset("001", "a"), asset("001", "b"))
    assert (kept.document or {})["assets"] == {
        key: {"href": f"https://data.example.org/001/{key}.tif"} for key in ("a", "b")
    }
    assert not any(b"secret" in each for each in one.blobs.bodies.values())


async def test_documents_are_kept_before_requests_are_sent() -> None:
    """A process that dies before its first request has kept them; the page that comes again names the same."""
    one = world(listed("001"), listed("002"))
    request = await one.begin()

    await kill(one, request, at=lambda call: call.method == "send" and call.args[0] == Queue.COPY)
    kept = {path.name for path in one.blobs.blobs if path.container == "items"}
    one.catalog.pages = {}
    await one.deliver(request)

    assert {f"demo/s2%2F00{number}/{versions(one)[f's2/00{number}']}.json" for number in (1, 2)} == kept


@pytest.mark.parametrize("method", ["put", "keep", "look"])
async def test_killed_on_the_way(method: str) -> None:
    """Killed anywhere, the page that comes again keeps what is missing and asks for everything."""
    one = world(listed("001"), listed("002"))
    request = await one.begin()

    await kill(one, request, at=lambda call: call.method == method)
    await one.deliver(request)

    assert versions(one).keys() == (await documents(one)).keys() == {"s2/001", "s2/002"}


async def test_pages_keep_versions_only() -> None:
    """A kept page isn't longer for its documents."""
    one = world(listed("001", text="x" * 10_000))

    await one.deliver(await one.begin())

    (page,) = one.runs.pages.values()
    assert page.items[0].version == versions(one)["s2/001"]
    assert len(page.model_dump_json()) < 2000


async def test_a_dataset_that_does_not_publish() -> None:
    """Nothing is kept, and requests are as they were."""
    one = World(paged([listed("001")], size=1))

    await one.deliver(await one.begin())

    assert [path.container for path in one.blobs.blobs] == []
    assert [each.items for each in one.requests()] == [()]
    assert one.catalog.asked_collections == []


async def test_items_without_documents() -> None:
    """Assets that belong together get a record; one that is its own item is published by its blob."""
    href = "https://data.example.org/x.tif"
    lone = CatalogItem(item=href, id=href, assets=(CatalogAsset(key=href, href=href),))
    catalog = {"kind": "manifest", "url": "https://stac.example.org/list.csv"}
    one = World(
        paged([CatalogItem(item="001", id="001", assets=item("001", "a", "b").assets), lone], size=2),
        publish={},
        catalog=catalog,
    )

    await one.deliver(await one.begin())

    kept = await documents(one)
    assert {name: each.document for name, each in kept.items()} == {"001": None}
    assert len(one.keys()) == 3


@pytest.mark.parametrize(
    ("on_failure", "keys"), [("hold", None), ("publish_without", ("bad",)), ("keep_href", ("bad",))]
)
async def test_assets_that_are_refused(on_failure: str, keys: tuple[str, ...] | None) -> None:
    """An item with an asset that can't ever come is held, or knows which that is; one that isn't selected is none."""
    page = paged([listed("001")], size=1)[None]
    refusals = tuple(
        Refusal.of(SourceRefusedError("no"), item=name, key=key)
        for name, key in (("s2/001", "bad"), ("s2/001", "left-out"), ("s2/001", ""), ("s2/002", "bad"))
    )
    one = World(
        {None: dataclasses.replace(page, refusals=refusals)},
        publish={"on_failure": on_failure},
        select={"exclude": ["left-*"]},
    )

    await one.deliver(await one.begin())

    kept = await documents(one)
    assert [each.refused for each in kept.values()] == ([keys] if keys else [])
    assert one.keys() == [("s2/001", "data")]


async def test_an_item_that_can_have_no_name() -> None:
    """Its assets are copied, and the failures table says why it isn't published."""
    found = CatalogItem(item="T32", id="T32", assets=item("T32").assets, document={"id": "T32"}, address="")
    one = World(paged([found], size=1), publish={}, destination={"container": "assets", "name": "{item}/{key}"})

    await one.deliver(await one.begin())

    assert (versions(one), one.keys()) == ({}, [("T32", "data")])
    assert [(each.item, each.error) for each in one.failures.rows.values()] == [("T32", "BadNameError")]


async def test_collections() -> None:
    """A collection stands beside its items, unsigned; a run that finds another edition of it replaces it."""
    one = world(listed("001"))
    one.catalog.collections["s2"] = CatalogCollection(document={"id": "s2", "a": SECRET}, address="https://h/s2")
    await one.deliver(await one.begin())
    first = json.loads(one.blobs.bodies[COLLECTION])

    one.catalog.collections["s2"] = CatalogCollection(document={"id": "s2", "b": 1}, address="https://h/s2")
    await one.deliver(await one.begin(run="run-2"))
    second = json.loads(one.blobs.bodies[COLLECTION])

    own = "https://account.example.org/assets/demo/collections/s2.json"
    links = [{"rel": rel, "href": own, "type": "application/json"} for rel in ("self", "root")]
    assert first == {"id": "s2", "a": SECRET.partition("?")[0], "links": links}
    assert second == {"id": "s2", "b": 1, "links": links}


async def test_a_collection_is_asked_for_once_in_a_process() -> None:
    """Later pages of the run don't ask again; another run does."""
    one = world(listed("001"), listed("002"), size=1)
    discovery = one.discovery()

    for run in ("run-1", "run-2"):
        await discovery.deliver((await one.begin(run=run)).encode().encode())
        await discovery.deliver(one.pages()[-1].encode().encode())

    assert one.catalog.asked_collections == ["s2", "s2"]


async def test_a_collection_that_cannot_be_read() -> None:
    """One is made up, which takes the place of none that was read before."""
    one = world(listed("001"))
    one.catalog.collections["s2"] = CatalogCollection(document={"id": "s2", "title": "S2"}, address="https://h/s2")
    await one.deliver(await one.begin())
    there = one.blobs.bodies[COLLECTION]

    one.catalog.collections.clear()
    await one.deliver(await one.begin(run="run-2"))
    other = world(listed("001"))
    await other.deliver(await other.begin())

    assert one.blobs.bodies[COLLECTION] == there
    assert json.loads(other.blobs.bodies[COLLECTION])["type"] == "Collection"


@pytest.mark.parametrize(
    ("error", "is_put_off"), [(SourceUnavailableError("503"), True), (SourceRefusedError("403"), False)]
)
async def test_a_collection_whose_host_is_in_trouble(error: Exception, is_put_off: bool) -> None:  # noqa: FBT001 - a case
    """The page is put off where its host has to be waited for; else the collection counts as unknown."""
    one = world(listed("001"))
    one.catalog.collection_errors = [error]

    await one.deliver(await one.begin())

    assert (one.requests() == [], one.pages() != []) == (is_put_off, is_put_off)


async def test_a_collection_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up in time, and the page put off."""
    monkeypatch.setattr("shared.requesting.documents._COLLECTION_SECONDS", 0)
    one = world(listed("001"))
    one.catalog.collection_hangs = True

    await one.deliver(await one.begin())

    assert (one.requests(), len(one.pages())) == ([], 1)


async def test_a_name_that_is_taken_by_another_blob() -> None:
    """Nothing is written over; the failures table says what to change."""
    one = world(listed("001"))
    await one.blobs.put(COLLECTION, (b"x",), content=Content(md5=None, media_type="text/plain", metadata={}))

    await one.deliver(await one.begin())

    assert one.blobs.bodies[COLLECTION] == b"x"
    assert [(each.item, each.error) for each in one.failures.rows.values()] == [("s2", "NameTakenError")]


async def test_what_is_there_is_asked_to_be_published() -> None:
    """What was copied before its dataset published is published by the next run, and by no run after that."""
    one = world(listed("001", "a", "b"), listed("002"))
    await one.bring(asset("001", "a"), asset("001", "b"), cause="run-0")

    await one.deliver(await one.begin())
    (request,) = asked(one)
    await publish(one)
    one.clock.pass_by(timedelta(days=1))
    await one.deliver(await one.begin(run="run-2", began_at=one.clock()))

    assert (request.item, request.asked_at) == ("s2/001", START)
    assert asked(one) == [request]
    assert BlobPath(container="assets", name="demo/items/s2/001.json") in one.blobs.blobs


async def test_another_version_is_asked_to_be_published() -> None:
    """An item whose document alone has changed is published anew, and nothing is copied."""
    one = world(listed("001"))
    await one.bring(asset("001"), cause="run-0")
    await one.deliver(await one.begin())
    await publish(one)

    one.catalog.pages = dict(paged([listed("001", properties={"title": "new"})], size=1))
    one.clock.pass_by(timedelta(days=1))
    await one.deliver(await one.begin(run="run-2", began_at=one.clock()))
    await publish(one)

    published = json.loads(one.blobs.bodies[BlobPath(container="assets", name="demo/items/s2/001.json")])
    assert (one.keys(), len(asked(one)), published["properties"]["title"]) == ([], 2, "new")


async def test_a_taken_name_is_told_by_who_publishes() -> None:
    """Discovery doesn't judge: it asks."""
    one = world(listed("001"))
    await one.bring(asset("001"), cause="run-0")
    path = BlobPath(container="assets", name="demo/items/s2/001.json")
    await one.blobs.put(path, (b"x",), content=Content(md5=None, media_type="text/plain", metadata={}))

    await one.deliver(await one.begin())

    assert [each.item for each in asked(one)] == ["s2/001"]


async def test_an_old_page() -> None:
    """A page that was kept before its dataset published is worked as it was."""
    one = World(paged([listed("001")], size=1))
    request = await one.begin()
    await kill(one, request, at=lambda call: call.method == "send" and call.args[0] == Queue.COPY)
    published = world(listed("001"))
    published.runs, published.queues = one.runs, one.queues

    await published.deliver(request)

    assert (versions(published), published.keys()) == ({}, [("s2/001", "data")])


async def test_requests_of_one_item() -> None:
    """Each of an item's requests says how many assets the whole item has."""
    one = world(listed("001", *(f"k{number}" for number in range(5))), listed("002"))
    one.datasets.datasets["demo"] = one.datasets.named("demo").model_copy(
        update={"policy": one.datasets.named("demo").policy.model_copy(update={"bundle_assets": 2})}
    )

    await one.deliver(await one.begin())

    found = [(each.item, each.assets) for request in one.requests() for each in request.items]
    assert found == [*([("s2/001", 5)] * 5), ("s2/002", 1)]
