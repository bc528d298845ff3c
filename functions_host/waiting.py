"""A pause that can be cut short."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

type Sleep = Callable[[float], Awaitable[None]]


async def pause(seconds: float, *, until: asyncio.Event, sleep: Sleep) -> None:
    """Sleep for ``seconds``, or until the event is set."""
    sleeping = asyncio.ensure_future(sleep(seconds))
    waiting = asyncio.ensure_future(until.wait())
    try:
        await asyncio.wait({sleeping, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in (sleeping, waiting):
            each.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await each
