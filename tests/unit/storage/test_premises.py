"""What a look at a place tells of each answer, and of none."""

import pytest
from azure.core.exceptions import ClientAuthenticationError
from pytest_mock import MockerFixture

from shared.storage.accounts import Account
from shared.storage.premises import AzurePremises, Found, Look, Place
from tests.unit.storage.conftest import DROPPED, Answer, Service

#: More than a client tries.
_TRIES = 16


@pytest.mark.parametrize("place", list(Place))
@pytest.mark.parametrize(
    ("status", "found"),
    [
        (401, Found.FORBIDDEN),
        (403, Found.FORBIDDEN),
        (404, Found.MISSING),
        (400, Found.UNREACHABLE),
        (500, Found.UNREACHABLE),
        (DROPPED, Found.UNREACHABLE),
    ],
)
@pytest.mark.usefixtures("waits")
async def test_an_answer_that_is_no_success(
    service: Service, account: Account, place: Place, status: int, found: Found
) -> None:
    """Refused, missing, or nothing that says which; none is raised."""
    headers = {"x-ms-error-code": "TheCode", "x-ms-request-id": "1"}
    service.answers = [Answer(status=status, headers=headers) if status else DROPPED] * _TRIES

    look = await AzurePremises(account).look(place, "name")

    assert look.found is found
    assert (look.told[:3] == str(status)) is (status != DROPPED)
    assert (look.at is None) is (status == DROPPED)


async def test_a_date_that_cant_be_read_is_none(service: Service, account: Account) -> None:
    """What answers may be no Azure at all."""
    service.answers = [Answer(status=403, headers={"Date": "yesterday"})]

    look = await AzurePremises(account).look(Place.QUEUE, "name")

    assert (look.found, look.at) == (Found.FORBIDDEN, None)


async def test_nobody_is_logged_in(account: Account, mocker: MockerFixture) -> None:
    """Without an identity nothing is sent; the SDK raises an error that no answer came with."""
    error = ClientAuthenticationError("DefaultAzureCredential failed to retrieve a token")
    mocker.patch.object(account.queues, "get_queue_client", side_effect=error)

    look = await AzurePremises(account).look(Place.QUEUE, "name")

    assert look == Look(found=Found.UNREACHABLE, told="ClientAuthenticationError")
