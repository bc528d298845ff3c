"""What became of an asset that a run was to ask for."""

from typing import Any

import pytest

from shared.ledgers import Line, Outcome
from shared.ledgers.outcomes import Asker, is_refusal, line_of, refused_line
from shared.model.datasets import OnExisting
from shared.model.rows import Failure, LedgerRow, RunKind
from tests.unit.ledgers.world import HOUR, RUN, failure_of, row_of
from tests.unit.model.builders import NOON, asset

ONE = asset(key="one", size=5)
_BEFORE, _AFTER = NOON - HOUR, NOON + HOUR


def asker(**values: Any) -> Asker:
    """The run, which began at noon."""
    given: dict[str, Any] = {
        "dataset": "demo",
        "run": RUN,
        "began_at": NOON,
        "mode": OnExisting.SKIP_VERIFIED,
        "kind": RunKind.FULL,
        "most_deliveries": 5,
    }
    return Asker(**{**given, **values})


def line(row: LedgerRow | None, failure: Failure | None = None, *, is_asked: bool = True, **values: Any) -> Line:
    """The line of the asset."""
    return line_of(ONE, row, failure, asker=asker(**values), place=(1, 7), is_asked=is_asked)


def test_a_line_of_what_was_copied() -> None:
    """Bytes, digests, validator, when and by whom, and how often it failed before that."""
    row = row_of(ONE, completed_at=_AFTER)

    assert line(row, failure_of(ONE, attempts=2)) == Line(
        dataset="demo",
        run=RUN,
        pass_number=1,
        page=7,
        item="s2/T32",
        key="one",
        href="https://data.example.org/one.tif",
        outcome=Outcome.COPIED,
        container="assets",
        blob="s2/T32/one",
        etag='"1"',
        bytes=5,
        digests=row.digests,
        verified_by="catalog sha256",
        validator='etag:"v1"',
        cause=RUN,
        completed_at=_AFTER,
        failed_attempts=2,
    )


def test_a_line_of_what_failed() -> None:
    """Why, and when; nothing of an older version that stands there."""
    old = row_of(ONE, description="older", described_at=_BEFORE, cause="run-0", completed_at=_BEFORE)

    assert line(old, failure_of(ONE, attempts=3)) == Line(
        dataset="demo",
        run=RUN,
        pass_number=1,
        page=7,
        item="s2/T32",
        key="one",
        href="https://data.example.org/one.tif",
        outcome=Outcome.FAILED,
        failed_attempts=3,
        error="AssetNotFoundError",
        message="404",
        failed_at=_AFTER,
    )


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ({}, "copied"),
        ({"cause": "run-0", "completed_at": _BEFORE}, "skipped"),
        ({"cause": "run-2", "completed_at": _AFTER}, "superseded"),
        ({"cause": "event-1", "completed_at": NOON}, "superseded"),
        ({"description": "newer", "described_at": _AFTER, "cause": "run-2", "completed_at": _AFTER}, "superseded"),
        ({"description": "newer", "described_at": _AFTER, "cause": "run-0", "completed_at": _BEFORE}, "skipped"),
        ({"description": "now", "instead_of": ONE.description}, "copied"),
        ({"description": "older", "described_at": _BEFORE, "cause": "run-0", "completed_at": _BEFORE}, "outstanding"),
        ({"description": "of another pass"}, "outstanding"),
    ],
)
def test_an_asset_with_a_row(row: dict[str, Any], outcome: str) -> None:
    """It is whole where its row stands for what the run was told of it, or for something newer."""
    assert line(row_of(ONE, **row)).outcome == outcome


@pytest.mark.parametrize(
    ("mode", "kind", "outcome"),
    [
        ("skip_verified", "full", "skipped"),
        ("replace", "full", "outstanding"),
        ("replace", "incremental", "outstanding"),
        ("if_source_changed", "full", "outstanding"),
        ("if_source_changed", "incremental", "skipped"),
        ("if_source_changed", None, "outstanding"),
    ],
)
def test_what_is_asked_for_though_it_is_there(mode: str, kind: str | None, outcome: str) -> None:
    """Where blobs are replaced, or the source decides, an older run's row settles nothing."""
    row = row_of(ONE, cause="run-0", completed_at=_BEFORE)

    found = line(row, mode=OnExisting(mode), kind=RunKind(kind) if kind else None)

    assert found.outcome == outcome


@pytest.mark.parametrize("mode", ["replace", "if_source_changed"])
@pytest.mark.parametrize(("at", "outcome"), [(_BEFORE, "skipped"), (_AFTER, "superseded")])
def test_what_is_replaced_and_newer_or_renewed(mode: str, at: Any, outcome: str) -> None:
    """A newer description settles in any case, and what a later run replaced is whole."""
    newer = {"description": "newer", "described_at": _AFTER} if at == _BEFORE else {}
    row = row_of(ONE, cause="run-2", completed_at=at, **newer)

    assert line(row, mode=OnExisting(mode)).outcome == outcome


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        ({"fate": "poison"}, "failed"),
        ({"fate": "retry"}, "outstanding"),
        ({"fate": "retry", "attempts": 5}, "failed"),
        ({"fate": "defer", "attempts": 50}, "outstanding"),
        ({"fate": "poison", "last_at": _BEFORE}, "outstanding"),
        ({"fate": "poison", "cause": "run-2"}, "failed"),
    ],
)
def test_an_asset_that_is_not_whole(failure: dict[str, Any], outcome: str) -> None:
    """It failed where no other attempt follows; a failure from before the run says nothing."""
    assert line(None, failure_of(ONE, **failure)).outcome == outcome


def test_an_old_failure_is_no_news() -> None:
    """It isn't shown beside an asset that nobody has tried since."""
    found = line(None, failure_of(ONE, last_at=_BEFORE))

    assert (found.error, found.message, found.failed_at) == (None, None, None)


def test_a_failure_that_is_retried_is_shown() -> None:
    """Whoever waits sees why."""
    found = line(None, failure_of(ONE, fate="retry", error="SourceChangedError"))

    assert (found.outcome, found.error) == (Outcome.OUTSTANDING, "SourceChangedError")


@pytest.mark.parametrize(
    ("row", "outcome"),
    [(None, "not_asked"), (row_of(ONE, cause="run-0", completed_at=_BEFORE), "skipped"), (row_of(ONE), "copied")],
)
def test_an_asset_that_was_not_asked_for(row: LedgerRow | None, outcome: str) -> None:
    """Unless it is there all the same: a part that was sent, and not counted before its worker died, is copied."""
    assert line(row, failure_of(ONE), is_asked=False).outcome == outcome


def test_a_refusal() -> None:
    """What a run records without an address is a refusal; another run's isn't this one's."""
    refusal = failure_of(ONE, href="", key="", item="line 3 of list.csv", error="BadNameError", message="no")

    assert [is_refusal(each, run=RUN) for each in (refusal, failure_of(ONE))] == [True, False]
    assert not is_refusal(refusal, run="run-2")
    assert refused_line(refusal, run=RUN) == Line(
        dataset="demo",
        run=RUN,
        item="line 3 of list.csv",
        key="",
        href="",
        outcome=Outcome.REFUSED,
        failed_attempts=1,
        error="BadNameError",
        message="no",
        failed_at=_AFTER,
    )
