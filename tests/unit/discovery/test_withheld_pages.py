"""A page that has to wait is sent again with a delay: never raised, never lost."""

import logging
from datetime import timedelta

import pytest

from shared.discovery import Control
from shared.model.errors import SourceUnavailableError, StorageFailedError
from shared.model.messages import PageRequest, Queue
from shared.model.rows import RunState
from tests.fakes.catalogs import paged
from tests.fakes.faults import Faults
from tests.unit.discovery.world import RECHECK, START, World, asset, items

_MINUTE = timedelta(minutes=1)
_FULL = 36


def _full(world: World) -> World:
    """As many outstanding copies as withhold a page."""
    world.queues.counts[Queue.COPY] = _FULL
    return world


async def test_the_same_page_is_sent_again() -> None:
    """A withheld page is sent again as it is, deferrals and all, and nothing is asked of anybody."""
    world = _full(World(paged(items(2), size=1)))
    page = (await world.begin()).model_copy(update={"page": 1, "token": "page-1", "deferrals": 2})

    await world.deliver(page)

    assert [(each.queue, each.body) for each in world.queues.sent] == [(Queue.DISCOVER, page.encode())]
    assert (world.catalog.asked, world.runs.parts, world.runs.pages) == ([], {}, {})


async def test_patience_stands_still_meanwhile() -> None:
    """A page whose patience with its catalog is nearly over has as much of it left after it was withheld for long."""
    world = _full(World(paged(items(1), size=1)))
    since = START - timedelta(hours=23, minutes=59)
    page = (await world.begin()).model_copy(update={"deferrals": 30, "deferred_since": since})
    for _ in range(10):
        await world.deliver(page)
        page = world.pages()[-1]
        world.clock.pass_by(world.delays()[-1])
    waited = world.clock.now - START
    world.queues.counts[Queue.COPY] = 0
    world.catalog.errors = [SourceUnavailableError("503")]

    await world.deliver(page)

    last = world.pages()[-1]
    assert (last.deferrals, last.deferred_since) == (31, since + waited)


async def test_a_look_is_noted_before_the_page_is_sent_again() -> None:
    """A look that can't be noted leaves one message, not two: a pause of weeks would gather them."""
    world = _full(World(paged(items(1), size=1)))
    faults = Faults(at=lambda call: call.method == "save", error=lambda: StorageFailedError("500"))

    with pytest.raises(StorageFailedError):
        await world.deliver(await world.begin(), faults=faults)

    assert world.pages() == []


async def test_a_run_that_is_over_by_then_ends_quietly() -> None:
    """A page whose run is cancelled while the queue is counted isn't sent again."""
    world = _full(World(paged(items(1), size=1)))
    page = await world.begin()
    control = Control(datasets=world.datasets, runs=world.runs, holds=world.holds, clock=world.clock)

    async def cancel() -> None:
        if world.run.state is RunState.RUNNING and "count" in {each.method for each in faults.calls}:
            await control.cancel("demo", "run-1", by="request")

    faults = Faults(pause=cancel)
    await world.deliver(page, faults=faults)

    assert (world.run.state, world.run.withheld_since, world.pages()) == (RunState.CANCELLED, None, [])


async def test_each_withholding_is_logged_with_its_numbers(caplog: pytest.LogCaptureFixture) -> None:
    """An operator reads what is outstanding, from where on pages wait and why, and when the page looks again."""
    world = _full(World(paged(items(1), size=1)))
    page = await world.begin()

    with caplog.at_level(logging.INFO):
        await world.deliver(page)

    names = ("action", "dataset", "run", "outstanding", "limit", "capacity", "saturation", "looks_again_in", "because")
    assert [{name: each.__dict__[name] for name in names} for each in caplog.records] == [
        {
            "action": "page_withheld",
            "dataset": "demo",
            "run": "run-1",
            "outstanding": 36,
            "limit": 36,
            "capacity": 24,
            "saturation": 1.5,
            "looks_again_in": world.delays()[-1],
            "because": "36 copy requests are outstanding; pages run below 36",
        }
    ]


async def test_a_look_is_progress() -> None:
    """A look at a withheld page moves the run's progress, and says since when it waits and why."""
    world = _full(World(paged(items(1), size=1)))
    first = await world.begin()
    before = world.run
    world.clock.pass_by(_MINUTE)

    await world.deliver(first)

    assert world.run == before.model_copy(
        update={
            "progress_at": START + _MINUTE,
            "withheld_since": START + _MINUTE,
            "withheld_because": "36 copy requests are outstanding; pages run below 36",
        }
    )


async def test_since_when_it_waits_keeps_its_first_value() -> None:
    """Look after look the run waits since the first one, for what the last one found."""
    world = _full(World(paged(items(1), size=1)))
    page = await world.begin()
    for outstanding in (40, 39, 38):
        world.queues.counts[Queue.COPY] = outstanding
        await world.deliver(page)
        world.clock.pass_by(_MINUTE)

    assert world.run.withheld_since == START
    assert world.run.withheld_because == "38 copy requests are outstanding; pages run below 36"
    assert world.run.progress_at == START + 2 * _MINUTE


async def test_it_runs_once_copies_are_done() -> None:
    """Below the limit the same message runs, and the run waits no longer."""
    world = _full(World(paged(items(2), size=1)))
    await world.deliver(await world.begin())
    world.queues.counts[Queue.COPY] = _FULL - 1

    await world.deliver(world.pages()[-1])

    assert world.keys() == [asset("000").identity]
    assert (world.run.withheld_since, world.run.withheld_because) == (None, None)


async def test_waiting_again_begins_anew() -> None:
    """A page that ran in between sets the time from which the run waits."""
    world = _full(World(paged(items(2), size=1)))
    await world.deliver(await world.begin())
    world.queues.counts[Queue.COPY] = 0
    await world.deliver(world.pages()[-1])
    world.clock.pass_by(_MINUTE)

    await world.deliver(_full(world).pages()[-1])

    assert world.run.withheld_since == START + _MINUTE


async def test_a_pause_ends() -> None:
    """With a saturation of 0 no page runs; once it is raised, the same message goes on to the end."""
    world = World(paged(items(3), size=1), saturation=0)
    await world.deliver(await world.begin())
    paused = world.keys()
    world.saturation = 1.5

    await world.drain()

    assert paused == []
    assert world.run.state is RunState.COMPLETE
    assert len(world.keys()) == 3


async def test_an_unreadable_count_withholds() -> None:
    """Where the queue can't be counted the page waits, and the run says so."""
    world = World(paged(items(1), size=1))
    world.queues.broken.add(Queue.COPY)

    await world.deliver(await world.begin())

    assert world.pages() == [PageRequest(dataset="demo", run="run-1")]
    assert world.delays() == [RECHECK]
    assert world.run.withheld_because == "the copy queue's length can't be read"


async def test_a_withheld_page_of_a_superseded_run_ends() -> None:
    """However many looks it takes: once its run is superseded, a withheld page isn't sent again."""
    world = _full(World(paged(items(1), size=1)))
    page = await world.begin()
    await world.deliver(page)
    await world.begin(run="run-2")
    before = world.run

    await world.deliver(page)

    assert len(world.pages()) == 1
    assert world.run == before


async def test_the_wait_holds_for_parts() -> None:
    """Each part looks anew: what the part before has filled up withholds the next one."""
    world = World(paged(items(12), size=12), capacity=2, saturation=1.5)
    page, asked = await world.begin(), list[int]()
    for done in (0, 0, 0, 1, 1):
        world.queues.counts[Queue.COPY] -= done
        await world.deliver(page)
        page = world.pages()[-1]
        asked.append(len(world.keys()))

    assert asked == [2, 4, 4, 4, 6]
