import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import override

import pytest

from tests.unit.copying.world import World


class Threads(ThreadPoolExecutor):
    """Runs at once what asks for a thread: then a test's steps always come in the same order."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    @override
    def submit[**P, T](self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        self.asked += 1
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.fixture(autouse=True)
async def threads() -> Threads:
    threads = Threads()
    asyncio.get_running_loop().set_default_executor(threads)
    return threads


@pytest.fixture
def world() -> World:
    return World()
