"""A token that a catalog refuses: the run begins again at its first page."""

import pytest

from shared.model.errors import AssetNotFoundError, PermanentError, SourceChangedError, TokenRefusedError
from shared.model.messages import PageRequest
from shared.model.rows import RunState
from tests.fakes.catalogs import paged
from tests.fakes.faults import Faults, KilledError
from tests.unit.discovery.world import World, asset, items

_REFUSED = [
    TokenRefusedError("stac.example.org answered 400 to a next link of its own"),
    SourceChangedError("the manifest has changed since this run began to read it"),
]


@pytest.mark.parametrize("error", _REFUSED, ids=["token", "manifest"])
async def test_a_refused_token_begins_a_new_pass(error: Exception) -> None:
    """The first page is asked for in the next pass; nothing is poison, and nothing is put off."""
    world = World(paged(items(3), size=1))
    await world.deliver(await world.begin())
    world.catalog.errors = [error]

    await world.deliver(world.pages()[-1])

    assert world.pages()[1:] == [PageRequest(dataset="demo", run="run-1", pass_number=2)]
    assert world.poison() == []
    assert world.run.state is RunState.RUNNING


async def test_a_new_pass_finds_everything() -> None:
    """It reads all pages anew, and its counts alone are the run's."""
    world = World(paged(items(3), size=1))
    await world.deliver(await world.begin())
    world.catalog.errors = [_REFUSED[0]]

    await world.drain()

    assert (world.run.state, world.run.pass_number) == (RunState.COMPLETE, 2)
    assert {*world.keys()} == {asset(f"{number:03}").identity for number in range(3)}
    assert (await world.total()).available == 3


async def test_what_a_pass_has_brought_is_not_asked_for_again() -> None:
    """The run's own work counts as sent, in whichever pass it was."""
    world = World(paged(items(2), size=1))
    await world.deliver(await world.begin())
    await world.bring(asset("000"), cause="run-1")
    world.catalog.errors = [_REFUSED[0]]

    await world.drain()

    total = await world.total()
    assert world.keys() == [asset("000").identity, asset("001").identity]
    assert (total.items_sent, total.items_already) == (2, 0)


async def test_the_old_pass_is_over() -> None:
    """Once the new pass is at work, a page of the old one ends quietly."""
    world = World(paged(items(3), size=1))
    await world.deliver(await world.begin())
    old = world.pages()[-1]
    world.catalog.errors = [_REFUSED[0]]
    await world.deliver(old)
    await world.deliver(world.pages()[-1])
    asked, sent = len(world.catalog.asked), len(world.queues.sent)

    await world.deliver(old)

    assert (len(world.catalog.asked), len(world.queues.sent)) == (asked, sent)
    assert world.run.pass_number == 2


@pytest.mark.parametrize("has_effect", [False, True])
async def test_a_pass_that_dies_as_it_begins(has_effect: bool) -> None:  # noqa: FBT001 - a parameter of the case
    """Killed at any call, the refused page comes again: there is always a message that goes on."""
    for at in range(6):
        world = World(paged(items(2), size=1), saturation=float("inf"))
        await world.deliver(await world.begin())
        page = world.pages()[-1]
        world.catalog.errors = [TokenRefusedError("400"), TokenRefusedError("400")]
        try:
            await world.deliver(page, faults=Faults(at=at, has_effect=has_effect))
        except KilledError:
            await world.deliver(page)
        world.catalog.errors = []

        await world.drain()

        assert world.run.state is RunState.COMPLETE


@pytest.mark.parametrize("error", _REFUSED, ids=["token", "manifest"])
async def test_the_third_pass_is_the_last(error: Exception) -> None:
    """After that the run failed with the reason, and the page is poison."""
    world = World(paged(items(2), size=1))
    await world.begin()
    page = PageRequest(dataset="demo", run="run-1", pass_number=3, page=1, token="page-1")
    world.catalog.errors = [error]

    await world.deliver(page)

    assert (world.run.state, world.run.reason) == (RunState.FAILED, f"{type(error).__name__}: {error}")
    assert [each.pass_number for each in world.poison()] == [3]


@pytest.mark.parametrize("error", [AssetNotFoundError("404"), PermanentError("no")])
async def test_a_first_page_that_is_not_there(error: Exception) -> None:
    """What nobody linked to is no token that expired: the run failed at once."""
    world = World(paged(items(2), size=1))
    world.catalog.errors = [error]

    await world.deliver(await world.begin())

    assert (world.run.state, world.pages()) == (RunState.FAILED, [])
