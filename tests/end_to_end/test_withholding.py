"""The experiment on withholding in small: what stands in the queue is bounded, as the wire counts it."""

import dataclasses
from pathlib import Path

from benchmarks.withholding.arm import run_arm
from benchmarks.withholding.counting import outstanding, peak, stories
from benchmarks.withholding.folder import BACKFILL
from benchmarks.withholding.plan import Plan, Stream

_SIGMA = 1.5
#: S is 4, and a page has twice as many requests. No copy is refused: a deferral's first delay is 15 s.
_PLAN = dataclasses.replace(
    Plan(),
    items=60,
    stream=Stream(seed=1, seconds=0.5, missing=0.01, cut=0.1),
    page_items=8,
    instances=1,
    batch_size=2,
    new_batch_threshold=2,
    recheck_seconds=1,
    retry_seconds=1,
    polling_seconds=0.1,
    outage_seconds=0,
    idle_seconds=0,
    paused_after_seconds=0,
    limit_seconds=90,
)


def test_outstanding_copy_requests_are_bounded(tmp_path: Path) -> None:
    """Never are more than sigma x S + S outstanding, though pages have 2 x S requests and copies fail meanwhile."""
    seen = run_arm(_PLAN, sigma=_SIGMA, directory=tmp_path)

    most = peak(outstanding(seen.calls, queue="copy"))
    told = {item: each for item, each in stories(seen.calls, lanes=("copy",)).items() if item.startswith(BACKFILL)}
    assert seen.torn == 0
    assert _PLAN.capacity < most <= _PLAN.mark(_SIGMA) + _PLAN.capacity
    assert [item for item, each in told.items() if each.closed is None] == []
    assert len(told) == _PLAN.items
