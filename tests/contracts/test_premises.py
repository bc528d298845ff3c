import uuid
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest

from shared.storage.accounts import Account
from shared.storage.premises import AzurePremises, Found, Place, Premises
from tests.contracts.conftest import new_container, new_queue
from tests.fakes.premises import MemoryPremises


@pytest.fixture
def premises(real: Account | None) -> Premises:
    return MemoryPremises(clock=lambda: datetime.now(UTC)) if real is None else AzurePremises(real)


async def _make(premises: Premises, place: Place, *, real: Account | None) -> str:
    """Make an empty place."""
    name = f"n{uuid.uuid4().hex}"
    match place:
        case Place.QUEUE:
            name = await new_queue(real)
        case Place.CONTAINER:
            name = await new_container(real)
        case Place.TABLE:
            if real is not None:
                await real.tables.create_table(name)
    if isinstance(premises, MemoryPremises):
        premises.made.add((place, name))
    return name


@pytest.mark.parametrize("place", list(Place))
async def test_what_is_there_is_found(premises: Premises, real: Account | None, place: Place) -> None:
    """With what the service's clock says, which on one machine is what ours says."""
    name = await _make(premises, place, real=real)

    look = await premises.look(place, name)

    assert (look.found, look.told) == (Found.THERE, "")
    assert look.at is not None
    assert abs(datetime.now(UTC) - look.at) < timedelta(seconds=30)


@pytest.mark.parametrize("place", list(Place))
async def test_what_isnt_there_is_missing(premises: Premises, place: Place) -> None:
    """It answers 404, and makes nothing."""
    name = f"n{uuid.uuid4().hex}"

    first, second = await premises.look(place, name), await premises.look(place, name)

    assert first.found is second.found is Found.MISSING
    assert first.told.startswith(str(HTTPStatus.NOT_FOUND.value))
