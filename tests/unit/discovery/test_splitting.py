"""A window of more items than a catalog lists is read in parts by time."""

from datetime import UTC, datetime, timedelta
from typing import Any, override

import pytest

from shared.model.items import CatalogItem, Page
from shared.model.messages import PageRequest
from shared.model.rows import Run, RunState
from shared.model.windows import TimeProperty, Window
from tests.fakes.faults import Call, Faults
from tests.fakes.live_catalog import LiveCatalog
from tests.unit.discovery.world import START, World, item

_CAP = 10
_MONTH = Window.parse("2024-01-01T00:00:00Z/2024-02-01T00:00:00Z")


def _dated(number: int, moment: datetime | None) -> CatalogItem:
    made = item(f"{number:03}")
    return CatalogItem(item=made.item, collection=made.collection, id=made.id, datetime=moment, assets=made.assets)


def _days(count: int) -> list[CatalogItem]:
    """An item a day."""
    return [_dated(number, datetime(2024, 1, 1, 12, tzinfo=UTC) + timedelta(days=number)) for number in range(count)]


def _world(catalog: LiveCatalog, *, cap: int = _CAP, **parts: Any) -> World:
    search = {"kind": "stac", "url": "https://stac.example.org", "result_cap": cap}
    world = World({}, catalog=search, **parts)
    # It reads as the other does.
    world.catalog = catalog  # pyright: ignore[reportAttributeAccessIssue]
    return world


async def _finish(world: World, window: Window = _MONTH) -> Run:
    await world.deliver(await world.begin(window=window))
    await world.drain()
    return world.run


def _asked_for(world: World) -> set[str]:
    return {asset.item.removeprefix("s2/") for each in world.requests() for asset in each.assets}


@pytest.mark.parametrize("count", [10, 11, 28, 31])
@pytest.mark.parametrize("window", [_MONTH, Window()], ids=["a month", "all time"])
async def test_a_window_above_the_cap(count: int, window: Window) -> None:
    """Where as many items are stated as the catalog lists, or more, all are found in parts that are under it."""
    world = _world(LiveCatalog(listed=_days(count), page_size=4))

    run = await _finish(world, window)

    assert (run.state, run.reason) == (RunState.COMPLETE, None)
    assert _asked_for(world) == {f"{number:03}" for number in range(count)}


@pytest.mark.parametrize("states", [True, False], ids=["stated", "not stated"])
async def test_a_catalog_that_stops_silently(states: bool) -> None:  # noqa: FBT001 - a parameter of the case
    """A catalog that neither lists nor states more than its cap is found out: exactly the cap looks like it."""
    world = _world(LiveCatalog(listed=_days(28), page_size=4, states=states, cap=_CAP))

    run = await _finish(world)

    assert (run.state, run.reason) == (RunState.COMPLETE, None)
    assert _asked_for(world) == {f"{number:03}" for number in range(28)}


@pytest.mark.parametrize("states", [True, False], ids=["stated", "not stated"])
async def test_a_window_under_the_cap(states: bool) -> None:  # noqa: FBT001 - a parameter of the case
    """Nine of ten are read in one."""
    world = _world(LiveCatalog(listed=_days(9), page_size=9, states=states))

    await _finish(world)

    assert {window.interval for _, window in world.catalog.asked} == {_MONTH.interval}


@pytest.mark.parametrize("states", [True, False], ids=["stated", "not stated"])
async def test_a_catalog_without_a_cap(states: bool) -> None:  # noqa: FBT001 - a parameter of the case
    """0 turns it off."""
    world = _world(LiveCatalog(listed=_days(10), page_size=4, states=states), cap=0)

    await _finish(world)

    assert {window.interval for _, window in world.catalog.asked} == {_MONTH.interval}


async def test_a_catalog_that_lists_more_than_the_cap() -> None:
    """Without a count, more than the cap shows that there is none."""
    world = _world(LiveCatalog(listed=_days(12), page_size=4, states=False))

    await _finish(world)

    assert {window.interval for _, window in world.catalog.asked} == {_MONTH.interval}


async def test_a_window_that_was_cut_is_not_looked_at_again() -> None:
    """Its parts tell more than a second look at its last page."""
    world = _world(LiveCatalog(listed=_days(28), page_size=5, states=False, cap=_CAP))

    await _finish(world)

    assert [token for token, window in world.catalog.asked if window == _MONTH] == [None, "5"]


async def test_the_parts_travel_with_the_page() -> None:
    """The window's first page asks for its first half, and carries the second one along; nothing of it was sent."""
    world = _world(LiveCatalog(listed=_days(12), page_size=4))

    await world.deliver(await world.begin(window=_MONTH))

    middle = datetime(2024, 1, 16, 12, tzinfo=UTC)
    assert world.pages() == [
        PageRequest(
            dataset="demo",
            run="run-1",
            page=1,
            window=Window(since=_MONTH.since, until=middle),
            window_page=1,
            later=(Window(since=middle, until=_MONTH.until),),
        )
    ]
    assert world.requests() == []


async def test_a_split_that_is_delivered_again() -> None:
    """The page that was kept says the same, whatever the catalog states by now."""
    catalog = LiveCatalog(listed=_days(12), page_size=4)
    world = _world(catalog)
    page = await world.begin(window=_MONTH)
    await world.kill(page, at=_is_done)
    catalog.listed = catalog.listed[:3]

    await world.deliver(page)

    first, again = world.pages()
    assert first == again
    assert len(catalog.asked) == 1


async def test_what_is_selected_bounds_the_parts() -> None:
    """All time is halved where something is selected, and not between 1970 and now."""
    select = {"datetime": "2024-01-01T00:00:00Z/2024-02-01T00:00:00Z"}
    world = _world(LiveCatalog(listed=_days(12), page_size=4), select=select)

    await world.deliver(await world.begin())

    (page,) = world.pages()
    assert page.window == Window(since=_MONTH.since, until=datetime(2024, 1, 16, 12, tzinfo=UTC))


@pytest.mark.parametrize("states", [True, False], ids=["stated", "not stated"])
async def test_a_moment_above_the_cap(states: bool) -> None:  # noqa: FBT001 - a parameter of the case
    """What can't be split any more is read as far as it goes, and the run is incomplete and says why."""
    noon = datetime(2024, 1, 5, 12, 0, 0, 500, tzinfo=UTC)
    listed = [*_days(8), *(_dated(number, noon) for number in range(100, 115))]
    world = _world(LiveCatalog(listed=listed, page_size=4, states=states, cap=_CAP))

    run = await _finish(world)

    assert run.state is RunState.INCOMPLETE
    assert (run.reason or "").endswith("can't be split, and lists 10 items: as many as the catalog lists at most")
    assert {f"{number:03}" for number in range(8)} < _asked_for(world)


async def test_items_that_last_for_ever() -> None:
    """They lie in both halves of every window: the run stops halving, is incomplete, and comes to its end."""

    class Lasting(LiveCatalog):
        @override
        async def page(self, token: str | None, *, window: Window, by: TimeProperty = TimeProperty.DATETIME) -> Page:
            del window
            page = await super().page(token, window=Window(), by=by)
            self.windows += token is None
            return page

        windows = 0

    catalog = Lasting(listed=[_dated(number, None) for number in range(12)], page_size=6)
    world = _world(catalog)

    run = await _finish(world)

    assert run.state is RunState.INCOMPLETE
    assert (run.reason or "").endswith("as many as the catalog lists at most; and 36 more like it")
    assert catalog.windows < 100
    assert len(world.run.reason or "") < 200


async def test_items_without_a_time() -> None:
    """They lie in no part of all time: the run says that some are missing, and doesn't pass over them."""
    listed = [*_days(12), *(_dated(number, None) for number in range(100, 103))]
    world = _world(LiveCatalog(listed=listed, page_size=4))

    run = await _finish(world, Window())

    assert run.state is RunState.INCOMPLETE
    assert run.reason == "the parts of the window have 12 items together, but the catalog states 15 of all of it"


async def test_items_that_went_away_meanwhile() -> None:
    """The whole is asked for once more at the end: what isn't there any more isn't missing."""
    catalog = LiveCatalog(listed=_days(12), page_size=4)
    catalog.meanwhile = lambda before: catalog.listed.pop() and None if before == 1 else None
    world = _world(catalog)

    run = await _finish(world)

    assert (run.state, run.reason) == (RunState.COMPLETE, None)
    assert catalog.asked[-1] == (None, _MONTH)


async def test_a_run_in_parts_leaves_no_gap() -> None:
    """Failed at any call of any page, it asks for everything and is complete."""
    for at in range(0, 200, 7):
        world = _world(LiveCatalog(listed=_days(25), page_size=4))
        waiting = [await world.begin(window=_MONTH)]
        faults = Faults(at=at, has_effect=at % 2 == 0, error=lambda: OSError("no answer"))
        for _ in range(60):
            if not waiting:
                break
            known = len(world.pages())
            try:
                await world.deliver(waiting[0], faults=faults)
                waiting.pop(0)
            except (OSError, ExceptionGroup):
                pass
            waiting += world.pages()[known:]

        assert (world.run.state, _asked_for(world)) == (RunState.COMPLETE, {f"{number:03}" for number in range(25)})
        assert world.run.ended_at == START


def _is_done(call: Call) -> bool:
    return call.method == "count" and "counts" in call.kwargs and call.kwargs["counts"].done
