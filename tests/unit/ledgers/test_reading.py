"""All rows of the ledger."""

import pytest

from shared.ledgers import Ledgers
from shared.model.errors import UnknownDatasetError
from tests.unit.ledgers.world import World
from tests.unit.model.builders import asset


def ledgers(world: World) -> Ledgers:
    """The use case."""
    return Ledgers(datasets=world.datasets, rows=world.ledger, showing=world.showing, rebuilding=world.rebuilding)


async def test_rows_of_all_datasets_or_of_one() -> None:
    """By dataset, then as they are stored."""
    world = World()
    theirs = [await world.bring(asset(name="o/1"), dataset="other")]
    mine = [await world.bring(asset(key=each, name=f"d/{each}")) for each in ("a", "b")]

    assert [each async for each in ledgers(world).export("other")] == theirs
    every = [each async for each in ledgers(world).export()]
    assert (sorted(every[:2], key=lambda each: each.key), every[2:]) == (mine, theirs)


async def test_a_dataset_that_there_isnt() -> None:
    """It isn't one without rows."""
    with pytest.raises(UnknownDatasetError):
        assert [each async for each in ledgers(World()).export("nothing")] == []
