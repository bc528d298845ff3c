"""What is listed or sent and nobody can copy, as it stands in the failures table."""

from datetime import datetime

from shared.model.causes import Cause
from shared.model.errors import Fate
from shared.model.items import Refusal
from shared.model.rows import Failure
from shared.redaction import MAX_TOLD, cut, redacted


def failure_of(refusal: Refusal, *, cause: Cause, at: datetime) -> Failure:
    """The failure that a run or an event records of it."""
    return Failure(
        dataset=cause.dataset,
        item=refusal.item,
        key=refusal.key,
        href="",
        error=refusal.error,
        fate=Fate.POISON,
        message=cut(redacted(refusal.message), MAX_TOLD),
        host="",
        cause=cause.name,
        first_at=at,
        last_at=at,
    )
