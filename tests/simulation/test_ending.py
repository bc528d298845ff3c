"""What has to be true in the end, and isn't."""

from collections.abc import Callable

import pytest

from shared.model.messages import LANES, Queue
from shared.model.rows import RunState
from shared.storage.blobs import BlobPath
from tests.simulation.choices import Choices
from tests.simulation.ending import check_end
from tests.simulation.messages import WEEK_SECONDS
from tests.simulation.scenario import CONTAINER, DATASET, chosen
from tests.simulation.small import Picks
from tests.simulation.world import World

_BLOB = BlobPath(container=CONTAINER, name="c/i0/k0")
_PUBLISHED = BlobPath(container="published", name="sim/items/c/i0.json")


def _world(choices: Choices | None = None) -> World:
    """A schedule that went well: a published item of one file."""
    choices = choices or Picks({"publishes": [1], "size": [1]})
    world = World(chosen(choices), choices)
    assert world.run().violations == ()
    return world


def _broken(world: World) -> list[str]:
    check_end(world.scenario, world.account, world.checker)
    return [each.rule for each in world.checker.violations]


def test_all_is_well() -> None:
    """A calm schedule leaves nothing to complain of."""
    assert _broken(_world()) == []


def _no_row(world: World) -> None:
    world.account.ledger.entries.clear()


def _no_blob(world: World) -> None:
    del world.account.blobs.blobs[_BLOB]


def _other_blob(world: World) -> None:
    world.account.blobs.blobs[_BLOB] = world.account.blobs.blobs[_PUBLISHED]


def _not_published(world: World) -> None:
    del world.account.blobs.blobs[_PUBLISHED]


def _no_complete_run(world: World) -> None:
    entry = world.account.runs.newest_runs[DATASET]
    failed = entry.run.model_copy(update={"state": RunState.FAILED})
    world.account.runs.newest_runs[DATASET] = type(entry)(run=failed, etag=entry.etag)


def _poison_for_a_week(world: World) -> None:
    world.messages.queues[Queue.PUBLISH.poison] = {}
    message = world.messages.send(Queue.PUBLISH, "{}", lives=WEEK_SECONDS)
    world.messages.queues[Queue.PUBLISH.poison][message.number] = message


@pytest.mark.parametrize(
    ("spoil", "rules"),
    [
        # Its item is no longer whole, either.
        (_no_row, ["L1", "S2"]),
        (_no_blob, ["S3"]),
        (_other_blob, ["S3"]),
        (_not_published, ["L1"]),
        (_no_complete_run, ["S16"]),
        (_poison_for_a_week, ["S12"]),
    ],
)
def test_what_is_missing_is_found(spoil: Callable[[World], None], rules: list[str]) -> None:
    """Each rule by itself."""
    world = _world()

    spoil(world)

    assert _broken(world) == rules


def test_what_can_not_be_had_is_in_poison() -> None:
    """A file that is gone, and listed, is in a poison queue in the end; where it isn't even there, it was lost."""
    world = _world(Picks({"gone": [11]}))
    assert _broken(world) == []

    for each in LANES:
        world.messages.queues[each.poison].clear()

    assert _broken(world) == ["L1"]
