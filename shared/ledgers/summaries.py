"""A run's receipt in a word."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.ledgers.outcomes import Outcome
from shared.model.rows import RunState


class Word(StrEnum):
    """How it stands with a run: azcopy's words for a job (https://github.com/Azure/azure-storage-azcopy)."""

    #: The run goes on, or has asked for assets that aren't there yet.
    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    #: All is whole, some of it was before; or the run ended at its dataset's caps, and the next one goes on.
    COMPLETED_WITH_SKIPPED = "CompletedWithSkipped"
    #: Something failed, was refused, or the run's counts don't add up.
    COMPLETED_WITH_ERRORS = "CompletedWithErrors"
    #: The run itself: a page of its catalog can't be read.
    FAILED = "Failed"
    CANCELLED = "Cancelled"

    @property
    def is_good(self) -> bool:
        """Whether nothing of it needs anybody, or has to be waited for."""
        return self in {Word.COMPLETED, Word.COMPLETED_WITH_SKIPPED}


class Summary(BaseModel):
    """A run, all its lines together."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    run: str
    status: Word
    #: Why, where it isn't just Completed.
    reason: str | None
    #: As the run store has it; None: it has a newer run.
    state: RunState | None
    began_at: AwareDatetime
    ended_at: AwareDatetime | None
    pages: int
    #: Assets by their outcome.
    assets: dict[Outcome, int]
    #: Of the blobs that it copied.
    bytes: int
    #: Items that were refused, as its pages count them.
    refused_items: int
    notes: tuple[str, ...]


def word_of(state: RunState, assets: Mapping[Outcome, int], *, has_errors: bool) -> Word:
    """The word for a run in this state; ``has_errors``: something beside its assets is wrong.

    What was asked for before a run failed or was cancelled is copied all the same; the word is the run's.
    """
    ended: Mapping[RunState, Word] = {
        RunState.RUNNING: Word.IN_PROGRESS,
        RunState.CANCELLED: Word.CANCELLED,
        RunState.FAILED: Word.FAILED,
    }
    if state in ended:
        return ended[state]
    if assets.get(Outcome.OUTSTANDING):
        return Word.IN_PROGRESS
    is_left_out = state is not RunState.CAPPED and bool(assets.get(Outcome.NOT_ASKED))
    if has_errors or is_left_out or state is RunState.INCOMPLETE:
        return Word.COMPLETED_WITH_ERRORS
    if assets.get(Outcome.FAILED) or assets.get(Outcome.REFUSED):
        return Word.COMPLETED_WITH_ERRORS
    if state is RunState.CAPPED or assets.get(Outcome.SKIPPED):
        return Word.COMPLETED_WITH_SKIPPED
    return Word.COMPLETED
