from typing import Any

from demo.status import Snapshot, decode_snapshot

QUIET = {"outstanding": 0, "poison": 0}


def answer(*, state: str = "running", copying: int = 0, publishing: int = 0) -> dict[str, Any]:
    return {
        "datasets": {
            "demo": {
                "run": {"run": "r", "state": state, "withheld_because": "36 outstanding"},
                "counts": {"available": 20, "filtered": 0, "refused": 0, "sent": 62, "already": 0},
                "copied_today": {"assets": 12, "bytes": 3400},
            }
        },
        "queues": {
            "discover": {"outstanding": 1, "poison": 0} if state == "running" else QUIET,
            "copy": {"outstanding": copying, "poison": 2},
            "copy-live": QUIET,
            "copy-later": QUIET,
            "publish": {"outstanding": publishing, "poison": 0},
        },
    }


def test_decode() -> None:
    """A status is read into what the display shows."""
    found = decode_snapshot(answer(copying=7, publishing=5), dataset="demo")

    assert found == Snapshot(
        state="running",
        reason=None,
        withheld_because="36 outstanding",
        sent=62,
        pages=1,
        requests=7,
        publishing=5,
        poison=2,
        copied_assets=12,
        copied_bytes=3400,
    )


def test_before_the_first_run() -> None:
    """A dataset without a run has nothing to show, and hasn't ended."""
    status = answer()
    status["datasets"]["demo"] = {"run": None, "counts": None, "copied_today": {"assets": 0, "bytes": 0}}

    found = decode_snapshot(status, dataset="demo")

    assert (found.state, found.sent, found.ended) == ("", 0, False)


def test_ended() -> None:
    """A run has ended once it is over and nothing is left to copy or to publish, or once it failed."""
    states = [
        ("running", 0, 0),
        ("complete", 3, 0),
        ("complete", 0, 1),
        ("complete", 0, 0),
        ("incomplete", 0, 0),
        ("failed", 3, 1),
    ]

    found = [
        decode_snapshot(answer(state=state, copying=copies, publishing=items), dataset="demo").ended
        for state, copies, items in states
    ]

    assert found == [False, False, False, True, True, True]
