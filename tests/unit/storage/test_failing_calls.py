"""SDK calls that fail in one way each: what the adapters make of them."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, cast

import pytest
from azure.core.exceptions import HttpResponseError, ServiceResponseError
from azure.data.tables import TableEntity
from azure.data.tables.aio import TableServiceClient
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient
from pytest_mock import MockerFixture

from shared.model.errors import BlobConflictError, StorageFailedError
from shared.model.items import Cut, PlannedPage
from shared.model.rows import Activity, Failure
from shared.storage.accounts import Account
from shared.storage.activity import AzureActivities
from shared.storage.blobs import AzureBlobs, BlobPath, Content
from shared.storage.failures import AzureFailures
from shared.storage.queues import AzureQueues
from shared.storage.runs import AzureRuns
from tests.contracts.rows import failure
from tests.fakes import MemoryBlobs

_PATH = BlobPath(container="data", name="a")
_CONTENT = Content(md5=None, media_type="text/plain", metadata={})
_PAGE = PlannedPage(
    items=(), next_token=None, available=0, filtered=0, refused=0, cut=Cut(bundle_assets=1, bundle_bytes=1, requests=1)
)

_BLOB_CALLS: list[tuple[str, Callable[[AzureBlobs], Awaitable[object]]]] = [
    ("get_blob_properties", lambda blobs: blobs.look(_PATH)),
    ("get_block_list", lambda blobs: blobs.staged(_PATH)),
    ("commit_block_list", lambda blobs: blobs.commit(_PATH, ["id"], content=_CONTENT)),
    ("create_snapshot", lambda blobs: blobs.snapshot(_PATH, of='"1"')),
    ("download_blob", lambda blobs: blobs.read(_PATH)),
]
_QUEUE_CALLS: list[tuple[str, Callable[[AzureQueues], Awaitable[object]]]] = [
    ("send_message", lambda queues: queues.send("copy", "body")),
    ("get_queue_properties", lambda queues: queues.count("copy")),
]
_TABLE_CALLS: list[Callable[[TableServiceClient], Awaitable[object]]] = [
    lambda tables: AzureFailures(tables).of("d", "item", "key"),
    lambda tables: AzureFailures(tables).record([failure()]),
    lambda tables: AzureFailures(tables).remove(failure()),
    lambda tables: anext(aiter(AzureFailures(tables).all_of("d"))),
    lambda tables: AzureRuns(tables, blobs=MemoryBlobs()).newest("d"),
    lambda tables: AzureActivities(tables).write("d", date(2024, 1, 1), "p", activity=Activity()),
    lambda tables: AzureActivities(tables).of_day("d", date(2024, 1, 1)),
]


def answer(mocker: MockerFixture, status: int, code: str = "") -> Any:
    """An error of the SDK for an answer with this status."""
    error: Any = HttpResponseError(message="Failed", response=mocker.Mock(status_code=status, reason="Failed"))
    error.error_code = code
    return error


@pytest.fixture(params=[500, 503, None], ids=["500", "503", "no answer"])
def error(request: pytest.FixtureRequest, mocker: MockerFixture) -> Exception:
    return ServiceResponseError("no answer") if request.param is None else answer(mocker, request.param)


@pytest.mark.parametrize(
    ("method", "call"),
    _BLOB_CALLS,
)
async def test_a_blob_call_that_fails_is_neither_absence_nor_conflict(
    mocker: MockerFixture,
    account: Account,
    error: Exception,
    method: str,
    call: Callable[[AzureBlobs], Awaitable[object]],
) -> None:
    """Could not tell is not not found, and not somebody else's write."""
    service = mocker.create_autospec(BlobServiceClient, instance=True)
    setattr(service.get_blob_client.return_value, method, mocker.AsyncMock(side_effect=error))

    with pytest.raises(StorageFailedError) as raised:
        await call(AzureBlobs(service, account.blob_calls))

    assert raised.value.__cause__ is error


async def test_a_conflict_keeps_its_cause(mocker: MockerFixture, account: Account) -> None:
    """The SDK's exception stands behind ours."""
    service = mocker.create_autospec(BlobServiceClient, instance=True)
    error = answer(mocker, 412, "ConditionNotMet")
    service.get_blob_client.return_value.commit_block_list = mocker.AsyncMock(side_effect=error)

    with pytest.raises(BlobConflictError) as raised:
        await AzureBlobs(service, account.blob_calls).commit(_PATH, [], content=_CONTENT)

    assert raised.value.__cause__ is error


async def test_a_blob_that_went_away_after_its_commit_is_a_failure(mocker: MockerFixture, account: Account) -> None:
    """A commit answers with what stands there, or fails."""
    service = mocker.create_autospec(BlobServiceClient, instance=True)
    client = service.get_blob_client.return_value
    client.commit_block_list = mocker.AsyncMock()
    client.get_blob_properties = mocker.AsyncMock(side_effect=answer(mocker, 404, "BlobNotFound"))

    with pytest.raises(StorageFailedError, match="went away"):
        await AzureBlobs(service, account.blob_calls).commit(_PATH, [], content=_CONTENT)


async def test_a_blob_that_went_away_before_its_snapshot_is_somebody_elses_doing(
    mocker: MockerFixture, account: Account
) -> None:
    """A 404 instead of a 412: what was to be kept is gone, so it is decided anew."""
    service = mocker.create_autospec(BlobServiceClient, instance=True)
    error = answer(mocker, 404, "BlobNotFound")
    service.get_blob_client.return_value.create_snapshot = mocker.AsyncMock(side_effect=error)

    with pytest.raises(BlobConflictError, match="gone"):
        await AzureBlobs(service, account.blob_calls).snapshot(_PATH, of='"1"')


async def test_a_download_that_ends_early_is_a_failure(mocker: MockerFixture, account: Account) -> None:
    """Bytes are counted, not trusted to have ended."""
    service = mocker.create_autospec(BlobServiceClient, instance=True)
    download = mocker.Mock(size=10, readall=mocker.AsyncMock(return_value=b"half"))
    service.get_blob_client.return_value.download_blob = mocker.AsyncMock(return_value=download)

    with pytest.raises(StorageFailedError, match="4 bytes came of 10"):
        await AzureBlobs(service, account.blob_calls).read(_PATH)


@pytest.mark.parametrize(
    ("method", "call"),
    _QUEUE_CALLS,
)
async def test_a_queue_call_that_fails_is_a_failure(
    mocker: MockerFixture, error: Exception, method: str, call: Callable[[AzureQueues], Awaitable[object]]
) -> None:
    """A message isn't sent, and a queue isn't empty, because the service didn't answer."""
    service = mocker.create_autospec(QueueServiceClient, instance=True)
    setattr(service.get_queue_client.return_value, method, mocker.AsyncMock(side_effect=error))

    with pytest.raises(StorageFailedError) as raised:
        await call(AzureQueues(service))

    assert raised.value.__cause__ is error


@pytest.fixture
def tables(mocker: MockerFixture, error: Exception) -> TableServiceClient:
    """Tables of which every call fails."""
    service = mocker.create_autospec(TableServiceClient, instance=True)
    client = service.get_table_client.return_value
    for method in ("get_entity", "create_entity", "update_entity", "upsert_entity", "delete_entity"):
        setattr(client, method, mocker.AsyncMock(side_effect=error))
    client.query_entities = mocker.Mock(return_value=_Failing(error))
    return service


class _Failing:
    """A query whose first page fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __aiter__(self) -> "_Failing":
        return self

    async def __anext__(self) -> object:
        raise self._error


@pytest.mark.parametrize(
    "call",
    _TABLE_CALLS,
)
async def test_a_table_call_that_fails_is_a_failure(
    tables: TableServiceClient, error: Exception, call: Callable[[TableServiceClient], Awaitable[object]]
) -> None:
    """A row isn't absent, and a write isn't a conflict, because the service didn't answer."""
    with pytest.raises(StorageFailedError) as raised:
        await call(tables)

    assert raised.value.__cause__ is error


async def test_a_row_that_can_not_be_written_is_no_conflict(mocker: MockerFixture) -> None:
    """An error isn't somebody else's write: it is raised, and no other round is tried."""
    service = mocker.create_autospec(TableServiceClient, instance=True)
    client = service.get_table_client.return_value
    client.get_entity = mocker.AsyncMock(side_effect=answer(mocker, 404, "ResourceNotFound"))
    client.create_entity = mocker.AsyncMock(side_effect=answer(mocker, 500, "InternalError"))

    with pytest.raises(StorageFailedError, match="500 InternalError"):
        await AzureFailures(service).record([failure()])

    assert client.create_entity.await_count == 1


@pytest.mark.parametrize("status", [404, 412])
async def test_a_failure_that_changes_while_it_is_removed_is_left(mocker: MockerFixture, status: int) -> None:
    """Between reading and deleting somebody else wrote or removed the row: it isn't ours to remove."""
    service = mocker.create_autospec(TableServiceClient, instance=True)
    client = service.get_table_client.return_value
    client.get_entity = mocker.AsyncMock(return_value=_stored(failure()))
    client.delete_entity = mocker.AsyncMock(side_effect=answer(mocker, status))

    assert not await AzureFailures(service).remove(failure())


async def test_a_failure_that_can_not_be_removed_is_no_conflict(mocker: MockerFixture) -> None:
    """An error isn't somebody else's write."""
    service = mocker.create_autospec(TableServiceClient, instance=True)
    client = service.get_table_client.return_value
    client.get_entity = mocker.AsyncMock(return_value=_stored(failure()))
    client.delete_entity = mocker.AsyncMock(side_effect=answer(mocker, 503, "ServerBusy"))

    with pytest.raises(StorageFailedError, match="503 ServerBusy"):
        await AzureFailures(service).remove(failure())


def _stored(row: Failure) -> TableEntity:
    entity = TableEntity(row.model_dump(mode="json"))
    cast("Any", entity)._metadata = {"etag": '"1"'}
    return entity


async def test_a_failure_is_written_in_the_end_whoever_else_writes(mocker: MockerFixture) -> None:
    """After three rounds that others won, a failure is written without a condition."""
    service = mocker.create_autospec(TableServiceClient, instance=True)
    client = service.get_table_client.return_value
    client.get_entity = mocker.AsyncMock(side_effect=answer(mocker, 404, "ResourceNotFound"))
    client.create_entity = mocker.AsyncMock(side_effect=answer(mocker, 409, "EntityAlreadyExists"))
    client.upsert_entity = mocker.AsyncMock()

    await AzureFailures(service).record([failure()])

    assert client.create_entity.await_count == 3
    assert client.upsert_entity.await_count == 1


async def test_a_page_that_went_away_in_between_is_a_failure(mocker: MockerFixture) -> None:
    """A page that stood in the way and is gone when it is read: try again."""
    blobs = mocker.create_autospec(AzureBlobs, instance=True)
    blobs.put.side_effect = BlobConflictError("somebody was first")
    blobs.read.return_value = None
    runs = AzureRuns(mocker.create_autospec(TableServiceClient, instance=True), blobs=blobs)

    with pytest.raises(StorageFailedError, match="went away"):
        await runs.keep("d", "r", place=(1, 0), page=_PAGE)
