"""What each status of a storage service means to those who asked."""

from collections.abc import Mapping

import pytest

from shared.model.errors import AssetNotFoundError, BlobConflictError, SourceChangedError, StorageFailedError
from shared.storage.accounts import Account
from tests.unit.storage.adapters import CALLS
from tests.unit.storage.conftest import Service

#: More than a client tries.
_TRIES = 8

#: What is raised, or else returned, for each status that is no success; where no status decides, it's a failure.
_OUTCOMES: Mapping[str, Mapping[range, object]] = {
    "read a blob": {
        range(300, 404): StorageFailedError,
        range(404, 405): None,
        range(405, 600): StorageFailedError,
    },
    "open a stream": {
        range(300, 404): StorageFailedError,
        range(404, 405): AssetNotFoundError,
        range(405, 416): StorageFailedError,
        range(416, 417): SourceChangedError,
        range(417, 600): StorageFailedError,
    },
    "put a blob": {
        range(300, 412): StorageFailedError,
        range(412, 413): BlobConflictError,
        range(413, 600): StorageFailedError,
    },
    "stage a block": {
        range(300, 600): StorageFailedError,
    },
    "commit a blob": {
        range(300, 412): StorageFailedError,
        range(412, 413): BlobConflictError,
        range(413, 600): StorageFailedError,
    },
    "take a share": {
        range(300, 409): StorageFailedError,
        range(409, 410): None,
        range(410, 412): StorageFailedError,
        range(412, 413): None,
        range(413, 600): StorageFailedError,
    },
    "send a message": {
        range(300, 600): StorageFailedError,
    },
    "insert an entity": {
        range(300, 409): StorageFailedError,
        range(409, 410): False,
        range(410, 412): StorageFailedError,
        range(412, 413): False,
        range(413, 600): StorageFailedError,
    },
    "read a ledger row": {
        range(300, 404): StorageFailedError,
        range(404, 405): None,
        range(405, 600): StorageFailedError,
    },
}


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("call", _OUTCOMES)
async def test_each_status(account: Account, service: Service, call: str) -> None:
    """Only what a status says for certain is more than a failure: absent, changed, written by somebody else."""
    outcomes = {status: await _outcome(account, service, call, status=status) for status in range(300, 600)}

    assert outcomes == {status: what for statuses, what in _OUTCOMES[call].items() for status in statuses}


async def _outcome(account: Account, service: Service, call: str, *, status: int) -> object:
    service.answers = [status] * _TRIES
    try:
        return await CALLS[call](account)
    except Exception as error:  # noqa: BLE001 - which it is, is asked
        return type(error)
