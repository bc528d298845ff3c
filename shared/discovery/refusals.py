"""What a catalog lists and nobody can copy, as it stands in the failures table."""

from datetime import datetime

from shared.model.errors import Fate
from shared.model.items import Refusal
from shared.model.rows import Failure
from shared.redaction import MAX_TOLD, cut, redacted


def failure_of(refusal: Refusal, *, dataset: str, run: str, at: datetime) -> Failure:
    """The failure that a run records of it."""
    return Failure(
        dataset=dataset,
        item=refusal.item,
        key=refusal.key,
        href="",
        error=refusal.error,
        fate=Fate.POISON,
        message=cut(redacted(refusal.message), MAX_TOLD),
        host="",
        cause=run,
        first_at=at,
        last_at=at,
    )
