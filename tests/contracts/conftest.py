import time
import uuid
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import pytest

from demo.azurite import Azurite
from shared.egress import Shares
from shared.model.settings import Settings
from shared.storage.accounts import Account, open_account
from shared.storage.activity import Activities, AzureActivities
from shared.storage.blobs import AzureBlobs, BlobPath, Blobs
from shared.storage.failures import AzureFailures, Failures
from shared.storage.holds import AzureHolds, Holds
from shared.storage.lanes import AzureLanes, Lanes
from shared.storage.ledger import AzureLedger, Ledger
from shared.storage.mailbox import AzureMailbox, Mailbox
from shared.storage.queues import AzureQueues, Queues
from shared.storage.runs import AzureRuns, Runs
from shared.storage.shares import AzureShares
from shared.storage.watermarks import AzureWatermarks, Watermarks
from tests.fakes import (
    MemoryActivities,
    MemoryBlobs,
    MemoryFailures,
    MemoryHolds,
    MemoryLanes,
    MemoryLedger,
    MemoryMailbox,
    MemoryQueues,
    MemoryRuns,
    MemoryShares,
    MemoryWatermarks,
)


@pytest.fixture
async def account(storage: Azurite) -> AsyncGenerator[Account]:
    """An account on Azurite, for what only a service can show."""
    async with open_account(Settings(storage_connection=storage.connection_string)) as account:
        yield account


@pytest.fixture(params=["memory", "azurite"])
async def real(request: pytest.FixtureRequest) -> AsyncGenerator[Account | None]:
    """What a case runs on: an account on Azurite, or None for the in-memory twins."""
    if request.param == "memory":
        yield None
        return
    azurite: Azurite = request.getfixturevalue("storage")
    async with open_account(Settings(storage_connection=azurite.connection_string)) as account:
        yield account


@pytest.fixture
def blobs(real: Account | None) -> Blobs:
    return MemoryBlobs() if real is None else AzureBlobs(real.blobs, real.blob_calls)


@pytest.fixture
async def path(real: Account | None) -> BlobPath:
    """A blob's place in a container of this test's own."""
    return BlobPath(container=await new_container(real), name="a/b~1/c%20d.tif")


@pytest.fixture
def queues(real: Account | None) -> Queues:
    return MemoryQueues() if real is None else AzureQueues(real.queues)


@pytest.fixture
def mailbox(real: Account | None) -> Mailbox:
    return MemoryMailbox(clock=lambda: datetime.now(UTC)) if real is None else AzureMailbox(real.queues)


@pytest.fixture
async def queue(real: Account | None) -> str:
    return await new_queue(real)


@pytest.fixture
async def ledger(real: Account | None) -> Ledger:
    return MemoryLedger() if real is None else AzureLedger(real.table_calls, table=await new_table(real))


@pytest.fixture
async def failures(real: Account | None) -> Failures:
    return MemoryFailures() if real is None else AzureFailures(real.tables, table=await new_table(real))


@pytest.fixture
async def runs(real: Account | None) -> Runs:
    if real is None:
        return MemoryRuns()
    table, container = await new_table(real), await new_container(real)
    return AzureRuns(real.tables, blobs=AzureBlobs(real.blobs, real.blob_calls), table=table, container=container)


@pytest.fixture
async def holds(real: Account | None) -> Holds:
    return MemoryHolds() if real is None else AzureHolds(real.tables, table=await new_table(real))


@pytest.fixture
async def watermarks(real: Account | None) -> Watermarks:
    return MemoryWatermarks() if real is None else AzureWatermarks(real.tables, table=await new_table(real))


@pytest.fixture
async def activities(real: Account | None) -> Activities:
    return MemoryActivities() if real is None else AzureActivities(real.tables, table=await new_table(real))


@pytest.fixture
async def lanes(real: Account | None) -> Lanes:
    return MemoryLanes() if real is None else AzureLanes(real.tables, table=await new_table(real))


@pytest.fixture
async def shares(real: Account | None) -> Shares:
    if real is None:
        return MemoryShares(clock=time.monotonic)
    return AzureShares(real.blobs, container=await new_container(real))


async def new_table(account: Account) -> str:
    name = f"t{uuid.uuid4().hex}"
    await account.tables.create_table(name)
    return name


async def new_container(account: Account | None) -> str:
    name = f"c-{uuid.uuid4().hex}"
    if account is not None:
        await account.blobs.create_container(name)
    return name


async def new_queue(account: Account | None) -> str:
    name = f"q-{uuid.uuid4().hex}"
    if account is not None:
        await account.queues.create_queue(name)
    return name
