"""Servers of a test's own, in a thread beside it."""

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Generator
from typing import Any

_SECONDS = 20.0


@contextlib.contextmanager
def in_background[T](server: contextlib.AbstractAsyncContextManager[T]) -> Generator[T]:
    """Enter an asynchronous context in an event loop of its own, in a thread, until the block ends."""
    entered: concurrent.futures.Future[tuple[T, asyncio.AbstractEventLoop, asyncio.Event]] = concurrent.futures.Future()

    async def live() -> None:
        async with server as value:
            leave = asyncio.Event()
            entered.set_result((value, asyncio.get_running_loop(), leave))
            await leave.wait()

    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
        life = pool.submit(asyncio.run, live())
        either: list[concurrent.futures.Future[Any]] = [entered, life]
        concurrent.futures.wait(either, _SECONDS, return_when=concurrent.futures.FIRST_COMPLETED)
        if life.done():
            life.result()
        value, loop, leave = entered.result(0)
        try:
            yield value
        finally:
            loop.call_soon_threadsafe(leave.set)
            life.result(_SECONDS)
