"""What one run may ask for."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.model.caps import Caps, Cutoff, Spent, told_of
from shared.model.counts import Counts
from shared.model.messages import PageRequest
from tests.unit.model.builders import asset


def test_caps_state_something() -> None:
    """A table without a cap is a mistake, and says what it could hold."""
    with pytest.raises(ValidationError, match="state max_assets, max_bytes or both"):
        Caps()


def test_cuts_are_hard_unless_stated() -> None:
    """As with rclone, what isn't said ends a run at once."""
    assert Caps(max_assets=1).cutoff is Cutoff.HARD


@pytest.mark.parametrize(
    ("caps", "spent", "reached", "held"),
    [
        ({"max_assets": 2}, (1, 99), False, True),
        ({"max_assets": 2}, (2, 0), True, True),
        ({"max_assets": 2}, (3, 0), True, False),
        ({"max_bytes": 10}, (99, 9), False, True),
        ({"max_bytes": 10}, (0, 10), True, True),
        ({"max_bytes": 10}, (0, 11), True, False),
        ({"max_assets": 2, "max_bytes": 10}, (1, 11), True, False),
        ({"max_assets": 2, "max_bytes": 10}, (3, 1), True, False),
    ],
)
def test_reached_and_exceeded(caps: dict[str, Any], spent: tuple[int, int], *, reached: bool, held: bool) -> None:
    """A cap is reached by as much as it says and exceeded by more; whichever of two comes first counts."""
    so_far = Spent(assets=spent[0], bytes=spent[1])

    found = Caps(**caps).are_reached(so_far), Caps(**caps).hold(so_far)

    assert found == (reached, held)


def test_what_was_spent() -> None:
    """Assets and the bytes that are stated of them; of what was there already, nothing."""
    spent = Spent(assets=1, bytes=10).with_counts(Counts(sent=2, already=5, sent_bytes=7))

    assert spent.with_asset(asset()).with_asset(asset(size=3)) == Spent(assets=5, bytes=20)


@pytest.mark.parametrize(
    ("size", "end"),
    [
        (None, "has an unknown size; the next run goes on with it, and a higher cap lets one run bring more"),
        (5, "has 5 bytes; the next run goes on with it, and a higher cap lets one run bring more"),
        (
            11,
            "has 11 bytes, more than a whole run may bring: raise the cap, or leave it out by select.max_bytes",
        ),
    ],
)
def test_why_a_run_was_cut(size: int | None, end: str) -> None:
    """Numbers, caps, what comes next, and a way out: also of an asset that no run could ever bring."""
    caps = Caps(max_assets=4, max_bytes=10)

    told = told_of(caps, Spent(assets=3, bytes=8), next_asset=asset(size=size))

    start = "3 assets of 8 bytes were asked for; caps.max_assets is 4 and caps.max_bytes is 10 (hard)"
    assert told == f"{start}; the next asset, 'B04' of 's2/T32', {end}"


def test_why_a_run_was_cut_softly() -> None:
    """Nothing is looked at after a soft cut."""
    told = told_of(Caps(max_assets=4, cutoff=Cutoff.SOFT), Spent(assets=5), next_asset=None)

    assert told == (
        "5 assets of 0 bytes were asked for; caps.max_assets is 4 (soft); "
        "the next run goes on, and a higher cap lets one run bring more"
    )


def test_messages_of_runs_without_caps_are_as_ever() -> None:
    """An older version, which works beside a newer one while that is deployed, refuses fields that it doesn't know."""
    request = PageRequest(dataset="demo", run="run-1")

    assert {"spent", "is_plan"}.isdisjoint(request.encode().replace('"', " ").replace(":", " ").split())
    assert PageRequest.decode(request.encode().encode()) == request


def test_messages_of_plans_and_capped_runs_come_back() -> None:
    """What was spent and that it is a plan's page survive the queue."""
    request = PageRequest(dataset="demo", run="run-1", spent=Spent(assets=1, bytes=2), is_plan=True)

    assert PageRequest.decode(request.encode().encode()) == request
