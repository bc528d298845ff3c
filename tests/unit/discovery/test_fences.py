"""A run is fenced: what belongs to a run, a pass or a part that is over ends quietly."""

from datetime import timedelta
from typing import Any, override

import pytest

from shared.model.messages import PageRequest
from shared.model.rows import Run, RunState
from tests.fakes import MemoryQueues, MemoryRuns
from tests.fakes.catalogs import paged
from tests.unit.discovery.world import START, World, items

_MINUTE = timedelta(minutes=1)


async def test_a_part_that_is_done_ends_quietly() -> None:
    """A second delivery of a page whose successor was asked for does nothing at all."""
    world = World(paged(items(2), size=1))
    first = await world.begin()
    await world.deliver(first)
    before, sent = world.run, list(world.queues.sent)
    world.clock.pass_by(_MINUTE)

    await world.deliver(first)

    assert (world.run, world.queues.sent) == (before, sent)
    assert len(world.catalog.asked) == 1


@pytest.mark.parametrize(
    "newest",
    [{"run": "run-2"}, {"pass_number": 2}, {"state": RunState.COMPLETE}, {"state": RunState.FAILED}],
    ids=["run", "pass", "complete", "failed"],
)
async def test_a_page_that_is_over_ends_quietly(newest: dict[str, Any]) -> None:
    """A page of a run or a pass that was superseded, or of a run that has ended, does nothing at all."""
    world = World(paged(items(2), size=1))
    first = await world.begin()
    await world.begin(**newest)
    before = world.run

    await world.deliver(first)

    assert (world.run, world.queues.sent, world.catalog.asked) == (before, [], [])


async def test_a_page_of_no_run_ends_quietly() -> None:
    """A page of a run that nobody knows does nothing at all."""
    world = World(paged(items(2), size=1))

    await world.deliver(PageRequest(dataset="demo", run="run-1"))

    assert (world.queues.sent, world.catalog.asked) == ([], [])


async def test_a_run_that_is_superseded_in_the_middle_of_a_look() -> None:
    """A page whose run is superseded while the queue is counted asks its catalog for nothing."""

    class Superseding(MemoryQueues):
        @override
        async def count(self, queue: str) -> int:
            await world.begin(run="run-2")
            return 0

    world = World(paged(items(2), size=1))
    world.queues = Superseding()
    first = await world.begin()

    await world.deliver(first)

    assert (world.queues.sent, world.catalog.asked) == ([], [])
    assert world.run.run == "run-2"


async def test_two_that_note_progress_at_once_both_do() -> None:
    """A row that changed since it was read is read again: neither what is noted nor what stands there is lost."""

    class Contended(MemoryRuns):
        contended = False

        @override
        async def save(self, run: Run, *, replaces: str | None) -> bool:
            if replaces is not None and not self.contended:
                self.contended = True
                there = self.newest_runs["demo"]
                other = there.run.model_copy(update={"progress_at": START + 2 * _MINUTE})
                await super().save(other, replaces=there.etag)
            return await super().save(run, replaces=replaces)

    world = World(paged(items(1), size=1), saturation=0)
    world.runs = Contended()
    first = await world.begin()
    world.clock.pass_by(_MINUTE)

    await world.deliver(first)

    assert (world.run.progress_at, world.run.withheld_since) == (START + 2 * _MINUTE, START + _MINUTE)
