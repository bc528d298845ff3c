from datetime import UTC, datetime, timedelta

from shared.model.rows import LaneCounts
from shared.storage.lanes import KEPT, Lanes

_NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


def _counts(at: datetime, outstanding: int) -> LaneCounts:
    return LaneCounts(at=at, outstanding={"copy": outstanding, "copy-live": 0})


async def test_nothing_was_written(lanes: Lanes) -> None:
    """A ring that is empty tells of nothing."""
    assert await lanes.since(_NOON) == []


async def test_the_oldest_come_first(lanes: Lanes) -> None:
    """What was written since a moment, that moment's own included, whatever row it stands in."""
    hour = [_counts(_NOON + number * 30 * _MINUTE, number) for number in range(5)]
    for each in hour:
        await lanes.write(each)

    assert await lanes.since(_NOON + 30 * _MINUTE) == hour[1:]


async def test_a_minute_has_one_row(lanes: Lanes) -> None:
    """A second count within a minute takes the place of the first, and so does one three hours later."""
    await lanes.write(_counts(_NOON, 1))
    await lanes.write(_counts(_NOON + _MINUTE / 2, 2))
    before = await lanes.since(_NOON)

    await lanes.write(_counts(_NOON + KEPT, 3))

    assert before == [_counts(_NOON + _MINUTE / 2, 2)]
    assert await lanes.since(_NOON) == [_counts(_NOON + KEPT, 3)]
