import asyncio

import pytest

from functions_host.waiting import pause
from tests.unit.functions_host.queue_service import ManualTime


async def test_pause_ends_in_time() -> None:
    """A pause lasts as long as it was asked to."""
    time = ManualTime()
    pausing = asyncio.create_task(pause(5, until=asyncio.Event(), sleep=time.sleep))

    await time.wait_until(1)
    time.advance(4)
    await asyncio.sleep(0)
    assert not pausing.done()
    time.advance(1)
    await asyncio.wait_for(pausing, 10)


async def test_pause_ends_with_the_event() -> None:
    """A pause that is cut short leaves nothing asleep."""
    time, event = ManualTime(), asyncio.Event()
    pausing = asyncio.create_task(pause(5, until=event, sleep=time.sleep))

    await time.wait_until(1)
    event.set()
    await asyncio.wait_for(pausing, 10)

    assert len(asyncio.all_tasks()) == 1


async def test_cancelled_pause() -> None:
    """A pause that is cancelled passes it on, and leaves nothing asleep either."""
    time = ManualTime()
    pausing = asyncio.create_task(pause(5, until=asyncio.Event(), sleep=time.sleep))

    await time.wait_until(1)
    pausing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pausing

    assert len(asyncio.all_tasks()) == 1
