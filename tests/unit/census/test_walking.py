"""A catalog from beginning to end, without a run."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.catalogs.reader import CatalogReader
from shared.census import walking
from shared.census.walking import Walk
from shared.model.errors import (
    AssetNotFoundError,
    MalformedCatalogError,
    SourceChangedError,
    SourceThrottledError,
    SourceUnavailableError,
    TokenRefusedError,
)
from shared.model.items import CatalogAsset, CatalogItem, Page
from tests.fakes.catalogs import MemoryCatalog, paged
from tests.fakes.live_catalog import LiveCatalog
from tests.unit.census.world import CountedWorld
from tests.unit.discovery.world import START, item, items
from tests.unit.model.builders import dataset

_CAP = 10


class _Walked:
    """A walk that was gone to its end, and what came of it."""

    def __init__(self, reader: CatalogReader, **parts: Any) -> None:
        self.waits: list[float] = []
        self.names: list[str] = []
        self.walk = Walk(reader, dataset_name="s2", dataset=dataset(**parts), now=START, sleep=self._wait)

    async def go(self) -> "_Walked":
        async for walked in self.walk.pages():
            self.names += [each.item.removeprefix("s2/") for each in walked.planned.items]
        return self

    async def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)


def _ring(tokens: Mapping[str | None, str]) -> MemoryCatalog:
    """Pages, each with one item, that lead to these tokens."""
    return MemoryCatalog({token: Page(items=tuple(items(1)), next_token=each) for token, each in tokens.items()})


def _capped(**parts: Any) -> Mapping[str, Any]:
    return {"catalog": {"kind": "stac", "url": "https://stac.example.org", "result_cap": _CAP}, **parts}


def _dated(count: int, *, step: timedelta = timedelta(days=1)) -> list[CatalogItem]:
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    made = [item(f"{number:03}") for number in range(count)]
    return [
        CatalogItem(item=each.item, collection="s2", id=each.id, datetime=begin + number * step, assets=each.assets)
        for number, each in enumerate(made)
    ]


async def test_all_pages_are_walked() -> None:
    """Every page once, in the catalog's order."""
    walked = await _Walked(MemoryCatalog(paged(items(5), size=2))).go()

    assert (walked.names, walked.walk.broken, walked.waits) == (["000", "001", "002", "003", "004"], None, [])


async def test_a_page_that_fails_is_read_again() -> None:
    """What the host asks for is kept to, within bounds; else the waits double."""
    catalog = MemoryCatalog(paged(items(1), size=2))
    catalog.errors = [
        SourceThrottledError("429", retry_after=timedelta(seconds=7)),
        SourceUnavailableError("503"),
        SourceThrottledError("429", retry_after=timedelta(hours=1)),
    ]

    walked = await _Walked(catalog).go()

    assert (walked.names, walked.waits) == (["000"], [7, 4, 120])


async def test_a_catalog_that_cant_be_reached_ends_the_walk() -> None:
    """After a few tries its error is raised: nothing can be said of anything."""
    catalog = MemoryCatalog({})
    catalog.errors = [SourceUnavailableError("503") for _ in range(5)]

    with pytest.raises(SourceUnavailableError):
        await _Walked(catalog).go()

    assert len(catalog.errors) == 1


async def test_a_page_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that never comes is a catalog that can't be reached."""
    catalog = MemoryCatalog({})
    catalog.hangs = True
    monkeypatch.setattr(walking, "_PAGE_SECONDS", 0)

    with pytest.raises(SourceUnavailableError, match="no whole page"):
        await _Walked(catalog).go()

    assert len(catalog.asked) == 4


@pytest.mark.parametrize("error", [MalformedCatalogError("no JSON"), AssetNotFoundError("404")])
async def test_a_page_that_cant_ever_be_read(error: Exception) -> None:
    """It ends the walk, and why is said."""
    catalog = MemoryCatalog(paged(items(4), size=2))
    walked = _Walked(catalog)

    async for _ in walked.walk.pages():
        catalog.errors.append(error)

    assert (walked.walk.broken, walked.waits) == (f"{type(error).__name__}: {error}", [])


@pytest.mark.parametrize("error", [SourceChangedError("412"), TokenRefusedError("400")])
async def test_a_catalog_that_changed_is_read_anew(error: Exception) -> None:
    """The pages before are forgotten, what they refused among them."""
    world = CountedWorld(*items(4))
    bad = CatalogItem(item="s2/bad", collection="s2", id="bad", assets=(CatalogAsset(key="x", href="ftp://a/b"),))
    world.offer(item("000"), bad, *items(2))
    world.failing["page-1"] = [error]
    world.at_failure = lambda: world.offer(*items(3)[1:])

    assert await world.lines() == ["+ 001/data/data.tif", "+ 002/data/data.tif"]


async def test_a_catalog_that_changes_again_and_again() -> None:
    """After a few passes the census goes on with what it has, and says so."""
    world = CountedWorld(*items(4))
    world.failing["page-1"] = [SourceChangedError("412") for _ in range(3)]

    found, tally = await world.take()

    assert tally.broken == "SourceChangedError: 412, in each of 3 passes"
    assert [each.mark.value for each in found] == ["+", "+"]


@pytest.mark.parametrize(
    "tokens",
    [
        {None: "a", "a": "a"},
        {None: "a", "a": "b", "b": "a"},
        {None: "a", "a": "b", "b": "c", "c": "d", "d": "e", "e": "c"},
    ],
    ids=["itself", "two", "three"],
)
async def test_a_catalog_that_leads_in_a_circle(tokens: Mapping[str | None, str]) -> None:
    """It is left after a few times round."""
    catalog = _ring(tokens)

    walked = await _Walked(catalog).go()

    assert walked.walk.broken is not None
    assert walked.walk.broken.startswith("EndlessCatalogError")
    assert len(catalog.asked) <= 4 * len(tokens)


@pytest.mark.parametrize("states", [True, False], ids=["stated", "not stated"])
@pytest.mark.parametrize("count", [9, 10, 28])
async def test_a_catalog_that_ends_after_so_many(count: int, *, states: bool) -> None:
    """It is read in parts by time until each has fewer, as a run reads it."""
    catalog = LiveCatalog(listed=_dated(count), page_size=4, cap=_CAP, states=states)

    walked = await _Walked(catalog, **_capped()).go()

    assert sorted(set(walked.names)) == [f"{number:03}" for number in range(count)]
    assert walked.walk.broken is None


async def test_only_the_selected_time_is_split() -> None:
    """The middle of an open window would lie far from all that is selected."""
    catalog = LiveCatalog(listed=_dated(20), page_size=4, cap=_CAP)
    select = {"datetime": "2024-01-01T00:00:00Z/2024-01-31T00:00:00Z"}

    await _Walked(catalog, **_capped(select=select)).go()

    assert len(catalog.asked) < 20


@pytest.mark.parametrize("states", [True, False], ids=["stated", "not stated"])
async def test_too_many_of_one_moment(*, states: bool) -> None:
    """What can't be parted by time is listed as far as the catalog does, and the walk isn't whole."""
    catalog = LiveCatalog(listed=_dated(12, step=timedelta()), page_size=4, cap=_CAP, states=states)

    walked = await _Walked(catalog, **_capped()).go()

    assert sorted(set(walked.names)) == [f"{number:03}" for number in range(_CAP)]
    assert walked.walk.broken == "the catalog lists no more than 10 items of a window"


@pytest.mark.parametrize("matched", [None, 0, 5])
async def test_a_catalog_that_lists_all(matched: int | None) -> None:
    """Where nothing ends a list early, however many items are stated, nothing is split."""
    manifest = {"kind": "manifest", "url": "https://data.example.org/list.csv"}
    catalog = MemoryCatalog({None: Page(items=(), next_token=None, matched=matched)})

    walked = await _Walked(catalog, catalog=manifest).go()

    assert (walked.walk.broken, len(catalog.asked)) == (None, 1)


@pytest.mark.parametrize("states", [True, False], ids=["stated", "not stated"])
async def test_items_that_last_long(*, states: bool) -> None:
    """Where they lie in both halves of every window, halving ends: it would go on for ever."""
    page = Page(items=tuple(items(_CAP)), next_token=None, matched=_CAP if states else None)
    catalog = MemoryCatalog({None: page})

    walked = await _Walked(catalog, **_capped()).go()

    assert walked.walk.broken == "the catalog lists no more than 10 items of a window"
    assert len(catalog.asked) < 1000


async def test_a_walk_is_stopped() -> None:
    """A cancelled census doesn't try again."""
    catalog = MemoryCatalog({})
    catalog.hangs = True
    walked = _Walked(catalog)
    going = asyncio.create_task(walked.go())
    await asyncio.sleep(0)

    going.cancel()

    with pytest.raises(asyncio.CancelledError):
        await going
    assert len(catalog.asked) == 1
