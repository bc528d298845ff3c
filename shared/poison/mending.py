"""What people do with what failed: look, send back, put away."""

import dataclasses
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Self

from shared.model.datasets import Datasets
from shared.poison.dropping import Dropping
from shared.poison.failing import Failing
from shared.poison.listing import Listing
from shared.poison.reading import Reading
from shared.poison.reasons import Reasons
from shared.poison.redriving import Redriving
from shared.poison.walking import Walking
from shared.storage.mailbox import Mailbox
from shared.storage.queues import Queues


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mending:
    """The use cases behind the routes ``poison`` and the operator's commands."""

    listing: Listing
    redriving: Redriving
    dropping: Dropping
    failing: Failing
    clock: Callable[[], datetime]
    #: Whether the platform says who calls, so that a header of that name is nobody else's.
    names_callers: bool

    @classmethod
    def of(
        cls,
        datasets: Datasets,
        *,
        mailbox: Mailbox,
        queues: Queues,
        reasons: Reasons,
        clock: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]],
        names_callers: bool = False,
    ) -> Self:
        """All of them on the same stores."""
        walking = Walking(mailbox=mailbox, queues=queues, clock=clock)
        reading = Reading(reasons=reasons, failures=reasons.failures, ledger=reasons.ledger)
        return cls(
            listing=Listing(walking=walking, reading=reading),
            redriving=Redriving(
                walking=walking, reading=reading, queues=queues, datasets=datasets, clock=clock, sleep=sleep
            ),
            dropping=Dropping(walking=walking, reading=reading, clock=clock),
            failing=Failing(datasets=datasets, failures=reasons.failures, ledger=reasons.ledger),
            clock=clock,
            names_callers=names_callers,
        )
