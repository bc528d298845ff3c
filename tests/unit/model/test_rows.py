from datetime import timedelta

import pytest
from pydantic import ValidationError

from shared.model.assets import Asset
from shared.model.rows import Activity, LedgerRow, PartCounts
from tests.unit.model.builders import NOON, asset


def _row(done: Asset, *, cause: str) -> LedgerRow:
    return LedgerRow(
        dataset="s2",
        item=done.item,
        key=done.key,
        href=done.href,
        container="assets",
        blob=done.name,
        etag='"1"',
        length=1,
        digests=(),
        verified_by="length",
        description=done.description,
        described_at=done.described_at(NOON),
        cause=cause,
        completed_at=NOON,
    )


@pytest.mark.parametrize(
    ("asked", "cause", "stands", "settled"),
    [
        (asset(updated=NOON), "run-1", True, True),
        (asset(updated=NOON), "run-2", True, False),
        (asset(updated=NOON - timedelta(days=1)), "run-2", True, True),
        (asset(updated=NOON + timedelta(days=1)), "run-1", False, False),
        (asset(updated=NOON, size=2), "run-1", False, False),
    ],
)
def test_settles(asked: Asset, cause: str, stands: bool, settled: bool) -> None:  # noqa: FBT001 - a case's outcome
    """A row settles its own cause's request, and one whose description is older than the row's; nothing else."""
    row = _row(asset(updated=NOON), cause="run-1")

    assert row.stands_for(asked, asked_at=NOON) is stands
    assert row.settles(asked, cause=cause, asked_at=NOON) is settled


def test_counts() -> None:
    """Counts of parts add up."""
    first = PartCounts(available=4, filtered=1, refused=2, sent=3, already=5, done=True)

    assert first.plus(PartCounts(available=1, sent=1)) == first.model_copy(update={"available": 5, "sent": 4})


def test_activity() -> None:
    """Activity adds up and never shrinks."""
    assert Activity(assets=1, bytes=2).plus(Activity(assets=3, bytes=4)) == Activity(assets=4, bytes=6)
    with pytest.raises(ValidationError):
        Activity(assets=-1)
    with pytest.raises(ValidationError):
        Activity(bytes=-1)
