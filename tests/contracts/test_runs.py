import asyncio
from datetime import timedelta

import pytest

from shared.model.assets import Asset
from shared.model.counts import Counts, PartCounts, WindowCounts
from shared.model.items import Cut, PlannedItem, PlannedPage
from shared.model.rows import Run, RunKind, RunState
from shared.model.windows import TimeProperty, Window
from shared.storage.runs import RunEntry, Runs
from tests.contracts.rows import MOMENT

_RUN = Run(dataset="sentinel-2", run="r1", trigger="schedule", began_at=MOMENT, progress_at=MOMENT)
_FULL = Run(
    dataset="sentinel-2",
    run="r2",
    state=RunState.FAILED,
    pass_number=3,
    kind=RunKind.INCREMENTAL,
    by=TimeProperty.PUBLISHED,
    window=Window(since=MOMENT, until=MOMENT + timedelta(microseconds=1)),
    trigger="request",
    began_at=MOMENT,
    progress_at=MOMENT,
    ended_at=MOMENT,
    scheduled_at=MOMENT,
    full_at=MOMENT,
    withheld_since=MOMENT,
    withheld_because="the source asked for patience",
    reason="EndlessCatalogError",
)


def page(item: str) -> PlannedPage:
    asset = Asset(item=item, key="B02", href="https://data.example.org/é.tif", name="a/b.tif", updated=MOMENT)
    return PlannedPage(
        items=(PlannedItem(item=item, assets=(asset,)),),
        next_token="t2",
        available=3,
        filtered=1,
        refused=1,
        cut=Cut(bundle_assets=32, bundle_bytes=1 << 20, requests=24),
        token="t1",
        listed=("0123456789abcdef",),
        repeated=(item,),
        repeats=1,
        listed_before=7,
        empty_before=2,
        matched=3,
        split=(Window(until=MOMENT), Window(since=MOMENT)),
        is_capped=True,
    )


async def newest(runs: Runs) -> RunEntry:
    """The newest run, which is there."""
    found = await runs.newest("sentinel-2")
    assert found is not None
    return found


async def test_a_dataset_without_runs_has_no_newest(runs: Runs) -> None:
    """No run yet."""
    assert await runs.newest("sentinel-2") is None


@pytest.mark.parametrize("run", [_RUN, _FULL], ids=["as it begins", "with every field"])
async def test_a_run_comes_back_as_it_was_saved(runs: Runs, run: Run) -> None:
    """Every field survives, windows and microseconds among them."""
    assert await runs.save(run, replaces=None)

    assert (await newest(runs)).run == run


async def test_a_run_is_replaced_by_who_read_it(runs: Runs) -> None:
    """With the ETag that was read, the next state or the next run is written, whole."""
    await runs.save(_FULL, replaces=None)

    assert await runs.save(_RUN, replaces=(await newest(runs)).etag)
    assert (await newest(runs)).run == _RUN


async def test_only_one_of_two_starts_a_run(runs: Runs) -> None:
    """Of two timers that saw no run one wins, and is told so."""
    other = _RUN.model_copy(update={"run": "r0"})

    won = await asyncio.gather(runs.save(_RUN, replaces=None), runs.save(other, replaces=None))

    assert sorted(won) == [False, True]
    assert (await newest(runs)).run == (_RUN if won[0] else other)


async def test_a_superseded_run_saves_nothing(runs: Runs) -> None:
    """Who read an older state can't write over a newer one."""
    await runs.save(_RUN, replaces=None)
    stale = (await newest(runs)).etag
    await runs.save(_FULL, replaces=stale)

    assert not await runs.save(_RUN, replaces=stale)
    assert (await newest(runs)).run == _FULL


async def test_a_save_whose_answer_was_lost_finds_itself(runs: Runs) -> None:
    """The same run, saved again under the same condition, was saved."""
    await runs.save(_RUN, replaces=None)

    assert await runs.save(_RUN, replaces=None)


async def test_a_run_that_went_away_is_not_replaced(runs: Runs) -> None:
    """An ETag of nothing replaces nothing."""
    assert not await runs.save(_RUN, replaces='W/"1"')


async def test_counts_of_a_part_are_written_over(runs: Runs) -> None:
    """A redelivery writes its counts again, over what stands there."""
    place = (1, 0, 0)
    counts = PartCounts(available=5, filtered=1, refused=1, sent=7, already=2, done=True)
    await runs.count("sentinel-2", "r1", place=place, counts=counts.model_copy(update={"done": False}))
    await runs.count("sentinel-2", "r1", place=place, counts=counts)

    assert await runs.part("sentinel-2", "r1", place=place) == counts
    assert await runs.part("sentinel-2", "r1", place=(1, 0, 1)) is None


async def test_counts_of_a_pass_add_up(runs: Runs) -> None:
    """All pages and parts of a pass, none of another pass, run or dataset."""
    one = PartCounts(available=1, filtered=2, refused=3, sent=4, already=5, done=True)
    for place in ((1, 0, 0), (1, 0, 1), (1, 12, 0), (11, 0, 0), (2, 0, 0)):
        await runs.count("a", "b-c", place=place, counts=one)
    await runs.count("a", "r2", place=(1, 0, 0), counts=one)
    await runs.count("a-b", "c", place=(1, 1, 0), counts=one)

    total = await runs.total("a", "b-c", pass_number=1)

    assert total == Counts(available=3, filtered=6, refused=9, sent=12, already=15)
    assert await runs.total("a", "r9", pass_number=1) == Counts()


async def test_counts_by_window(runs: Runs) -> None:
    """The parts of each window together, by the page that it began with, with what was stated of it meanwhile."""
    one = PartCounts(available=2, items_sent=1, items_already=1, repeated=1, sent=3, window=0, matched=9, done=True)
    parts = {
        (1, 0, 0): one,
        (1, 0, 1): PartCounts(sent=1),
        (1, 1, 0): one.model_copy(update={"matched": 8, "changed": "its last page has a next one"}),
        (1, 2, 0): PartCounts(window=2, matched=20, is_split=True),
        (1, 3, 0): PartCounts(window=3, is_capped=True),
        (2, 0, 0): one,
    }
    for place, counts in parts.items():
        await runs.count("a", "r1", place=place, counts=counts)

    assert await runs.windows("a", "r1", pass_number=1) == {
        0: WindowCounts(
            counts=Counts(available=4, items_sent=2, items_already=2, repeated=2, sent=7),
            fewest=8,
            most=9,
            changed="its last page has a next one",
        ),
        2: WindowCounts(fewest=20, most=20, is_split=True),
        3: WindowCounts(is_capped=True),
    }
    assert await runs.windows("a", "r2", pass_number=1) == {}


async def test_a_kept_page_is_read_again(runs: Runs) -> None:
    """A page is kept for its parts and redeliveries."""
    assert await runs.keep("sentinel-2", "r1", place=(1, 0), page=page("one")) == page("one")

    assert await runs.page("sentinel-2", "r1", place=(1, 0)) == page("one")
    assert await runs.page("sentinel-2", "r1", place=(1, 1)) is None


async def test_the_first_kept_page_stays(runs: Runs) -> None:
    """Who comes second gets the first one's page: both then make the same requests."""
    await runs.keep("sentinel-2", "r1", place=(1, 0), page=page("first"))

    assert await runs.keep("sentinel-2", "r1", place=(1, 0), page=page("second")) == page("first")
    assert await runs.page("sentinel-2", "r1", place=(1, 0)) == page("first")
