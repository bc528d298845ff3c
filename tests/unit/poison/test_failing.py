"""What failed, by the failures table."""

from shared.model.rows import Failure
from shared.poison.choosing import Choice
from tests.unit.model.builders import NOON
from tests.unit.poison.desk import ALL, Desk
from tests.unit.poison.preserve_world import HOUR


async def test_all_failures_of_all_datasets() -> None:
    """Dataset by dataset; those of a dataset that isn't defined aren't looked for."""
    desk = Desk()
    rows = [await desk.failed(dataset=name) for name in ("s2", "l8", "gone")]

    found, is_cut = await _told(desk)

    assert (found, is_cut) == ([rows[1], rows[0]], False)


async def test_a_dataset_that_is_named() -> None:
    """Also one that isn't defined any more."""
    desk = Desk()
    _, gone = [await desk.failed(dataset=name) for name in ("s2", "gone")]

    found, _ = await _told(desk, Choice(dataset="gone"))

    assert found == [gone]


async def test_what_was_copied_since_is_over() -> None:
    """A row that the sweep hasn't come to yet isn't shown; one that is newer than the copy is."""
    desk = Desk()
    await desk.failed(key="B04")
    newer = await desk.failed(key="B05")
    await desk.copied(key="B04", completed_at=NOON + HOUR)
    await desk.copied(key="B05", completed_at=NOON)

    found, _ = await _told(desk)

    assert found == [newer]


async def test_only_what_is_meant() -> None:
    """By what stands in the row; a text also in its key, address, reason and cause."""
    desk = Desk()
    row = await desk.failed(error="UrlRefusedError", cause="run-9")
    await desk.failed(key="B05")

    found = [(await _told(desk, each))[0] for each in (Choice(error="UrlRefusedError"), Choice(text="RUN-9"))]

    assert found == [[row], [row]]


async def test_many_failures_and_a_limit() -> None:
    """More than are looked up together all come; a limit cuts, and says so."""
    desk = Desk()
    rows = [await desk.failed(key=f"B{number}") for number in range(200)]

    everything, _ = await _told(desk)
    some, is_cut = await _told(desk, limit=150)

    assert sorted(each.key for each in everything) == sorted(each.key for each in rows)
    assert (len(some), is_cut) == (150, True)


async def _told(desk: Desk, choice: Choice = ALL, *, limit: int | None = None) -> tuple[list[Failure], bool]:
    found: list[Failure] = []
    is_cut = await desk.mending.failing.tell(choice, to=found.append, limit=limit)
    return found, is_cut
