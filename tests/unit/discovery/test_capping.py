"""A run ends that outgrows its dataset's caps, and the next one goes on."""

import itertools
import math
from typing import Any

import pytest

from shared.model.assets import Asset
from shared.model.caps import Caps, Spent
from shared.model.datasets import Datasets
from shared.model.errors import SourceChangedError, StorageFailedError
from shared.model.items import CatalogItem, End, Page
from shared.model.messages import Queue
from shared.model.rows import RunState
from tests.fakes.catalogs import paged
from tests.fakes.faults import Faults, KilledError
from tests.unit.discovery.world import World, asset, item, items
from tests.unit.model.builders import dataset

_TEN = [asset(f"{number:03}", size=10) for number in range(10)]


def _world(caps: dict[str, Any] | None, *, size: int = 4, capacity: int = 24, **parts: Any) -> World:
    """Ten items of one asset of ten bytes, which travel alone."""
    alone = {"policy": {"bundle_assets": 1}}
    return World(
        paged(items(10, size=10), size=size), capacity=capacity, saturation=math.inf, caps=caps, **{**alone, **parts}
    )


async def _run(world: World, **values: Any) -> None:
    await world.deliver(await world.begin(**values))
    await world.drain()


@pytest.mark.parametrize(
    ("caps", "asked"),
    [
        ({"max_assets": 1}, 1),
        ({"max_assets": 6}, 6),
        ({"max_assets": 8}, 8),
        ({"max_bytes": 60}, 6),
        ({"max_bytes": 69}, 6),
        ({"max_bytes": 9}, 0),
        ({"max_assets": 7, "max_bytes": 60}, 6),
    ],
)
@pytest.mark.parametrize("capacity", [1, 3, 24])
async def test_a_hard_cap_is_never_exceeded(caps: dict[str, Any], asked: int, capacity: int) -> None:
    """The run ends right before the asset that would exceed a cap, however its pages are cut into parts."""
    world = _world(caps, capacity=capacity)

    await _run(world)

    assert world.keys() == [each.identity for each in _TEN[:asked]]
    assert (world.run.state, (await world.total()).sent) == (RunState.CAPPED, asked)
    assert world.run.ended_at == world.clock()


@pytest.mark.parametrize("caps", [{"max_assets": 10}, {"max_bytes": 100}])
@pytest.mark.parametrize("cutoff", ["hard", "soft"])
async def test_a_run_that_just_fits_is_complete(caps: dict[str, Any], cutoff: str) -> None:
    """A cap that is reached with the last asset cuts nothing off."""
    world = _world({**caps, "cutoff": cutoff})

    await _run(world)

    assert (world.run.state, world.run.reason, len(world.keys())) == (RunState.COMPLETE, None, 10)


@pytest.mark.parametrize(("capacity", "asked"), [(24, 8), (3, 7), (1, 6)])
async def test_a_soft_cap_lets_end_what_is_under_way(capacity: int, asked: int) -> None:
    """The part in which the cap is reached is asked for whole, and no part or page begins after it."""
    world = _world({"max_assets": 6, "cutoff": "soft"}, capacity=capacity)

    await _run(world)

    assert world.keys() == [each.identity for each in _TEN[:asked]]
    assert (world.run.state, (await world.total()).sent) == (RunState.CAPPED, asked)


@pytest.mark.parametrize(
    ("caps", "told"),
    [
        (
            {"max_assets": 6},
            (
                "6 assets of 60 bytes were asked for; caps.max_assets is 6 (hard); "
                "the next asset, 'data' of 's2/006', has 10 bytes; "
                "the next run goes on with it, and a higher cap lets one run bring more"
            ),
        ),
        (
            {"max_bytes": 60, "cutoff": "soft"},
            (
                "8 assets of 80 bytes were asked for; caps.max_bytes is 60 (soft); "
                "the next run goes on, and a higher cap lets one run bring more"
            ),
        ),
    ],
)
async def test_the_status_says_why(caps: dict[str, Any], told: str) -> None:
    """The cap, the numbers and the way out stand in the run."""
    world = _world(caps)

    await _run(world)

    assert world.run.reason == told


async def test_bundles_are_cut() -> None:
    """Of assets that share a message, those go that fit."""
    world = World(
        {None: Page(items=(item("a", *"wxyz", size=1),), next_token=None)}, caps={"max_assets": 3}, saturation=math.inf
    )

    await _run(world)

    assert [[each.key for each in request.assets] for request in world.requests()] == [["w", "x", "y"]]
    assert world.run.state is RunState.CAPPED


async def test_unknown_sizes_count_as_none() -> None:
    """A cap on bytes cuts nothing where the catalog states no sizes."""
    world = World(paged(items(3), size=2), caps={"max_bytes": 1}, saturation=math.inf)

    await _run(world)

    assert (world.run.state, len(world.keys())) == (RunState.COMPLETE, 3)


@pytest.mark.parametrize("cutoff", ["hard", "soft"])
async def test_runs_go_on_where_the_last_one_was_cut(cutoff: str) -> None:
    """What is there costs nothing: run after run, all of it comes, once."""
    world = _world({"max_assets": 4, "cutoff": cutoff})
    states: list[RunState] = []
    for number in itertools.count(1):
        known = len(world.requests())
        await _run(world, run=f"run-{number}")
        brought = [asset for each in world.requests()[known:] for asset in each.assets]
        await world.bring(*brought, cause=f"run-{number}")
        states.append(world.run.state)
        if world.run.state is RunState.COMPLETE:
            break

    assert world.keys() == [each.identity for each in _TEN]
    assert states == [RunState.CAPPED, RunState.CAPPED, RunState.COMPLETE]


async def test_what_is_there_behind_a_hard_cap_is_counted() -> None:
    """A run whose cap is reached goes on as long as nothing has to be asked for."""
    world = _world({"max_assets": 2})
    await world.bring(*_TEN[2:], cause="run-0")

    await _run(world)

    total = await world.total()
    assert (world.run.state, total.sent, total.already) == (RunState.COMPLETE, 2, 8)


@pytest.mark.parametrize("cutoff", ["hard", "soft"])
async def test_no_watermark_moves(cutoff: str) -> None:
    """What was cut off was never asked for: the next window begins where this one did."""
    world = _world({"max_assets": 3, "cutoff": cutoff}, incremental={}, schedule="0 * * * *")

    await _run(world)

    assert world.run.state is RunState.CAPPED
    assert await world.watermarks.of("demo") is None


_HOW = pytest.mark.parametrize(
    ("error", "has_effect"),
    [(KilledError, False), (KilledError, True), (lambda: StorageFailedError("500"), False)],
    ids=["killed before", "killed after", "failed"],
)


@_HOW
@pytest.mark.parametrize("cutoff", ["hard", "soft"])
@pytest.mark.parametrize("capacity", [1, 3, 24])
async def test_a_redelivery_is_cut_alike(cutoff: str, capacity: int, error: Any, *, has_effect: bool) -> None:
    """Wherever a delivery fails, the run asks for the same as one that doesn't, and ends with the same reason."""
    expected, counted = _world({"max_assets": 6, "cutoff": cutoff}, capacity=capacity), Faults()
    await _work(expected, counted)
    for at in range(len(counted.calls)):
        world = _world({"max_assets": 6, "cutoff": cutoff}, capacity=capacity)

        await _work(world, Faults(at=at, has_effect=has_effect, error=error))

        assert set(world.keys()) == set(expected.keys())
        assert world.run == expected.run


@_HOW
@pytest.mark.parametrize(("cutoff", "capacity", "most"), [("hard", 1, 6), ("hard", 24, 6), ("soft", 1, 6)])
async def test_no_event_lets_a_run_exceed_its_cap(
    cutoff: str, capacity: int, most: int, error: Any, *, has_effect: bool
) -> None:
    """Whatever an event brings between two deliveries, the run doesn't bring more than its cap beside that."""
    counted = Faults()
    await _work(_world({"max_assets": 6, "cutoff": cutoff}, capacity=capacity), counted)
    for at in range(len(counted.calls)):
        for brought in (0, 3, 5):
            world = _world({"max_assets": 6, "cutoff": cutoff}, capacity=capacity)

            await _work(world, Faults(at=at, has_effect=has_effect, error=error), brought_by_an_event=_TEN[brought])

            assert len(set(world.keys()) - {_TEN[brought].identity}) <= most
            assert world.run.state is RunState.CAPPED


async def _work(world: World, faults: Faults, *, brought_by_an_event: Asset | None = None) -> None:
    """Deliver page after page, again where that fails; an event brings an asset before it is delivered again."""
    waiting = [await world.begin()]
    while waiting:
        known = len(world.pages())
        try:
            await world.deliver(waiting[0], faults=faults)
            waiting.pop(0)
        except (KilledError, StorageFailedError, BaseExceptionGroup):
            if brought_by_an_event is not None:
                await world.bring(brought_by_an_event, cause="event-1")
        waiting += world.pages()[known:]


async def test_the_cut_is_kept_with_the_page() -> None:
    """Two deliveries at once end at the same asset: whoever keeps the page first has decided."""
    world = _world({"max_assets": 6})

    await _run(world)

    page = world.runs.pages["demo", "run-1", (1, 1)]
    assert page.end == End(before=2, because=world.run.reason or "")


@pytest.mark.parametrize("caps", [None, Caps(max_assets=9)])
async def test_a_page_that_was_cut_stays_so(caps: Caps | None) -> None:
    """Caps that are lifted while a run goes on leave it capped: what its page left out was never asked for."""
    world = _world({"max_assets": 6}, capacity=1)
    request = await world.begin()
    for _ in range(5):
        await world.deliver(request)
        request = world.pages()[-1]
    lifted = dataset(policy={"bundle_assets": 1}).model_copy(update={"caps": caps})
    world.datasets = Datasets(datasets={"demo": lifted})

    await world.deliver(request)
    assert world.run.state is RunState.CAPPED
    assert len(world.keys()) == 6


async def test_a_new_pass_spends_what_the_old_one_left() -> None:
    """A run that begins again asks for no more than its cap in all its passes together."""
    world = _world({"max_assets": 6})
    await world.deliver(await world.begin())
    world.catalog.errors = [SourceChangedError("another manifest")]

    await world.drain()

    assert [each.spent for each in world.pages()] == [Spent(assets=4, bytes=40)] * 2
    assert (world.run.state, world.run.pass_number, len(world.keys())) == (RunState.CAPPED, 2, 6)


async def test_the_end_is_no_lack() -> None:
    """The catalog isn't asked again for the last page of a run that was cut: it isn't judged."""
    world = _world({"max_assets": 2}, size=10)

    await _run(world)

    assert [token for token, _ in world.catalog.asked] == [None]


async def test_items_that_stand_twice_cost_twice() -> None:
    """As counted, so capped: what a page repeats counts for its assets on both."""
    one, two, three = items(3, size=10)
    pages = {None: _page(one, two, following="next"), "next": _page(two, three)}
    world = World(pages, caps={"max_assets": 3}, policy={"bundle_assets": 1}, saturation=math.inf)

    await _run(world)

    assert world.keys() == [asset(each, size=10).identity for each in ("000", "001", "001")]
    assert (world.run.state, (await world.total()).sent) == (RunState.CAPPED, 3)


async def test_a_hard_cap_looks_into_the_ledger_once_more_only_where_it_may_cut() -> None:
    """Pages that fit whole cost nothing more."""
    world = _world({"max_assets": 10})
    faults = Faults()

    await world.deliver(await world.begin(), faults=faults)

    assert [each.method for each in faults.calls].count("of_items") == 1


async def test_a_run_without_caps_spends_nothing() -> None:
    """Its messages carry no sum."""
    world = _world(None)

    await _run(world)

    assert [each.spent for each in world.pages() if each.spent] == []
    assert world.queues.bodies(Queue.DISCOVER.poison) == []


def _page(*listed: CatalogItem, following: str | None = None) -> Page:
    return Page(items=listed, next_token=following)
