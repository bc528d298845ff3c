"""A run ends complete or incomplete; its watermark moves only where it is complete."""

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any, override

import pytest

from shared.model.errors import MalformedCatalogError, SourceChangedError, SourceUnavailableError, StorageFailedError
from shared.model.items import CatalogItem, Page, Refusal
from shared.model.rows import Run, RunKind, RunState, Watermark
from shared.model.windows import TimeProperty, Window
from shared.storage.watermarks import WatermarkEntry
from tests.fakes import MemoryWatermarks
from tests.fakes.catalogs import paged
from tests.fakes.faults import Call, Faults, KilledError
from tests.fakes.live_catalog import LiveCatalog
from tests.unit.discovery.world import START, World, asset, item, items

_HOUR = timedelta(hours=1)
_NEW: dict[str, Any] = {"schedule": "0 * * * *", "incremental": {}}
_SINCE = START - 2 * _HOUR
_INCREMENTAL: dict[str, Any] = {
    "kind": RunKind.INCREMENTAL,
    "window": Window(since=_SINCE, until=START),
    "by": TimeProperty.UPDATED,
}


def _live(catalog: LiveCatalog, **parts: Any) -> World:
    world = World({}, **parts)
    # It reads as the other does.
    world.catalog = catalog  # pyright: ignore[reportAttributeAccessIssue]
    return world


async def _finish(world: World, **run: Any) -> Run:
    await world.deliver(await world.begin(**run))
    await world.drain()
    return world.run


async def _watermark(world: World) -> Watermark | None:
    entry = await world.watermarks.of("demo")
    return entry.watermark if entry else None


def _stating(stated: int) -> dict[str | None, Page]:
    """Three pages of seven items; so many are stated."""
    return {
        token: Page(items=page.items, next_token=page.next_token, matched=stated)
        for token, page in paged(items(7), size=3).items()
    }


async def test_a_run_that_adds_up_is_complete() -> None:
    """What the catalog states came, and it isn't asked for its last page again."""
    world = World(_stating(7))

    run = await _finish(world)

    assert (run.state, run.reason) == (RunState.COMPLETE, None)
    assert len(world.catalog.asked) == 3


@pytest.mark.parametrize("stated", [6, 8])
async def test_a_run_that_does_not_add_up_is_incomplete(stated: int) -> None:
    """The status says so, with the numbers; what came was asked for all the same."""
    world = World(_stating(stated))

    run = await _finish(world)

    reason = f"the window from page 0 has 7 items, but the catalog states {stated}"
    assert (run.state, run.reason, run.ended_at) == (RunState.INCOMPLETE, reason, START)
    assert len(world.keys()) == 7


async def test_filtered_and_refused_items_add_up() -> None:
    """Every item that the catalog lists counts, whatever becomes of it."""
    listed = (item("a"), item("filtered", "thumbnail"), item("refused", href="ftp://example.org/a"))
    refusal = Refusal(item="feature 4", key="", error="MalformedCatalogError", message="no item")
    page = Page(items=listed, refusals=(refusal,), next_token=None, matched=4)

    run = await _finish(World({None: page}, select={"exclude": ["thumbnail"]}))

    assert run.state is RunState.COMPLETE


async def test_an_item_in_two_parts_counts_once() -> None:
    """Its first part counts it, also where another one has all that is sent."""
    keys = [f"{number}" for number in range(5)]
    world = World({None: Page(items=(item("a", *keys), item("b")), next_token=None, matched=2)}, capacity=2)
    await world.bring(asset("a", "0"), asset("a", "1"), cause="run-0")

    run = await _finish(world)

    total = await world.total()
    assert run.state is RunState.COMPLETE
    assert (total.items_sent, total.items_already, total.sent, total.already) == (2, 0, 4, 2)


async def test_a_catalog_without_counts_is_looked_at_again() -> None:
    """Its last page, asked for once more, is the same."""
    world = World(paged(items(4), size=2))

    run = await _finish(world)

    assert run.state is RunState.COMPLETE
    assert [token for token, _ in world.catalog.asked] == [None, "page-1", "page-1"]


@pytest.mark.parametrize(
    ("again", "because"),
    [
        (
            Page(items=(item("003"),), next_token=None),
            "1 of the 2 of its last page are gone when it is looked at again",
        ),
        (
            Page(items=(item("002"), item("003")), next_token="page-2"),
            "its last page has a next one when it is looked at again",
        ),
    ],
)
async def test_a_last_page_that_is_another_one(again: Page, because: str) -> None:
    """Items that are gone, or a next link that wasn't there: the catalog wasn't read whole."""
    world = World(paged(items(4), size=2))
    await world.deliver(await world.begin())

    await _answer_again(world, again)

    assert world.run.state is RunState.INCOMPLETE
    assert world.run.reason == f"the window from page 0 has 4 items, but {because}"


async def test_a_last_page_that_grew() -> None:
    """What came to the end of a live catalog meanwhile is the next run's."""
    world = World(paged(items(4), size=2))
    await world.deliver(await world.begin())

    await _answer_again(world, Page(items=(item("002"), item("003"), item("004")), next_token=None))

    assert world.run.state is RunState.COMPLETE


@pytest.mark.parametrize("error", [MalformedCatalogError("no JSON"), SourceChangedError("another manifest")])
async def test_a_last_page_that_cant_be_read_again(error: Exception) -> None:
    """That is no end to be trusted, and no reason for a poison message."""
    world = World(paged(items(4), size=2))
    await world.deliver(await world.begin())

    await _answer_again(world, error)

    assert world.run.state is RunState.INCOMPLETE
    assert world.run.reason == (
        f"the window from page 0 has 4 items, but its last page can't be read again: {type(error).__name__}: {error}"
    )
    assert world.poison() == []


async def test_a_catalog_in_trouble_at_the_second_look() -> None:
    """The page is put off, and ends the run once the catalog is well."""
    world = World(paged(items(2), size=2))
    page = await world.begin()
    await world.deliver(page, faults=Faults(at=_second(), error=lambda: SourceUnavailableError("503")))
    before = world.run.state

    await world.drain()

    assert (before, world.run.state) == (RunState.RUNNING, RunState.COMPLETE)


@pytest.mark.parametrize(("page_size", "at"), [(1, 1), (1, 3), (2, 1), (5, 1)])
async def test_new_items_that_move_all_others_on(page_size: int, at: int) -> None:
    """An item that stands on two pages counts once, so that a live catalog's run is complete."""
    catalog = LiveCatalog(listed=items(7), page_size=page_size)
    catalog.meanwhile = lambda before: catalog.listed.insert(0, item(f"new-{before}")) if before == at else None

    world = _live(catalog)
    run = await _finish(world)

    total = await world.total()
    assert (run.state, run.reason) == (RunState.COMPLETE, None)
    assert (total.available, total.repeated) == (7, 1)


async def test_an_item_that_comes_and_one_that_goes() -> None:
    """The catalog states seven all the while and seven came, one of them twice: the one that slipped by is missed."""
    catalog = LiveCatalog(listed=items(7), page_size=2)

    def meanwhile(before: int) -> None:
        if before == 1:
            catalog.listed.insert(0, item("new"))
        if before == 2:
            del catalog.listed[0]

    catalog.meanwhile = meanwhile

    run = await _finish(_live(catalog))

    assert run.state is RunState.INCOMPLETE
    assert run.reason == "the window from page 0 has 6 items, but the catalog states 7 to 8"


async def test_more_items_than_are_stated() -> None:
    """Each is counted once before the run is called incomplete: an item that changed stands on two pages, far apart."""
    pages = _stating(7)
    last = pages["page-2"]
    pages["page-2"] = Page(items=(*last.items, item("000")), next_token=None, matched=7)

    run = await _finish(World(pages))

    assert (run.state, run.reason) == (RunState.COMPLETE, None)


async def test_a_long_run_is_not_counted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """That would take longer than a page may: the sum stands, and is the reason."""
    monkeypatch.setattr("shared.discovery.ending._MOST_RECOUNTED", 2)
    pages = _stating(7)
    pages["page-2"] = Page(items=(*pages["page-2"].items, item("000")), next_token=None, matched=7)

    run = await _finish(World(pages))

    assert run.reason == "the window from page 0 has 8 items, but the catalog states 7"


async def test_kept_pages_that_are_gone_are_not_counted_again() -> None:
    """After a month nothing says which items came twice: then none did."""
    pages = _stating(7)
    pages["page-2"] = Page(items=(*pages["page-2"].items, item("000")), next_token=None, matched=7)
    world = World(pages)
    await world.deliver(await world.begin())
    await world.deliver(world.pages()[-1])
    world.runs.pages.clear()

    await world.deliver(world.pages()[-1])

    assert world.run.state is RunState.INCOMPLETE


async def test_a_catalog_that_shrinks_under_a_full_run() -> None:
    """It is complete: the next full run finds an item that slipped by, and there may always be one."""
    catalog = LiveCatalog(listed=items(7), page_size=2)
    catalog.meanwhile = lambda before: catalog.listed.pop(0) and None if before == 1 else None

    run = await _finish(_live(catalog))

    assert (run.state, run.pass_number) == (RunState.COMPLETE, 1)


async def test_a_catalog_that_shrinks_under_an_incremental_run() -> None:
    """Nothing would ask for an item that slipped by: a second pass finds it, and the run is complete."""
    catalog = LiveCatalog(listed=[_timed(each) for each in items(7)], page_size=2)
    catalog.meanwhile = lambda before: catalog.listed.pop(0) and None if before == 1 else None
    world = _live(catalog, **_NEW)

    run = await _finish(world, **_INCREMENTAL)

    assert (run.state, run.pass_number) == (RunState.COMPLETE, 2)
    assert {asset.item for each in world.requests() for asset in each.assets} == {
        f"s2/{number:03}" for number in range(7)
    }
    assert await _watermark(world) == Watermark(dataset="demo", by=TimeProperty.UPDATED, at=START, run="run-1")


async def test_a_catalog_that_shrinks_all_the_time() -> None:
    """After three passes the run is complete as far as anybody can tell: it wouldn't ever be otherwise."""
    catalog = LiveCatalog(listed=[_timed(each) for each in items(20)], page_size=5)
    catalog.meanwhile = lambda _: catalog.listed.pop(0) and None
    world = _live(catalog, **_NEW)

    run = await _finish(world, **_INCREMENTAL)

    assert (run.state, run.pass_number) == (RunState.COMPLETE, 3)


async def test_an_incremental_run_moves_the_watermark() -> None:
    """To its window's end, by its window's property."""
    world = World(_stating(7), **_NEW)

    await _finish(world, **_INCREMENTAL)

    assert await _watermark(world) == Watermark(dataset="demo", by=TimeProperty.UPDATED, at=START, run="run-1")


async def test_an_incomplete_run_moves_no_watermark() -> None:
    """So the next run's window begins where this one's did."""
    world = World(_stating(8), **_NEW)
    before = Watermark(dataset="demo", by=TimeProperty.UPDATED, at=_SINCE + _HOUR, run="run-0")
    assert await world.watermarks.save(before, replaces=None)

    run = await _finish(world, **_INCREMENTAL)

    assert run.state is RunState.INCOMPLETE
    assert await _watermark(world) == before


async def test_a_full_run_moves_the_watermark_to_its_beginning() -> None:
    """What was changed since then may lie on a page that was read before."""
    world = World(_stating(7), **_NEW)
    page = await world.begin()
    world.clock.pass_by(_HOUR)

    await world.deliver(page)
    await world.drain()

    assert await _watermark(world) == Watermark(dataset="demo", by=TimeProperty.UPDATED, at=START, run="run-1")


@pytest.mark.parametrize(
    ("parts", "window"), [({}, Window()), (_NEW, Window(since=_SINCE))], ids=["no incremental runs", "a window"]
)
async def test_other_runs_move_no_watermark(parts: dict[str, Any], window: Window) -> None:
    """A dataset without incremental runs has none, and a window that somebody asked for says nothing of the rest."""
    world = World(_stating(7), **parts)

    run = await _finish(world, window=window)

    assert run.state is RunState.COMPLETE
    assert await _watermark(world) is None


async def test_a_watermark_never_goes_back() -> None:
    """A run that ends after one that began later leaves what that one wrote."""
    world = World(_stating(7), **_NEW)
    later = Watermark(dataset="demo", by=TimeProperty.UPDATED, at=START + _HOUR, run="run-2")
    assert await world.watermarks.save(later, replaces=None)

    await _finish(world, **_INCREMENTAL)

    assert await _watermark(world) == later


async def test_a_watermark_of_another_property_is_replaced() -> None:
    """A time of publication says nothing of updates, however late it is."""
    world = World(_stating(7), **_NEW)
    other = Watermark(dataset="demo", by=TimeProperty.PUBLISHED, at=START + _HOUR, run="run-0")
    assert await world.watermarks.save(other, replaces=None)

    await _finish(world, **_INCREMENTAL)

    assert await _watermark(world) == Watermark(dataset="demo", by=TimeProperty.UPDATED, at=START, run="run-1")


async def test_a_watermark_that_somebody_else_moved() -> None:
    """One that was written meanwhile is read again: the later one stands."""

    class Contended(MemoryWatermarks):
        @override
        async def save(self, watermark: Watermark, *, replaces: str | None) -> bool:
            if not self.entries:
                later = watermark.model_copy(update={"at": START + _HOUR, "run": "run-2"})
                self.entries["demo"] = WatermarkEntry(watermark=later, etag='"theirs"')
            return await super().save(watermark, replaces=replaces)

    world = World(_stating(7), **_NEW)
    world.watermarks = Contended()

    run = await _finish(world, **_INCREMENTAL)

    found = await _watermark(world)
    assert (run.state, found and found.run) == (RunState.COMPLETE, "run-2")


async def test_a_watermark_moves_before_its_run_is_complete() -> None:
    """Killed in between, the page comes again and does both: neither is ever missing for good."""
    world = World({None: Page(items=(item("a"),), next_token=None, matched=1)}, **_NEW)
    page = await world.begin()
    await world.kill(page, at=_completes)
    between = world.run.state, await _watermark(world)

    await world.deliver(page)

    moved = Watermark(dataset="demo", by=TimeProperty.UPDATED, at=START, run="run-1")
    assert between == (RunState.RUNNING, moved)
    assert (world.run.state, await _watermark(world)) == (RunState.COMPLETE, moved)


@pytest.mark.parametrize("has_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [KilledError, lambda: StorageFailedError("no answer")], ids=["killed", "answer lost"])
async def test_an_end_that_fails(error: Callable[[], BaseException], *, has_effect: bool) -> None:
    """At whichever call it failed, the page delivered again leaves the run complete and the watermark moved."""
    whole = Faults()
    world = _last_page()
    await world.deliver(await world.begin(), faults=whole)
    for at in range(len(whole.calls)):
        world = _last_page()
        page = await world.begin()
        with pytest.raises((KilledError, StorageFailedError, BaseExceptionGroup)):
            await world.deliver(page, faults=Faults(at=at, has_effect=has_effect, error=error))

        await world.deliver(page)

        found = await _watermark(world)
        assert (world.run.state, found and found.at) == (RunState.COMPLETE, START)


async def test_a_run_that_was_cancelled_at_its_end() -> None:
    """Its row stays as it is; that its window was read whole is true all the same."""
    world = World({None: Page(items=(item("a"),), next_token=None, matched=1)}, **_NEW)
    page = await world.begin()

    class Cancelling(MemoryWatermarks):
        @override
        async def save(self, watermark: Watermark, *, replaces: str | None) -> bool:
            await world.begin(state=RunState.CANCELLED)
            return await super().save(watermark, replaces=replaces)

    world.watermarks = Cancelling()

    await world.deliver(page)

    assert world.run.state is RunState.CANCELLED


def _last_page() -> World:
    """A run of one page; no queue is counted, so that every failure is one."""
    return World({None: Page(items=(item("a"),), next_token=None)}, saturation=math.inf, **_NEW)


def _completes(call: Call) -> bool:
    return call.method == "save" and getattr(call.args[0], "state", None) is RunState.COMPLETE


def _second() -> Callable[[Call], bool]:
    """The second time that a catalog is asked for a page."""
    asked: list[Call] = []

    def at(call: Call) -> bool:
        if call.method == "page" and "window" in call.kwargs:
            asked.append(call)
        return len(asked) == 2 and asked[-1] is call

    return at


async def _answer_again(world: World, again: Page | Exception) -> None:
    """Deliver the last page of two; asked for once more, it is answered so."""

    async def pause() -> None:
        if len(world.catalog.asked) == 2:
            if isinstance(again, Exception):
                world.catalog.errors = [again]
            else:
                world.catalog.pages["page-1"] = again

    await world.deliver(world.pages()[-1], faults=Faults(pause=pause))


def _timed(listed: CatalogItem) -> CatalogItem:
    """Within the window that is asked for."""
    return CatalogItem(
        item=listed.item, collection=listed.collection, id=listed.id, datetime=START - _HOUR, assets=listed.assets
    )
