"""A page that fails until the runtime puts it aside, and pages that lead nowhere."""

from datetime import timedelta

import pytest

from shared.model.errors import EndlessCatalogError, StorageFailedError, UnexpectedStatusError
from shared.model.items import Page
from shared.model.rows import RunState
from tests.fakes.catalogs import paged
from tests.fakes.faults import Faults
from tests.unit.discovery.world import START, World, item, items


async def _deliver(world: World, *, delivery: int, faults: Faults | None = None) -> None:
    page = (await world.begin()) if "demo" not in world.runs.newest_runs else world.pages()[-1]
    await world.discovery(faults).deliver(page.encode().encode(), delivery=delivery)


async def test_a_page_that_fails_for_the_last_time_ends_its_run() -> None:
    """The status says so at once, with the reason; the runtime gets the error, and puts the message aside."""
    world = World(paged(items(1), size=1))
    world.catalog.errors = [UnexpectedStatusError("418, sig=secret")]

    with pytest.raises(UnexpectedStatusError):
        await _deliver(world, delivery=5)

    assert (world.run.state, world.run.ended_at) == (RunState.FAILED, START)
    assert world.run.reason == "UnexpectedStatusError: 418, sig=REDACTED; page 0 failed 5 times"


async def test_a_page_that_fails_before_that_goes_on() -> None:
    """Four deliveries out of five leave the run as it is."""
    world = World(paged(items(1), size=1))
    world.catalog.errors = [UnexpectedStatusError("418")]

    with pytest.raises(UnexpectedStatusError):
        await _deliver(world, delivery=4)

    assert world.run.state is RunState.RUNNING


async def test_a_last_delivery_that_succeeds() -> None:
    """It ends its run as any other does."""
    world = World(paged(items(1), size=1))

    await _deliver(world, delivery=5)

    assert world.run.state is RunState.COMPLETE


async def test_a_run_store_in_trouble() -> None:
    """Where not even that can be written, the error is still the page's own."""
    world = World(paged(items(1), size=1))
    world.catalog.errors = [UnexpectedStatusError("418")]
    broken = Faults(at=lambda call: call.method == "save" and call.args[0].state is RunState.FAILED, error=_no_answer)

    with pytest.raises(UnexpectedStatusError):
        await _deliver(world, delivery=5, faults=broken)

    assert broken.happened


async def test_the_schedule_begins_anew_after_it() -> None:
    """A run that failed for good stands in nobody's way."""
    world = World(paged(items(1), size=1), schedule="0 * * * *")
    await world.begin(state=RunState.FAILED, scheduled_at=START)
    world.clock.pass_by(timedelta(hours=1))

    (begun,) = await world.starting().start_due()

    assert begun.state is RunState.RUNNING


@pytest.mark.parametrize("length", [1, 2, 3, 5])
async def test_new_tokens_for_the_same_pages(length: int) -> None:
    """A catalog whose tokens are new each time, but whose pages go round, ends its run."""
    world = World({})
    for number in range(100):
        token = f"token-{number}" if number else None
        page = Page(items=(item(f"{number % length}"),), next_token=f"token-{number + 1}")
        world.catalog.pages[token] = page
    await world.deliver(await world.begin())

    await world.drain()

    assert world.run.state is RunState.FAILED
    assert (world.run.reason or "").startswith("EndlessCatalogError: ")
    assert len(world.catalog.asked) < 20


async def test_pages_of_nothing_come_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty pages are followed, but not for ever."""
    monkeypatch.setattr("shared.discovery.listing._MOST_EMPTY", 10)
    world = World({})
    for number in range(50):
        world.catalog.pages[f"token-{number}" if number else None] = Page(items=(), next_token=f"token-{number + 1}")
    await world.deliver(await world.begin())

    await world.drain()

    expected = f"{EndlessCatalogError.__name__}: 10 pages before page 10 had no items, and it has none"
    assert (world.run.state, world.run.reason) == (RunState.FAILED, expected)


async def test_a_page_with_an_item_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lists something now and then is no catalog of nothing."""
    monkeypatch.setattr("shared.discovery.listing._MOST_EMPTY", 3)
    world = World({})
    for number in range(20):
        items_of_page = (item(f"{number}"),) if number % 3 == 0 else ()
        following = f"token-{number + 1}" if number < 19 else None
        world.catalog.pages[f"token-{number}" if number else None] = Page(items=items_of_page, next_token=following)
    await world.deliver(await world.begin())

    await world.drain()

    assert world.run.state is RunState.COMPLETE


def _no_answer() -> Exception:
    return StorageFailedError("no answer")
