"""What becomes of items and files that somebody asks for by hand."""

import asyncio
from typing import Any

import pytest

from shared.intake import AskingForCopies, Copies
from shared.model.datasets import Datasets
from shared.model.errors import (
    MalformedCatalogError,
    SourceUnavailableError,
    StorageFailedError,
    UnknownDatasetError,
    UnknownItemError,
)
from shared.model.items import CatalogAsset, CatalogItem, Page
from shared.model.messages import CopyRequest, Queue
from shared.model.rows import Failure
from shared.requesting import Documents
from shared.storage.items import Items
from tests.fakes import MemoryBlobs, MemoryFailures, MemoryQueues
from tests.fakes.catalogs import MemoryCatalog
from tests.fakes.faults import Faults
from tests.unit.intake.watching import MANIFEST, S3
from tests.unit.model.builders import NOON, dataset

_FILE = "https://data.example.org/a/b.tif"
_BUCKET = {
    "catalog": {"kind": "listing", "url": "s3://scenes/in/"},
    "source": S3,
    "allow": {"hosts": ["*.s3.us-west-2.amazonaws.com"]},
}


class World:
    """The dataset ``demo`` among fakes, and a catalog that has these items."""

    def __init__(self, *items: CatalogItem, **parts: Any) -> None:
        self.dataset = dataset(**parts)
        self.queues = MemoryQueues()
        self.failures = MemoryFailures()
        self.blobs = MemoryBlobs()
        self.catalog = MemoryCatalog({None: Page(items=items, next_token=None)})

    def use_case(self, faults: Faults | None = None) -> AskingForCopies:
        """The use case, whose calls may fail."""
        watch = (faults or Faults()).watch
        datasets = Datasets(datasets={"demo": self.dataset})
        queues, failures = watch(self.queues), watch(self.failures)
        documents = Documents(
            datasets,
            items=Items(watch(self.blobs)),
            queues=queues,
            failures=failures,
            catalog_of=lambda _: self.catalog,
            endpoint="https://account.example.org",
            clock=lambda: NOON,
        )
        return AskingForCopies(
            datasets=datasets,
            documents=documents,
            queues=queues,
            failures=failures,
            catalog_of=lambda _: self.catalog,
            clock=lambda: NOON,
            new_id=lambda began: f"{began:%Y%m%d}-1",
        )

    async def ask(self, *what: str) -> Copies:
        """Ask for items and files."""
        return await self.use_case().ask("demo", what)

    def requests(self) -> list[CopyRequest]:
        """Every copy request that was sent, all of them into the lane for events."""
        assert {each.queue for each in self.queues.sent} <= {Queue.COPY_LIVE}
        return [CopyRequest.decode(each.encode()) for each in self.queues.bodies(Queue.COPY_LIVE)]


def listed(name: str = "s2/T32", *keys: str) -> CatalogItem:
    assets = tuple(
        CatalogAsset(key=each, href=f"https://data.example.org/{each}.tif", size=3) for each in keys or ("B04",)
    )
    return CatalogItem(item=name, collection="s2", id=name.partition("/")[2], assets=assets)


async def test_an_item_is_asked_for_as_its_catalog_describes_it_now() -> None:
    """One request in the lane for events, by a cause of its own that no run and no event has."""
    world = World(listed("s2/T32", "B04", "B08"))

    told = await world.ask("s2/T32")

    (request,) = world.requests()
    assert told == Copies(dataset="demo", cause="asked-20240601-1", accepted=2, filtered=(), refused=())
    assert (request.cause, request.asked_at, [each.key for each in request.assets]) == (
        "asked-20240601-1",
        NOON,
        ["B04", "B08"],
    )
    assert world.catalog.asked_items == ["s2/T32"]


async def test_a_file_is_asked_for_by_its_href() -> None:
    """It is an item of its own, as an event's file is; named twice, it is asked for once."""
    world = World(catalog=MANIFEST)

    told = await world.ask(_FILE, _FILE)

    (request,) = world.requests()
    assert told.accepted == 1
    assert [(each.item, each.key, each.href, each.size) for each in request.assets] == [(_FILE, _FILE, _FILE, None)]


async def test_a_file_is_described_where_the_catalog_knows_it_by_its_href() -> None:
    """A listing has its size."""
    href = "s3://scenes/in/a.tif"
    asset = CatalogAsset(key=href, href=href, size=7)
    world = World(CatalogItem(item=href, id=href, assets=(asset,)), **_BUCKET)

    await world.ask(href)

    (request,) = world.requests()
    assert [(each.href, each.size) for each in request.assets] == [(href, 7)]


async def test_no_stac_catalog_is_asked_for_an_href() -> None:
    """Its items have other names; the file is taken as it is."""
    world = World(destination={"container": "assets", "name": "{dataset}/{path}"})

    await world.ask(_FILE)

    assert len(world.requests()) == 1
    assert world.catalog.asked_items == []


async def test_nothing_is_asked_for_where_an_item_is_unknown() -> None:
    """The error names the item and what to do instead."""
    world = World(listed())

    with pytest.raises(UnknownItemError, match=r"demo has no item 's2/T33' .* ask for files by their hrefs"):
        await world.ask("s2/T32", "s2/T33")

    assert world.queues.sent == []


@pytest.mark.parametrize(
    ("href", "parts", "message"),
    [
        ("https://elsewhere.org/a.tif", {}, "the host 'elsewhere.org' isn't in allow.hosts"),
        ("s3://scenes/out/a.tif", _BUCKET, "s3://scenes/in/) wouldn't list this file"),
        ("s3://scenes/a//b", _BUCKET, "a key has no empty part"),
        ("s3://scenes/a.tif", {}, "s3"),
        ("https://data.example.org:bad/a", {}, "malformed host or port"),
        ("https://data.example.org/\ud800", {}, "spaces, control characters"),
    ],
    ids=["host", "not listed", "key", "scheme", "port", "surrogate"],
)
async def test_a_file_that_cant_be_asked_for_is_refused(href: str, parts: dict[str, Any], message: str) -> None:
    """With its reason, which stands in the failures table, too; what else was named is asked for."""
    world = World(**{"catalog": MANIFEST, **parts})
    good = "s3://scenes/in/good.tif" if "source" in parts else _FILE

    told = await world.ask(href, good)

    (refused,) = told.refused
    failure = await world.failures.of("demo", refused.item, refused.key)
    assert (told.accepted, refused.error) == (1, "UrlRefusedError")
    assert message in refused.message
    assert isinstance(failure, Failure)
    assert (failure.error, failure.cause) == ("UrlRefusedError", told.cause)


async def test_no_refusal_shows_a_signature() -> None:
    """An href may be signed."""
    world = World(catalog=MANIFEST)

    told = await world.ask("https://elsewhere.org/a.tif?sv=1&sig=secret")

    assert "secret" not in told.model_dump_json()


async def test_an_item_that_the_dataset_leaves_out_is_told() -> None:
    """Its assets aren't selected, so nothing is asked for."""
    world = World(listed("s2/T32", "B04"), listed("s2/T33", "B08"), select={"include": ["B08"]})

    told = await world.ask("s2/T32", "s2/T33")

    assert (told.accepted, told.filtered, told.refused) == (1, ("s2/T32",), ())


async def test_a_document_is_kept_before_its_assets_are_asked_for() -> None:
    """Whoever brings the last asset publishes by it; a death in between asks for nothing."""
    world = World(listed("s2/T32", "B04"), publish={})

    await world.ask("s2/T32")
    (request,) = world.requests()

    (version,) = request.items
    document = await Items(world.blobs).read("demo", "s2/T32", version=version.version)
    assert [each.key for each in document.assets] == ["B04"]


async def test_a_queue_that_refuses_a_request_is_told() -> None:
    """Whoever asked has to ask again."""
    world = World(listed())
    world.queues.broken.add(Queue.COPY_LIVE)

    with pytest.raises(StorageFailedError):
        await world.ask("s2/T32")


async def test_what_a_catalog_raises_is_told() -> None:
    """Nothing is asked for."""
    world = World(listed())
    world.catalog.errors = [MalformedCatalogError("no item")]

    with pytest.raises(MalformedCatalogError, match="no item"):
        await world.ask("s2/T32")

    assert world.queues.sent == []


async def test_a_catalog_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a minute, here none."""
    world = World(listed())
    world.catalog.hangs = True
    monkeypatch.setattr("shared.intake.copies._ITEM_SECONDS", 0)

    async with asyncio.timeout(5):
        with pytest.raises(SourceUnavailableError, match="no item within 0 s"):
            await world.ask("s2/T32")


async def test_an_unknown_dataset_has_no_copies() -> None:
    """The error names those that there are."""
    with pytest.raises(UnknownDatasetError, match="demo"):
        await World().use_case().ask("gone", ["s2/T32"])
