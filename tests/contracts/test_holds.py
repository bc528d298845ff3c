import asyncio

from shared.model.rows import Hold
from shared.storage.holds import HoldEntry, Holds
from tests.contracts.rows import MOMENT

_NOTHING = Hold(dataset="sentinel-2")
_PAUSED = _NOTHING.model_copy(update={"paused_since": MOMENT, "paused_by": "request"})
_FULL = _PAUSED.model_copy(update={"deferred_until": MOMENT, "deferred_because": "SourceThrottledError: answered 429"})


async def test_nothing_holds_a_dataset_without_a_row(holds: Holds) -> None:
    """No row yet: nothing to resume, and nothing that a write has to replace."""
    assert await holds.of("sentinel-2") == HoldEntry(hold=_NOTHING, etag=None)


async def test_a_hold_comes_back_as_it_was_saved(holds: Holds) -> None:
    """Every field survives, and other datasets are held by nothing."""
    assert await holds.save(_FULL, replaces=None)

    assert (await holds.of("sentinel-2")).hold == _FULL
    assert (await holds.of("sentinel")).hold == Hold(dataset="sentinel")


async def test_a_hold_is_replaced_by_who_read_it(holds: Holds) -> None:
    """With the ETag that was read the row is written whole: what isn't said any more is gone."""
    await holds.save(_FULL, replaces=None)

    assert await holds.save(_NOTHING, replaces=(await holds.of("sentinel-2")).etag)
    assert (await holds.of("sentinel-2")).hold == _NOTHING


async def test_who_read_an_older_hold_writes_nothing(holds: Holds) -> None:
    """A hint that was thought out before a pause doesn't take the pause away."""
    await holds.save(_NOTHING, replaces=None)
    stale = (await holds.of("sentinel-2")).etag
    await holds.save(_PAUSED, replaces=stale)

    assert not await holds.save(_NOTHING, replaces=stale)
    assert not await holds.save(_NOTHING, replaces=None)
    assert (await holds.of("sentinel-2")).hold == _PAUSED


async def test_one_of_two_first_writers_wins(holds: Holds) -> None:
    """Of two that saw no row one writes, and each is told whether it was the one."""
    won = await asyncio.gather(holds.save(_PAUSED, replaces=None), holds.save(_FULL, replaces=None))

    assert sorted(won) == [False, True]
    assert (await holds.of("sentinel-2")).hold == (_PAUSED if won[0] else _FULL)


async def test_a_save_whose_answer_was_lost_finds_itself(holds: Holds) -> None:
    """The same hold, saved again under the same condition, was saved."""
    await holds.save(_PAUSED, replaces=None)

    assert await holds.save(_PAUSED, replaces=None)
