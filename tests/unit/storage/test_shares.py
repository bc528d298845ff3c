"""What storage answers about shares."""

import uuid

import pytest

from shared.model.errors import StorageFailedError
from shared.storage.accounts import Account
from shared.storage.shares import AzureShares
from tests.unit.storage.conftest import Answer, Service

_LEASE = str(uuid.UUID(int=1))


def _refused(status: int, code: str = "") -> Answer:
    return Answer(status=status, headers={"x-ms-error-code": code})


async def test_a_share_that_somebody_else_makes_meanwhile_is_made(service: Service, account: Account) -> None:
    """Of two that find it missing, neither fails."""
    service.answers = [_refused(404, "BlobNotFound"), _refused(409, "BlobAlreadyExists")]

    assert await AzureShares(account.blobs).take("data.example.org", 0) is None


@pytest.mark.parametrize("status", [403, 400])
async def test_what_isnt_a_conflict_is_a_failure(service: Service, account: Account, status: int) -> None:
    """A right that is missing must not look like a share that somebody else has."""
    shares = AzureShares(account.blobs)
    service.answers = [*(_refused(status) for _ in range(3)), _refused(404), _refused(status)]

    with pytest.raises(StorageFailedError, match="share 0 of a: take"):
        await shares.take("a", 0)
    with pytest.raises(StorageFailedError, match="share 0 of a: renew"):
        await shares.renew("a", 0, lease=_LEASE)
    with pytest.raises(StorageFailedError, match="share 0 of a: give back"):
        await shares.give_back("a", 0, lease=_LEASE)
    with pytest.raises(StorageFailedError, match="share 0 of a: take"):
        await shares.take("a", 0)


async def test_a_container_that_is_being_deleted_has_no_shares(service: Service, account: Account) -> None:
    """It answers 409 as well, and nobody holds anything there."""
    service.answers = [_refused(409, "ContainerBeingDeleted")]

    with pytest.raises(StorageFailedError, match="409 ContainerBeingDeleted"):
        await AzureShares(account.blobs).take("a", 0)


async def test_a_lost_answer_is_no_lost_share(service: Service, account: Account, waits: list[float]) -> None:
    """The call is repeated with the same lease: the service knows it again."""
    del waits
    service.answers = [503, Answer(status=201, headers={"ETag": '"1"', "x-ms-lease-id": _LEASE})]

    assert await AzureShares(account.blobs).take("a", 0)

    leases = [each["x-ms-proposed-lease-id"] for each in service.headers]
    assert len(leases) == 2
    assert leases[0] == leases[1]
