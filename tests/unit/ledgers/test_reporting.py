"""What a run came to, asset by asset."""

from datetime import timedelta

import pytest

from shared.ledgers import Line, Outcome, Receipt, Summary, Word
from shared.model.counts import PartCounts
from shared.model.errors import UnknownDatasetError, UnknownRunError
from shared.model.items import End
from shared.model.plans import PlanTotals
from shared.model.rows import RunState
from shared.model.windows import Window
from tests.unit.ledgers.world import HOUR, RUN, World, page_of
from tests.unit.model.builders import NOON, asset

ONE, TWO, THREE, FOUR, FIVE = (
    asset(item=f"s2/{each}", key="data", name=f"demo/{each}") for each in ("one", "two", "three", "four", "five")
)
_TOLD = "a newer run has begun: this one's state is told from its pages and counts"


async def reported(world: World, *, dataset: str | None = None) -> tuple[list[Line], Summary]:
    """The run's lines and their summary."""
    receipt = await world.reporting.receipt(RUN, dataset=dataset)
    lines = [each async for each in receipt.lines()]
    return lines, await receipt.summary()


def outcomes(lines: list[Line]) -> list[tuple[str, str, int | None, int | None]]:
    """Item, outcome, pass and page of each."""
    return [(each.item.removeprefix("s2/"), each.outcome.value, each.pass_number, each.page) for each in lines]


async def test_a_run_that_is_complete() -> None:
    """Every asset of every page once, in their order, and all of them in one word."""
    world = World()
    await world.begin(ended_at=NOON + HOUR)
    await world.keep(0, ONE, TWO, THREE, is_last=False)
    await world.keep(1, FOUR)
    for each in (ONE, TWO, THREE, FOUR):
        await world.bring(each, length=7)

    lines, summary = await reported(world)

    assert outcomes(lines) == [
        ("one", "copied", 1, 0),
        ("two", "copied", 1, 0),
        ("three", "copied", 1, 0),
        ("four", "copied", 1, 1),
    ]
    assert summary == Summary(
        dataset="demo",
        run=RUN,
        status=Word.COMPLETED,
        reason=None,
        state=RunState.COMPLETE,
        began_at=NOON,
        ended_at=NOON + HOUR,
        pages=2,
        assets={each: 4 if each is Outcome.COPIED else 0 for each in Outcome},
        bytes=28,
        refused_items=0,
        notes=(),
    )


async def test_a_run_with_something_of_everything() -> None:
    """Bytes are those that this run copied; what was refused comes last; errors are told in words."""
    world = World()
    await world.begin()
    await world.keep(0, ONE, TWO, THREE, FOUR, refused=2)
    await world.bring(ONE, length=7)
    await world.bring(TWO, cause="run-0", completed_at=NOON - HOUR)
    await world.fail(THREE, error="ChecksumMismatchError")
    await world.bring(FOUR, cause="run-2", completed_at=NOON + HOUR)
    await world.fail(asset(item="s2/bad", key="data"), href="", error="BadNameError")
    await world.fail(asset(item="s2/bad", key="old"), href="", cause="run-0")

    lines, summary = await reported(world)

    assert outcomes(lines) == [
        ("one", "copied", 1, 0),
        ("two", "skipped", 1, 0),
        ("three", "failed", 1, 0),
        ("four", "superseded", 1, 0),
        ("bad", "refused", None, None),
    ]
    assert (summary.status, summary.bytes, summary.refused_items) == (Word.COMPLETED_WITH_ERRORS, 7, 2)
    assert summary.reason == "assets: 1 failed, 1 refused; items refused at discovery: 2"
    assert summary.notes == (
        "1 of 2 refused items are told of: of the others another run or event has recorded something since",
    )


async def test_what_was_refused_and_is_told_of_no_more() -> None:
    """Its pages count it still: the run isn't called Completed."""
    world = World()
    await world.begin()
    await world.keep(0, ONE, refused=1)
    await world.bring(ONE)

    _, summary = await reported(world)

    assert (summary.status, summary.reason) == (Word.COMPLETED_WITH_ERRORS, "items refused at discovery: 1")


async def test_a_run_that_goes_on() -> None:
    """What a part hasn't sent yet wasn't asked for; what was sent and isn't there is outstanding."""
    world = World()
    await world.begin(state="running")
    await world.keep(0, ONE, TWO, THREE, is_last=False)
    del world.runs.parts["demo", RUN, (1, 0, 1)]

    lines, summary = await reported(world)

    assert outcomes(lines) == [
        ("one", "outstanding", 1, 0),
        ("two", "outstanding", 1, 0),
        ("three", "not_asked", 1, 0),
    ]
    assert (summary.status, summary.reason) == (Word.IN_PROGRESS, None)


async def test_a_run_that_has_no_page_yet() -> None:
    """Its first page is still to be listed, or can't be."""
    world = World()
    await world.begin(state="failed", reason="EndlessCatalogError: again")

    lines, summary = await reported(world)

    assert (lines, summary.pages) == ([], 0)
    assert (summary.status, summary.reason) == (Word.FAILED, "EndlessCatalogError: again")


async def test_a_run_that_reached_its_caps() -> None:
    """What lies beyond them wasn't asked for, and the run says why."""
    world = World()
    await world.begin(state="capped", reason="3 assets")
    await world.keep(0, ONE, TWO, THREE, FOUR, FIVE, end=End(before=3, because="3 assets"))
    for each in (ONE, TWO, THREE):
        await world.bring(each)

    lines, summary = await reported(world)

    assert [outcome for _, outcome, _, _ in outcomes(lines)] == ["copied"] * 3 + ["not_asked"] * 2
    assert (summary.status, summary.reason) == (Word.COMPLETED_WITH_SKIPPED, "3 assets")


async def test_a_capped_run_with_failures() -> None:
    """Both are said."""
    world = World()
    await world.begin(state="capped", reason="1 assets are the cap")
    await world.keep(0, ONE, TWO, end=End(before=1, because="1 assets are the cap"))
    await world.fail(ONE)

    _, summary = await reported(world)

    assert summary.status is Word.COMPLETED_WITH_ERRORS
    assert summary.reason == "1 assets are the cap; assets: 1 failed, 1 not asked"


async def test_an_asset_that_stands_on_two_pages() -> None:
    """Where a catalog moves while it is read, the next page begins with what this one has: it counts once."""
    world = World()
    await world.begin()
    await world.keep(0, ONE, TWO, is_last=False)
    await world.keep(1, TWO, THREE, repeats=1, repeated=(TWO.item,))

    lines, _ = await reported(world)

    assert [item for item, *_ in outcomes(lines)] == ["one", "two", "three"]


async def test_a_run_of_several_passes() -> None:
    """The newest pass counts; what only older ones listed was asked for too, and comes after it."""
    world = World()
    await world.begin(pass_number=2)
    await world.keep(0, ONE, TWO, pass_number=1, is_last=False)
    await world.keep(0, TWO, THREE, pass_number=2)
    for each in (ONE, TWO, THREE):
        await world.bring(each)

    lines, summary = await reported(world)

    assert outcomes(lines) == [("two", "copied", 2, 0), ("three", "copied", 2, 0), ("one", "copied", 1, 0)]
    assert summary.status is Word.COMPLETED
    assert summary.notes == ("it went through its catalog 2 times; each asset counts once",)


async def test_pages_that_are_gone() -> None:
    """They are kept for a month: what they listed isn't known, so the run isn't called Completed."""
    world = World()
    await world.begin()
    await world.keep(0, ONE, is_last=False)
    await world.keep(1, TWO)
    await world.bring(TWO)
    del world.runs.pages["demo", RUN, (1, 0)]

    lines, summary = await reported(world)

    assert outcomes(lines) == [("two", "copied", 1, 1)]
    assert (summary.status, summary.reason) == (Word.COMPLETED_WITH_ERRORS, "pages that aren't kept any more: 1")
    assert summary.notes == ("pages that aren't kept any more, so their assets aren't in the report: 1",)


@pytest.mark.parametrize("dataset", [None, "demo"])
async def test_an_older_run(dataset: str | None) -> None:
    """The run store has a newer one: pages and counts say that it came to its end, its id when it began."""
    world = World()
    await world.begin(run="20240701T000000Z-bbbb0002")
    await world.keep(0, ONE, is_last=False)
    await world.keep(1, TWO)
    await world.bring(ONE)
    await world.bring(TWO, cause="run-0", completed_at=NOON - timedelta(seconds=1))

    lines, summary = await reported(world, dataset=dataset)

    assert outcomes(lines) == [("one", "copied", 1, 0), ("two", "skipped", 1, 1)]
    assert (summary.status, summary.state, summary.began_at) == (Word.COMPLETED_WITH_SKIPPED, None, NOON)
    assert (summary.reason, summary.notes) == (None, (_TOLD,))


async def test_an_older_run_whose_counts_do_not_add_up() -> None:
    """What they lack is told."""
    world = World()
    await world.keep(0, ONE, available=3)
    await world.bring(ONE)

    _, summary = await reported(world)

    assert summary.status is Word.COMPLETED_WITH_ERRORS
    assert (summary.reason or "").startswith("the window from page 0 has 3 items, but 1 sent")


async def test_an_older_run_that_reached_its_caps() -> None:
    """Its last page says so."""
    world = World()
    await world.keep(0, ONE, TWO, is_last=False, end=End(before=1, because="1 asset is the cap"))
    await world.bring(ONE)

    _, summary = await reported(world)

    assert (summary.status, summary.reason) == (Word.COMPLETED_WITH_SKIPPED, "1 asset is the cap")


@pytest.mark.parametrize("ends", ["before its catalog", "before its last part", "before its windows"])
async def test_an_older_run_that_never_ended(ends: str) -> None:
    """It failed, was cancelled or was superseded; which, nobody knows any more."""
    world = World()
    split = (Window(until=NOON), Window(since=NOON)) if ends == "before its windows" else ()
    await world.keep(0, ONE, is_last=ends != "before its catalog", split=split)
    if ends == "before its last part":
        await world.runs.count("demo", RUN, place=(1, 0, 0), counts=PartCounts(items_sent=1))
    if split:
        await world.keep(1, TWO)

    _, summary = await reported(world)

    assert summary.status is Word.FAILED
    assert summary.reason == "its pages end before its catalog does: it failed, was cancelled or was superseded"


async def test_an_older_run_over_split_windows() -> None:
    """It came to its end once each part of its window did."""
    world = World()
    await world.keep(0, split=(Window(until=NOON), Window(since=NOON)))
    await world.keep(1, ONE)
    await world.keep(2, TWO)
    await world.bring(ONE)
    await world.bring(TWO)

    _, summary = await reported(world)

    assert (summary.status, summary.pages) == (Word.COMPLETED, 3)


async def test_an_older_run_of_several_passes() -> None:
    """Its pages say how many; also where the first of a pass is gone."""
    world = World()
    await world.keep(0, ONE, pass_number=1, is_last=False)
    await world.keep(0, ONE, pass_number=2)
    await world.bring(ONE)
    del world.runs.pages["demo", RUN, (1, 0)]

    lines, summary = await reported(world)

    assert outcomes(lines) == [("one", "copied", 2, 0)]
    assert len(summary.notes) == 3


async def test_a_plan_has_no_receipt() -> None:
    """It asks for nothing, though its pages stand where a run's do."""
    world = World()
    await world.runs.keep("demo", RUN, place=(1, 0), page=page_of(ONE))
    await world.totals.write("demo", RUN, place=(1, 0), totals=PlanTotals(pages=1))

    with pytest.raises(UnknownRunError, match="is a plan, which asks for nothing"):
        await world.reporting.receipt(RUN)


@pytest.mark.parametrize(
    ("run", "dataset", "because"),
    [
        (RUN, None, "is no run of demo, other that is known; no page of it is kept: they are for a month"),
        (RUN, "other", "is no run of other that is known"),
        ("yesterday", None, "is no run of demo, other that is known"),
    ],
)
async def test_a_run_that_nobody_knows(run: str, dataset: str | None, because: str) -> None:
    """What was looked at is said."""
    with pytest.raises(UnknownRunError, match=because):
        await World().reporting.receipt(run, dataset=dataset)


async def test_an_older_run_without_a_time() -> None:
    """When it began stands in its id, and nothing can be told without."""
    world = World()
    await world.runs.keep("demo", "odd", place=(1, 0), page=page_of(ONE))

    with pytest.raises(UnknownRunError, match="'odd' is no run's id: it begins with a time, such as"):
        await world.reporting.receipt("odd")


async def test_a_dataset_that_there_isnt() -> None:
    """It is named, with those that there are."""
    with pytest.raises(UnknownDatasetError, match="these are defined: demo, other"):
        await World().reporting.receipt(RUN, dataset="nothing")


async def test_progress() -> None:
    """How many pages were looked at is known at any time; of how many, nobody knows."""
    world = World()
    await world.begin()
    await world.keep(0, ONE, is_last=False)
    await world.keep(1, TWO)
    receipt: Receipt = await world.reporting.receipt(RUN)

    pages = [receipt.pages async for _ in receipt.lines()]

    assert (pages, receipt.pages) == ([1, 2], 2)
