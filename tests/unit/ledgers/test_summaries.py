"""A run's receipt in a word."""

import pytest

from shared.ledgers import Outcome, Word
from shared.ledgers.summaries import word_of
from shared.model.rows import RunState


@pytest.mark.parametrize(
    ("state", "assets", "word"),
    [
        ("complete", {"copied": 3}, "Completed"),
        ("complete", {}, "Completed"),
        ("complete", {"copied": 3, "superseded": 1}, "Completed"),
        ("complete", {"copied": 3, "skipped": 1}, "CompletedWithSkipped"),
        ("complete", {"copied": 3, "failed": 1}, "CompletedWithErrors"),
        ("complete", {"skipped": 3, "refused": 1}, "CompletedWithErrors"),
        ("complete", {"copied": 3, "not_asked": 1}, "CompletedWithErrors"),
        ("complete", {"failed": 3, "outstanding": 1}, "InProgress"),
        ("incomplete", {"copied": 3}, "CompletedWithErrors"),
        ("incomplete", {"outstanding": 1}, "InProgress"),
        ("capped", {"copied": 3, "not_asked": 1}, "CompletedWithSkipped"),
        ("capped", {"copied": 3, "failed": 1}, "CompletedWithErrors"),
        ("capped", {"outstanding": 3}, "InProgress"),
        ("running", {"copied": 3}, "InProgress"),
        ("failed", {"copied": 3}, "Failed"),
        ("failed", {"outstanding": 3}, "Failed"),
        ("cancelled", {"failed": 3}, "Cancelled"),
    ],
)
def test_the_word_for_a_run(state: str, assets: dict[str, int], word: str) -> None:
    """Completed has neither failures nor anything outstanding inside; a run that was ended says so first."""
    counts = {Outcome(outcome): number for outcome, number in assets.items()}

    assert word_of(RunState(state), counts, has_errors=False) == word


@pytest.mark.parametrize(
    ("state", "word"),
    [("complete", "CompletedWithErrors"), ("capped", "CompletedWithErrors"), ("running", "InProgress")],
)
def test_what_is_wrong_beside_the_assets(state: str, word: str) -> None:
    """Refused items and pages that are gone are errors, too."""
    assert word_of(RunState(state), {Outcome.COPIED: 3}, has_errors=True) == word


def test_words_that_need_nobody() -> None:
    """All others want somebody to look or to wait."""
    assert {each for each in Word if each.is_good} == {Word.COMPLETED, Word.COMPLETED_WITH_SKIPPED}
