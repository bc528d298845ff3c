import pytest
from azure.core.exceptions import HttpResponseError
from pytest_mock import MockerFixture

from demo.azurite import Azurite
from shared.model.errors import StorageFailedError
from shared.model.settings import Settings
from shared.storage.accounts import Account, open_account
from shared.storage.creation import QUEUES, TABLES, create_missing

_CONTAINERS = {"data", "items", "pages", "politeness", "sentinel"}


async def test_everything_that_is_missing_is_made_once(storage: Azurite) -> None:
    """Queues with their poison queues, tables and containers; a second time changes nothing."""
    async with open_account(Settings(storage_connection=storage.connection_string)) as account:
        for _ in range(2):
            await create_missing(account, containers=["sentinel", "data", "data"])

        queues = {(await account.queues.get_queue_client(each).get_queue_properties()).name for each in QUEUES}
        tables = {each.name async for each in account.tables.list_tables()}
        containers = {each.name async for each in account.blobs.list_containers()}

    assert set(QUEUES) == {
        *("copy", "copy-poison", "copy-live", "copy-live-poison"),
        *("copy-later", "copy-later-poison", "discover", "discover-poison"),
        *("publish", "publish-poison"),
    }
    assert set(TABLES) == {"ledger", "failures", "runs", "activity"}
    assert queues == set(QUEUES)
    assert tables >= set(TABLES)
    assert containers >= _CONTAINERS


async def test_a_container_that_is_being_deleted_is_not_there(account: Account, mocker: MockerFixture) -> None:
    """It answers 409 as one that exists does."""
    error = HttpResponseError("Failed", response=mocker.Mock(status_code=409, reason="Conflict"))
    mocker.patch.object(error, "error_code", "ContainerBeingDeleted", create=True)
    mocker.patch.object(account.blobs, "create_container", mocker.AsyncMock(side_effect=error))

    with pytest.raises(StorageFailedError, match="409 ContainerBeingDeleted"):
        await create_missing(account, containers=[])
