"""A process that is killed at any of its calls, or whose answer is lost there, leaves no gap behind."""

import contextlib
import math
from collections.abc import Callable, Mapping

import pytest

from shared.model.errors import MalformedCatalogError, SourceUnavailableError, StorageFailedError
from shared.model.items import Page, Refusal
from shared.model.messages import PageRequest, Queue
from shared.model.rows import RunState
from tests.fakes.catalogs import paged
from tests.fakes.faults import Faults, KilledError
from tests.unit.discovery.world import World, asset, items

_CAPACITY = 3
_PAGES = paged(items(7), size=5)
_REFUSED = Refusal(item="line 3", key="line 3", error="MalformedCatalogError", message="no href")

_HOW = pytest.mark.parametrize(
    ("error", "has_effect"),
    [
        (KilledError, False),
        (KilledError, True),
        (lambda: StorageFailedError("500"), False),
        (lambda: StorageFailedError("no answer"), True),
    ],
    ids=["killed before", "killed after", "failed", "answer lost"],
)
type _Error = Callable[[], BaseException]


@_HOW
@pytest.mark.parametrize("part", [0, 1], ids=["first part", "last part"])
async def test_a_page_leaves_no_gap(part: int, error: _Error, *, has_effect: bool) -> None:
    """A part that failed at any call, delivered again, has asked for the same as one that didn't, counts and all."""
    expected, page = await _before(part)
    for at in await _calls(expected, page):
        world, page = await _before(part)
        sent = len(world.queues.sent)
        await _fail(world, page, Faults(at=at, has_effect=has_effect, error=error))

        await world.deliver(page)

        assert set(world.queues.bodies(Queue.COPY)) == set(expected.queues.bodies(Queue.COPY))
        assert set(world.queues.bodies(Queue.DISCOVER)) == set(expected.queues.bodies(Queue.DISCOVER))
        assert len(world.queues.sent) - sent <= 2 * (len(expected.queues.sent) - sent)
        assert (world.runs.parts, world.runs.pages) == (expected.runs.parts, expected.runs.pages)
        assert world.run == expected.run


@_HOW
async def test_a_last_page_ends_its_run(error: _Error, *, has_effect: bool) -> None:
    """A last page that failed at any call, delivered again, has asked for its assets, and its run is complete."""
    expected = _world({None: _PAGES["page-1"]})
    for at in await _calls(expected, await expected.begin()):
        world = _world({None: _PAGES["page-1"]})
        page = await world.begin()
        await _fail(world, page, Faults(at=at, has_effect=has_effect, error=error))

        await world.deliver(page)

        assert set(world.keys()) == {asset("005").identity, asset("006").identity}
        assert (world.run.state, (await world.total()).sent) == (RunState.COMPLETE, 2)


@_HOW
async def test_a_whole_run_leaves_no_gap(error: _Error, *, has_effect: bool) -> None:
    """A run that failed at any call of any of its pages asks for everything, and comes to the same counts."""
    whole = Faults()
    await _work(_world(_PAGES), whole)
    for at in range(len(whole.calls)):
        world, faults = _world(_PAGES), Faults(at=at, has_effect=has_effect, error=error)

        await _work(world, faults)

        assert faults.happened
        assert set(world.keys()) == {asset(f"{number:03}").identity for number in range(7)}
        assert ((await world.total()).available, (await world.total()).sent) == (7, 7)
        assert world.run.state is RunState.COMPLETE


@_HOW
async def test_a_withheld_page_is_never_lost(error: _Error, *, has_effect: bool) -> None:
    """Where a look fails at any call, the message stays or was sent again: it stands in the queue either way."""
    expected = World(_PAGES, saturation=0)
    for at in await _calls(expected, await expected.begin()):
        world = World(_PAGES, saturation=0)
        page = await world.begin()
        await _fail(world, page, Faults(at=at, has_effect=has_effect, error=error))

        await world.deliver(page)

        assert set(world.queues.bodies(Queue.DISCOVER)) == {page.encode()}
        assert world.run.withheld_because is not None
        assert world.requests() == []


@_HOW
async def test_a_deferred_page_is_never_lost(error: _Error, *, has_effect: bool) -> None:
    """Where putting a page off fails at any call, the redelivery puts it off."""
    expected = _world(_PAGES, SourceUnavailableError("503"))
    for at in await _calls(expected, await expected.begin()):
        world = _world(_PAGES, *(SourceUnavailableError("503") for _ in range(2)))
        page = await world.begin()
        await _fail(world, page, Faults(at=at, has_effect=has_effect, error=error))

        await world.deliver(page)

        assert set(world.queues.bodies(Queue.DISCOVER)) == set(expected.queues.bodies(Queue.DISCOVER))
        assert world.run == expected.run


@_HOW
async def test_a_run_that_failed_is_told(error: _Error, *, has_effect: bool) -> None:
    """Where ending a run fails at any call, the redelivery leaves its page in poison and the run failed."""
    expected = _world(_PAGES, MalformedCatalogError("no page"))
    for at in await _calls(expected, await expected.begin()):
        world = _world(_PAGES, *(MalformedCatalogError("no page") for _ in range(2)))
        page = await world.begin()
        await _fail(world, page, Faults(at=at, has_effect=has_effect, error=error))

        await world.deliver(page)

        assert set(world.queues.bodies(Queue.DISCOVER.poison)) == set(expected.queues.bodies(Queue.DISCOVER.poison))
        assert world.run == expected.run


def _world(pages: Mapping[str | None, Page], *errors: Exception) -> World:
    """Never withheld: a queue that can't be counted would be no failure."""
    world = World(pages, capacity=_CAPACITY, saturation=math.inf)
    world.catalog.errors = list(errors)
    return world


async def _before(part: int) -> tuple[World, PageRequest]:
    """A page of two parts with a refusal on it, up to one of its parts."""
    first = _PAGES[None]
    world = _world({None: Page(items=first.items, next_token=first.next_token, refusals=(_REFUSED,))})
    page = await world.begin()
    for _ in range(part):
        await world.deliver(page)
        page = world.pages()[-1]
    return world, page


async def _calls(world: World, page: PageRequest) -> range:
    """Deliver a page and number the calls that this takes."""
    faults = Faults()
    await world.deliver(page, faults=faults)
    return range(len(faults.calls))


async def _fail(world: World, page: PageRequest, faults: Faults) -> None:
    """Deliver a page to a process that fails, in sight of the runtime."""
    with pytest.raises(BaseException) as raised:  # noqa: PT011 - told apart below
        await world.deliver(page, faults=faults)
    assert isinstance(raised.value, KilledError | StorageFailedError | BaseExceptionGroup)


async def _work(world: World, faults: Faults) -> None:
    """Deliver page after page, again where that fails, as the runtime does."""
    waiting = [await world.begin()]
    for _ in range(50):
        if not waiting:
            return
        known = len(world.pages())
        with contextlib.suppress(KilledError, StorageFailedError):
            await world.deliver(waiting[0], faults=faults)
            waiting.pop(0)
        waiting += world.pages()[known:]
    raise AssertionError("the run doesn't end")
