"""Workers race for the same blobs while the source changes: nothing is lost, mixed or lied about.

The driver is judged, too: it reports the faults that are planted into the app.
"""

from pathlib import Path

import pytest

from tests.chaos.arena import open_arena
from tests.chaos.plants import Plant, PlantError, plant
from tests.chaos.races import run
from tests.chaos.verdict import CONTESTED

RACES = range(40)
#: Those for one large asset each.
_LARGE = range(1, 32, 2)


def test_workers_race_for_the_same_blobs(tmp_path: Path) -> None:
    """Each blob is one version of its source, whole, at any time; its row names it; nothing is lost or poisoned."""
    with open_arena(tmp_path, workers=2) as arena:
        verdict = run(arena, numbers=RACES)
        looks = len(arena.watch.seen)

    assert {name: tuple(cases) for name, cases in verdict.faults.items()} == dict.fromkeys(verdict.faults, ())
    assert verdict.contested >= CONTESTED * len(RACES)
    assert verdict.between_processes > 0
    assert looks > 0


def test_block_ids_without_content_are_reported(tmp_path: Path) -> None:
    """Where a block is called by its index alone, blobs are mixed of two versions, and the driver says so."""
    with open_arena(tmp_path, workers=1, fault=Plant.INDEX_IDS) as arena:
        verdict = run(arena, numbers=_LARGE)

    assert verdict.mixed
    assert not verdict.is_good


def test_writes_without_a_precondition_are_reported(tmp_path: Path) -> None:
    """Where whoever comes last writes over what stands there, the driver says so: of Put Blob and of block lists."""
    with open_arena(tmp_path, workers=1, fault=Plant.NO_PRECONDITION) as arena:
        verdict = run(arena, numbers=range(10))

    assert any("small" in each for each in verdict.overwritten)
    assert any("large" in each for each in verdict.overwritten)
    assert not verdict.is_good


@pytest.mark.parametrize("fault", list(Plant))
def test_a_fault_that_finds_no_place_is_no_fault(tmp_path: Path, fault: Plant) -> None:
    """Where the code has changed, a plant fails: a driver that found nothing wrong would seem to be blind."""
    for module in ("shared/copying/blocks.py", "shared/storage/blobs.py"):
        (tmp_path / module).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / module).write_text("# other code\n", encoding="utf-8")

    with pytest.raises(PlantError, match="has no single"):
        plant(tmp_path, fault)
