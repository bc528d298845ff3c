from datetime import timedelta

import pytest
from pydantic import ValidationError

from shared.model.assets import Asset
from shared.model.counts import PartCounts
from shared.model.rows import Activity, LedgerRow, Run, RunKind
from shared.model.windows import TimeProperty, Window
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


@pytest.mark.parametrize(("cause", "settled"), [("run-1", True), ("run-2", False)])
def test_settles_what_was_asked_for(cause: str, settled: bool) -> None:  # noqa: FBT001 - a case's outcome
    """A row of a description that took another one's place settles its own cause's request for that other one."""
    asked, fresh = asset(size=1), asset(size=2)
    row = _row(fresh, cause="run-1").model_copy(update={"instead_of": asked.description})

    assert row.stands_for(asked, asked_at=NOON) is False
    assert row.settles(asked, cause=cause, asked_at=NOON) is settled


def test_activity() -> None:
    """Activity adds up and never shrinks."""
    assert Activity(assets=1, bytes=2).plus(Activity(assets=3, bytes=4)) == Activity(assets=4, bytes=6)
    with pytest.raises(ValidationError):
        Activity(assets=-1)
    with pytest.raises(ValidationError):
        Activity(bytes=-1)


def test_rows_of_a_deployment_before() -> None:
    """A run and a part's counts that know nothing of windows are those of a full run that has one."""
    old = {"dataset": "s2", "run": "r", "trigger": "schedule", "began_at": NOON, "progress_at": NOON}

    run = Run.model_validate({**old, "state": "running", "pass_number": 1, "window": Window()})
    counts = PartCounts.model_validate(
        {"available": 1, "filtered": 0, "refused": 0, "sent": 1, "already": 0, "done": 1}
    )

    assert (run.kind, run.by, run.is_of_all, run.full_at) == (RunKind.FULL, TimeProperty.DATETIME, True, None)
    assert (counts.window, counts.matched, counts.is_split, counts.is_capped) == (0, None, False, False)
