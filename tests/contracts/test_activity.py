from datetime import date

from shared.model.rows import Activity
from shared.storage.activity import Activities

_DAY = date(2024, 2, 29)


async def test_a_day_without_activity_is_zero(activities: Activities) -> None:
    """Nothing copied."""
    assert await activities.of_day("sentinel-2", _DAY) == Activity()


async def test_processes_add_up_within_a_day_and_dataset(activities: Activities) -> None:
    """What all processes copied that day, and nothing of other days and datasets."""
    large = 5_000_000_000
    await activities.write("sentinel-2", _DAY, "host/1#a", activity=Activity(assets=1, bytes=large))
    await activities.write("sentinel-2", _DAY, "host/2", activity=Activity(assets=2, bytes=large))
    await activities.write("sentinel-2", date(2024, 3, 1), "host/2", activity=Activity(assets=4, bytes=1))
    await activities.write("landsat", _DAY, "host/2", activity=Activity(assets=8, bytes=1))

    assert await activities.of_day("sentinel-2", _DAY) == Activity(assets=3, bytes=2 * large)


async def test_a_process_writes_over_its_own_row(activities: Activities) -> None:
    """A row holds a process's whole day, so the last one counts."""
    await activities.write("sentinel-2", _DAY, "host", activity=Activity(assets=1, bytes=10))
    await activities.write("sentinel-2", _DAY, "host", activity=Activity(assets=2, bytes=20))

    assert await activities.of_day("sentinel-2", _DAY) == Activity(assets=2, bytes=20)
