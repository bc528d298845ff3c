import asyncio
from datetime import timedelta

from shared.model.assets import partition_key, row_key
from shared.model.rows import Failure
from shared.storage.failures import Failures
from tests.contracts.rows import MOMENT, failure


async def test_an_asset_that_never_failed_has_no_row(failures: Failures) -> None:
    """No row: never failed."""
    assert await failures.of("sentinel-2", "item", "key") is None


async def test_a_failure_comes_back_as_it_was_written(failures: Failures) -> None:
    """Every field survives, the longest message among them."""
    await failures.record([failure()])

    assert await failures.of("sentinel-2", "collection/item", "B02") == failure()


async def test_attempts_add_up_and_the_first_time_stays(failures: Failures) -> None:
    """The last failure stands there, with all attempts and the time of the first."""
    later = MOMENT + timedelta(hours=1)
    await failures.record([failure()])
    await failures.record([failure(error="SourceChangedError", first_at=later, last_at=later)])

    found = await failures.of("sentinel-2", "collection/item", "B02")

    assert found == failure(error="SourceChangedError", attempts=2, last_at=later)


async def test_failures_of_many_assets_are_recorded(failures: Failures) -> None:
    """Each asset has a row of its own, whatever partition it lies in."""
    many = [failure(item=f"item-{number}") for number in range(20)]

    await failures.record(many)

    assert [await failures.of("sentinel-2", each.item, "B02") for each in many] == many


async def test_nothing_to_record_is_nothing(failures: Failures) -> None:
    """An empty list is no mistake."""
    await failures.record([])

    assert await failures.of("sentinel-2", "collection/item", "B02") is None


async def test_writers_at_once_lose_nothing_and_raise_nothing(failures: Failures) -> None:
    """Two workers that fail on one asset at once both leave their attempt."""
    await asyncio.gather(failures.record([failure()]), failures.record([failure()]))

    assert await failures.of("sentinel-2", "collection/item", "B02") == failure(attempts=2)


async def test_failures_of_an_item(failures: Failures) -> None:
    """All assets of one item come at once, and none of another item or dataset."""
    ours = [failure(key=key) for key in ("B02", "B03")]
    await failures.record([*ours, failure(item="collection/other"), failure(dataset="sentinel-1")])

    found = await failures.of_item("sentinel-2", "collection/item")

    assert sorted(found, key=lambda each: each.key) == ours
    assert await failures.of_item("sentinel-2", "collection/none") == []


async def test_all_failures_of_a_dataset(failures: Failures) -> None:
    """All come, once, by partition and row; none comes of a dataset whose name begins alike or whose keys lie between.

    ``s2-1-05`` lies between ``s2-00`` and ``s2-31``.
    """
    ours = [failure(dataset="s2", item=f"item-{number}") for number in range(40)]
    others = [failure(dataset=name, item=f"item-{number}") for name in ("s", "s2-1", "s3") for number in range(10)]
    await failures.record([*ours, *others])

    found = [each async for each in failures.all_of("s2")]

    assert found == sorted(ours, key=_place)
    assert [each async for each in failures.all_of("s4")] == []


async def test_a_failure_is_removed_as_it_was_read(failures: Failures) -> None:
    """What is removed is gone, and nothing else; a second removal removes nothing."""
    await failures.record([failure(), failure(key="B03")])

    removed = [await failures.remove(failure()) for _ in range(2)]

    assert removed == [True, False]
    assert [each async for each in failures.all_of("sentinel-2")] == [failure(key="B03")]


async def test_a_failure_that_came_meanwhile_stays(failures: Failures) -> None:
    """Who failed after the row was read has told something new."""
    await failures.record([failure()])
    await failures.record([failure()])

    removed = await failures.remove(failure())

    assert not removed
    assert await failures.of("sentinel-2", "collection/item", "B02") == failure(attempts=2)


def _place(row: Failure) -> tuple[str, str]:
    return partition_key(row.dataset, row.item), row_key(row.item, row.key)
