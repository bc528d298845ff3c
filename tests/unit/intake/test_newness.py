"""Which of two descriptions of a file is newer: one by an event, one by a list or another event."""

from typing import Any

import pytest

from shared.model.assets import Asset
from shared.model.rows import LedgerRow
from tests.unit.discovery.world import completion
from tests.unit.intake.payloads import event_grid
from tests.unit.intake.watching import AZURE, taking
from tests.unit.intake.world import World
from tests.unit.model.builders import NOON


async def _asked(event: dict[str, Any]) -> tuple[Asset, str, LedgerRow]:
    """The asset that an event asks for, by which name, and the row of its copy."""
    world = World(taking(source=AZURE))
    await world.receive([event])
    (request,) = world.requests()
    (asset,) = request.assets
    at = asset.described_at(request.asked_at)
    return asset, request.cause, completion(asset, cause=request.cause, described_at=at)


@pytest.mark.parametrize(("modified", "stands"), [("10:00:00", True), ("10:00:01", False)])
async def test_a_list_after_an_event(modified: str, *, stands: bool) -> None:
    """A list states whole seconds: the blob that an event told of isn't asked for again, and one written since is."""
    asset, _, row = await _asked(event_grid(eventTime="2024-06-01T10:00:00.9584103Z"))

    listed = Asset.model_validate({**asset.model_dump(), "updated": f"2024-06-01T{modified}Z"})

    assert row.stands_for(listed, asked_at=NOON) is stands


async def test_events_that_overtake_each_other() -> None:
    """The older one of the same blob has nothing to do once the newer one is done; the other way round it is copied."""
    older, older_cause, older_row = await _asked(event_grid(id="1", eventTime="2024-06-01T10:00:00Z"))
    newer, newer_cause, newer_row = await _asked(event_grid(id="2", eventTime="2024-06-01T10:00:01Z"))

    assert newer_row.settles(older, cause=older_cause, asked_at=NOON)
    assert not older_row.settles(newer, cause=newer_cause, asked_at=NOON)


async def test_an_event_that_is_repeated() -> None:
    """It is settled by its own row."""
    asset, cause, row = await _asked(event_grid())

    assert row.settles(asset, cause=cause, asked_at=NOON)
