import contextlib
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from shared.egress import Egress
from tests.fakes.raw_server import RawServer, raw_server


@pytest.fixture
async def server() -> AsyncGenerator[RawServer]:
    async with raw_server() as running:
        yield running


@pytest.fixture
async def egress() -> AsyncGenerator[Egress]:
    async with contextlib.aclosing(Egress()) as egress:
        yield egress


@pytest.fixture
async def hasty() -> AsyncGenerator[Egress]:
    """An egress that soon gives up."""
    moment = timedelta(seconds=0.2)
    async with contextlib.aclosing(Egress(idle_timeout=moment, connect_timeout=moment)) as egress:
        yield egress
