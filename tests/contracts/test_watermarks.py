import asyncio
from datetime import timedelta

import pytest

from shared.model.rows import Run, Watermark
from shared.model.windows import TimeProperty
from shared.storage.accounts import Account
from shared.storage.blobs import AzureBlobs
from shared.storage.runs import AzureRuns
from shared.storage.watermarks import AzureWatermarks, WatermarkEntry, Watermarks
from tests.contracts.conftest import new_container, new_table
from tests.contracts.rows import MOMENT

_MARK = Watermark(dataset="sentinel-2", by=TimeProperty.UPDATED, at=MOMENT, run="r1")
_LATER = _MARK.model_copy(update={"at": MOMENT + timedelta(microseconds=1), "run": "r2"})


async def stands(watermarks: Watermarks) -> WatermarkEntry:
    """The watermark, which is there."""
    found = await watermarks.of("sentinel-2")
    assert found is not None
    return found


async def test_a_dataset_that_was_never_read_whole(watermarks: Watermarks) -> None:
    """It has no watermark."""
    assert await watermarks.of("sentinel-2") is None


@pytest.mark.parametrize("by", list(TimeProperty))
async def test_a_watermark_comes_back_as_it_was_saved(watermarks: Watermarks, by: TimeProperty) -> None:
    """Every field survives, microseconds among them, and other datasets have none by it."""
    mark = _MARK.model_copy(update={"by": by})
    assert await watermarks.save(mark, replaces=None)

    assert (await stands(watermarks)).watermark == mark
    assert await watermarks.of("sentinel") is None


async def test_a_watermark_is_moved_by_who_read_it(watermarks: Watermarks) -> None:
    """With the ETag that was read."""
    await watermarks.save(_MARK, replaces=None)

    assert await watermarks.save(_LATER, replaces=(await stands(watermarks)).etag)
    assert (await stands(watermarks)).watermark == _LATER


async def test_who_read_an_older_watermark_moves_nothing(watermarks: Watermarks) -> None:
    """So that none goes back."""
    await watermarks.save(_MARK, replaces=None)
    stale = (await stands(watermarks)).etag
    await watermarks.save(_LATER, replaces=stale)

    assert not await watermarks.save(_MARK, replaces=stale)
    assert not await watermarks.save(_MARK, replaces=None)
    assert (await stands(watermarks)).watermark == _LATER


async def test_one_of_two_first_writers_wins(watermarks: Watermarks) -> None:
    """Of two that saw none one writes, and each is told whether it was the one."""
    won = await asyncio.gather(watermarks.save(_MARK, replaces=None), watermarks.save(_LATER, replaces=None))

    assert sorted(won) == [False, True]
    assert (await stands(watermarks)).watermark == (_MARK if won[0] else _LATER)


async def test_a_save_whose_answer_was_lost_finds_itself(watermarks: Watermarks) -> None:
    """The same watermark, saved again under the same condition, was saved."""
    await watermarks.save(_MARK, replaces=None)

    assert await watermarks.save(_MARK, replaces=None)


async def test_a_watermark_that_went_away(watermarks: Watermarks) -> None:
    """An ETag of nothing replaces nothing."""
    assert not await watermarks.save(_MARK, replaces='W/"1"')


async def test_a_watermark_beside_its_run(account: Account) -> None:
    """Both stand in one table, and neither is taken for the other."""
    table = await new_table(account)
    runs = AzureRuns(
        account.tables,
        blobs=AzureBlobs(account.blobs, account.blob_calls),
        table=table,
        container=await new_container(account),
    )
    watermarks = AzureWatermarks(account.tables, table=table)
    run = Run(dataset="sentinel-2", run="r1", trigger="schedule", began_at=MOMENT, progress_at=MOMENT)

    assert await runs.save(run, replaces=None)
    assert await watermarks.save(_MARK, replaces=None)

    newest = await runs.newest("sentinel-2")
    assert newest is not None
    assert (newest.run, (await stands(watermarks)).watermark) == (run, _MARK)
