"""One item that may be whole: published exactly when nothing of it is missing, and never over a newer one."""

import dataclasses
import itertools
import json
from datetime import datetime, timedelta
from typing import Any, override

import pytest

from shared.model.assets import Asset
from shared.model.datasets import Datasets
from shared.model.documents import ItemDocument
from shared.model.errors import DestinationContendedError, StorageFailedError
from shared.model.messages import PublishRequest, Queue
from shared.model.publishing import Publish
from shared.model.rows import Failure, LedgerRow
from shared.publishing import Publishing
from shared.storage.blobs import Blob, BlobPath, Content
from shared.storage.items import Items
from shared.storage.ledger import Write
from tests.fakes import MemoryBlobs, MemoryFailures, MemoryLedger, MemoryQueues
from tests.unit.model.builders import NOON, asset, dataset

PATH = BlobPath(container="assets", name="demo/items/s2/T32.json")
ENDPOINT = "https://account.example.org"
HOUR = timedelta(hours=1)
ONE, TWO = asset(key="one", name="s2/one"), asset(key="two", name="s2/two")


class World:
    """The stores, and what stands in them."""

    def __init__(self, blobs: MemoryBlobs | None = None, **publish: Any) -> None:
        self.blobs = blobs or MemoryBlobs()
        self.items = Items(self.blobs)
        self.ledger = MemoryLedger()
        self.failures = MemoryFailures()
        self.queues = MemoryQueues()
        self.datasets = Datasets(datasets={"demo": dataset(publish=publish)})

    @property
    def publishing(self) -> Publishing:
        """The use case."""
        return Publishing(
            datasets=self.datasets,
            ledger=self.ledger,
            failures=self.failures,
            items=self.items,
            queues=self.queues,
            endpoint=ENDPOINT,
            clock=lambda: NOON + HOUR,
        )

    async def keep(self, *assets: Asset, title: str = "", updated: datetime | None = None, **values: Any) -> str:
        """Keep a document of the item with these assets; returns its version."""
        properties = {"title": title, **({"updated": updated.isoformat()} if updated else {})}
        found: dict[str, Any] = {
            "type": "Feature",
            "id": "T32",
            "collection": "s2",
            "properties": properties,
            "assets": {each.key: {"href": each.href} for each in assets},
            "links": [],
        }
        given: dict[str, Any] = {"document": found, "address": "", "publish": Publish(), **values}
        return await self.items.keep("demo", ItemDocument(item="s2/T32", assets=assets or (ONE, TWO), **given))

    async def bring(self, *assets: Asset, **values: Any) -> None:
        """Let the ledger say that these assets are there."""
        for each in assets:
            there = self.ledger.entries.get(("demo", each.identity))
            write = Write(row=row(each, **values), replaces=there.etag if there else None)
            assert not await self.ledger.record([write])

    async def fail(self, each: Asset, *, at: datetime = NOON + HOUR, fate: str = "poison") -> None:
        """Let the failures table say that an asset failed."""
        failure = Failure(
            dataset="demo",
            item=each.item,
            key=each.key,
            href=each.href,
            error="AssetNotFoundError",
            fate=fate,
            message="404",
            host="",
            cause="run-1",
            first_at=at,
            last_at=at,
        )
        await self.failures.record([failure])

    async def deliver(self, version: str, *, asked_at: datetime = NOON) -> None:
        """Deliver a request to publish the item."""
        request = PublishRequest(dataset="demo", item="s2/T32", version=version, asked_at=asked_at)
        await self.publishing.deliver(request.encode().encode())

    @property
    def title(self) -> str | None:
        """Which document is published."""
        return self.published["properties"]["title"] if PATH in self.blobs.bodies else None

    @property
    def published(self) -> dict[str, Any]:
        """What is published."""
        return json.loads(self.blobs.bodies[PATH])

    @property
    def poison(self) -> list[dict[str, Any]]:
        """Requests that failed for good."""
        return [json.loads(each) for each in self.queues.bodies(Queue.PUBLISH.poison)]


def row(each: Asset, **values: Any) -> LedgerRow:
    given: dict[str, Any] = {
        "dataset": "demo",
        "item": each.item,
        "key": each.key,
        "href": each.href,
        "container": "assets",
        "blob": each.name,
        "etag": '"1"',
        "length": 7,
        "digests": ("md5:" + "0" * 32,),
        "verified_by": "none",
        "description": each.description,
        "described_at": NOON,
        "cause": "run-1",
        "completed_at": NOON,
    }
    return LedgerRow(**{**given, **values})


async def test_a_whole_item() -> None:
    """It is published, with hrefs that lead to its blobs."""
    world = World()
    version = await world.keep(ONE, TWO)
    await world.bring(ONE, TWO)

    await world.deliver(version)

    hrefs = {key: each["href"] for key, each in world.published["assets"].items()}
    assert hrefs == {"one": f"{ENDPOINT}/assets/s2/one", "two": f"{ENDPOINT}/assets/s2/two"}
    assert world.blobs.contents[PATH].media_type == "application/geo+json"
    assert world.queues.sent == []


async def test_an_item_without_a_document() -> None:
    """Its record is plain JSON."""
    world = World()
    version = await world.keep(ONE, document=None)
    await world.bring(ONE)

    await world.deliver(version)

    assert world.published["assets"].keys() == {"one"}
    assert world.blobs.contents[PATH].media_type == "application/json"


@pytest.mark.parametrize("which", ["absent", "another description", "refused"])
async def test_an_item_that_waits(which: str) -> None:
    """Without a row of just this description of every selected asset, nothing is published and nothing is wrong."""
    world = World()
    version = await world.keep(ONE, TWO, refused=("mask",) if which == "refused" else ())
    await world.bring(ONE, *([TWO] if which == "refused" else []))
    if which == "another description":
        await world.bring(TWO, description="another")

    await world.deliver(version)

    assert (world.title, world.queues.sent) == (None, [])


async def test_an_asset_that_was_described_anew() -> None:
    """A row that was asked for by this description stands for it, though the catalog had another one a moment later."""
    world = World()
    version = await world.keep(ONE)
    await world.bring(ONE, description="anew", instead_of=ONE.description)

    await world.deliver(version)

    assert world.title == ""


async def test_again() -> None:
    """A repeated message writes nothing."""
    world = World()
    version = await world.keep(ONE)
    await world.bring(ONE)
    await world.deliver(version)
    there = world.blobs.blobs[PATH]

    await world.deliver(version, asked_at=NOON + HOUR)

    assert world.blobs.blobs[PATH] == there


async def test_an_asset_that_was_copied_anew() -> None:
    """The same version is written again where other bytes stand under the same description."""
    world = World()
    version = await world.keep(ONE)
    await world.bring(ONE)
    await world.deliver(version)

    await world.bring(ONE, length=8, cause="run-2")
    await world.deliver(version)

    assert world.published["assets"]["one"]["file:size"] == 8


async def test_a_late_request_for_what_is_published() -> None:
    """An older request for the same document doesn't make it older, so one that was asked for in between stays away."""
    world = World()
    first, second = await world.keep(ONE, title="first"), await world.keep(ONE, title="second")
    await world.bring(ONE)
    await world.deliver(first, asked_at=NOON + 2 * HOUR)
    await world.bring(ONE, length=8, cause="run-2")
    await world.deliver(first, asked_at=NOON)

    await world.deliver(second, asked_at=NOON + HOUR)

    assert (world.title, world.published["assets"]["one"]["file:size"]) == ("first", 8)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("by_time", [True, False])
async def test_versions_in_any_order(order: tuple[int, ...], by_time: bool) -> None:  # noqa: FBT001 - a case
    """In whatever order versions come, the newest stands: by the catalog's time, or by who asked last."""
    world = World()
    await world.bring(ONE)
    versions = [
        await world.keep(ONE, title=str(number), updated=NOON + number * HOUR if by_time else None)
        for number in range(3)
    ]

    for number in order:
        await world.deliver(versions[number], asked_at=NOON if by_time else NOON + number * HOUR)

    assert world.title == "2"


@pytest.mark.parametrize(
    ("on_failure", "hrefs"),
    [
        ("publish_without", {"one": f"{ENDPOINT}/assets/s2/one"}),
        ("keep_href", {"one": f"{ENDPOINT}/assets/s2/one", "two": TWO.href}),
        ("hold", None),
    ],
)
async def test_an_asset_that_failed_for_good(on_failure: str, hrefs: dict[str, str] | None) -> None:
    """The dataset says what becomes of its item."""
    world = World(on_failure=on_failure)
    version = await world.keep(ONE, TWO)
    await world.bring(ONE)
    await world.fail(TWO)

    await world.deliver(version)

    found = world.published["assets"] if PATH in world.blobs.bodies else None
    assert (found and {key: each["href"] for key, each in found.items()}) == hrefs


@pytest.mark.parametrize("which", ["older", "retried", "none"])
async def test_an_asset_that_may_still_come(which: str) -> None:
    """A failure that is older than the description, or isn't for good, settles nothing."""
    world = World(on_failure="publish_without")
    version = await world.keep(ONE, TWO)
    await world.bring(ONE)
    if which != "none":
        await world.fail(
            TWO, at=NOON - HOUR if which == "older" else NOON, fate="retry" if which == "retried" else "poison"
        )

    await world.deliver(version)

    assert world.title is None


async def test_a_failure_that_was_mended_since() -> None:
    """A failure of a version that was copied later says nothing of the next version, whenever that is dated."""
    world = World(on_failure="publish_without")
    await world.fail(TWO, at=NOON + HOUR)
    await world.bring(TWO, completed_at=NOON + 2 * HOUR)
    anew = TWO.model_copy(update={"checksum": "md5:" + "1" * 32})
    version = await world.keep(ONE, anew)
    await world.bring(ONE)

    await world.deliver(version)

    assert world.title is None


async def test_an_asset_that_comes_after_all() -> None:
    """Published without it, an item is published with it once it is there."""
    world = World(on_failure="publish_without")
    version = await world.keep(ONE, TWO)
    await world.bring(ONE)
    await world.fail(TWO)
    await world.deliver(version)

    await world.bring(TWO)
    await world.deliver(version)

    assert world.published["assets"].keys() == {"one", "two"}


async def test_a_dataset_that_does_not_publish_any_more() -> None:
    """Nothing is published."""
    world = World()
    version = await world.keep(ONE)
    await world.bring(ONE)
    world.datasets = Datasets(datasets={"demo": dataset()})

    await world.deliver(version)

    assert (world.title, world.queues.sent) == (None, [])


async def test_junk() -> None:
    """What is no message of ours goes to the poison queue as it is."""
    world = World()

    await world.publishing.deliver(b'{"kind": "publish"}\xff')

    assert world.queues.bodies(Queue.PUBLISH.poison) == ['{"kind": "publish"}\\xff']


@pytest.mark.parametrize(
    ("change", "error"),
    [({"dataset": "other"}, "UnknownDatasetError"), ({"version": "0" * 64}, "MalformedRequestError")],
)
async def test_messages_that_fit_nothing(change: dict[str, str], error: str) -> None:
    """A message of an unknown dataset, or of a document that isn't kept, goes to the poison queue with its reason."""
    world = World()
    request = PublishRequest(dataset="demo", item="s2/T32", version="1" * 64, asked_at=NOON).model_copy(update=change)

    await world.publishing.deliver(request.encode().encode())

    assert [each["reason"]["error"] for each in world.poison] == [error]
    assert {**world.poison[0], "reason": None} == {**json.loads(request.encode()), "reason": None}


@pytest.mark.parametrize(
    "said", [{"asked_at": "yesterday"}, {"asked_at": ""}, {"updated": "0001-01-01T00:00:00+14:00"}]
)
async def test_an_edition_that_nobody_can_tell(said: dict[str, str]) -> None:
    """A published item whose metadata somebody has changed stays: whether it is older, nobody knows."""
    world = World()
    await world.bring(ONE, TWO)
    await world.deliver(await world.keep(title="first"))
    there = world.blobs.blobs[PATH]
    changed = {f"sluice_{name}": value for name, value in said.items()}
    world.blobs.blobs[PATH] = dataclasses.replace(there, metadata={**there.metadata, **changed})

    await world.deliver(await world.keep(title="second"))

    assert world.title == "first"
    assert [each["reason"]["error"] for each in world.poison] == ["NameTakenError"]
    assert "delete this blob, and redrive" in world.poison[0]["reason"]["message"]


async def test_times_without_a_zone() -> None:
    """An edition's times are in UTC where somebody has taken their zone away."""
    world = World()
    await world.bring(ONE, TWO)
    await world.deliver(await world.keep(title="first"))
    there = world.blobs.blobs[PATH]
    changed = {"sluice_asked_at": NOON.replace(tzinfo=None).isoformat()}
    world.blobs.blobs[PATH] = dataclasses.replace(there, metadata={**there.metadata, **changed})

    await world.deliver(await world.keep(title="second"), asked_at=NOON + HOUR)

    assert (world.title, world.poison) == ("second", [])


async def test_a_name_that_is_taken() -> None:
    """An asset's blob isn't written over: the request goes to the poison queue with its reason."""
    world = World()
    version = await world.keep(ONE)
    await world.bring(ONE)
    await world.blobs.put(PATH, (b"tiff",), content=Content(md5=None, media_type="image/tiff", metadata={}))

    await world.deliver(version)

    assert [each["reason"]["error"] for each in world.poison] == ["NameTakenError"]
    assert world.blobs.bodies[PATH] == b"tiff"


async def test_storage_that_fails() -> None:
    """What is worth a retry is raised."""
    world = World()
    world.queues.broken = {Queue.PUBLISH.poison}

    with pytest.raises(StorageFailedError):
        await world.publishing.deliver(b"junk")


class _Overtaken(MemoryBlobs):
    """Somebody else publishes right after each look, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times
        self.world: World | None = None
        self.version = ""

    @override
    async def look(self, path: BlobPath) -> Blob | None:
        found = await super().look(path)
        if self.times and self.world is not None:
            self.times, times = 0, self.times - 1
            await self.world.bring(ONE, length=10 + times, cause=f"run-{times}")
            await self.world.deliver(self.version)
            self.times = times
        return found


async def test_two_that_publish_at_once() -> None:
    """Who knew less than the other loses its write, and decides anew by what the ledger has now."""
    blobs = _Overtaken(1)
    world = World(blobs)
    blobs.version = await world.keep(ONE)
    await world.bring(ONE)
    blobs.world = world

    await world.deliver(blobs.version)

    assert world.published["assets"]["one"]["file:size"] == 10


async def test_somebody_who_publishes_again_and_again() -> None:
    """It is given up after some rounds, and the runtime retries."""
    blobs = _Overtaken(3)
    world = World(blobs)
    blobs.version = await world.keep(ONE)
    await world.bring(ONE)
    blobs.world = world

    with pytest.raises(DestinationContendedError):
        await world.deliver(blobs.version)
