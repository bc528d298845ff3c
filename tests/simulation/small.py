"""Small models: scenarios in which everything that can go wrong does, each thing by itself.

A process dies before and after every call, every answer is refused, lost and asked for twice, every lease ends early,
every acknowledgement is lost, and whoever could go on does: one of these in each schedule, or several.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from tests.simulation.choices import Exhaustive
from tests.simulation.scenario import Rates, Scenario, chosen
from tests.simulation.world import Outcome, World

_EVERYTHING = Rates(
    crash=1.0,
    refused=1.0,
    lost=1.0,
    repeated=1.0,
    throttled=1.0,
    unavailable=1.0,
    truncated=1.0,
    wrong=1.0,
    lease_ends=1.0,
    unacknowledged=1.0,
)


class Picks:
    """Choices of which some are fixed, in the order in which they come, and all others are tame."""

    def __init__(self, fixed: Mapping[str, Sequence[int]]) -> None:
        self._fixed = {what: iter(picks) for what, picks in fixed.items()}

    def pick(self, what: str, of: int) -> int:
        """See ``Choices``."""
        picked = next(self._fixed.get(what, iter(())), 0)
        assert picked < of, f"{what} has {of} answers"
        return picked

    def weighted(self, what: str, weights: Sequence[float]) -> int:
        """See ``Choices``."""
        return self.pick(what, len(weights) + 1)

    def call(self, what: str, weights: Sequence[float]) -> tuple[int, float]:
        """See ``Choices``."""
        return self.weighted(what, weights), 0.5

    def order(self, of: int) -> int:
        """See ``Choices``."""
        return self.pick("order", of)

    def amount(self, what: str) -> float:
        """See ``Choices``."""
        del what
        return 0.5


#: What each scenario picks.
_PICKS: Mapping[str, Mapping[str, Sequence[int]]] = {
    # Two pages: an item of a small file with a checksum and one of five blocks, and an item that is gone; published.
    "run": {
        "publishes": [1],
        "items": [1],
        "assets": [1, 0],
        "page_size": [1],
        "size": [2, 6, 0],
        "gone": [0, 0, 11],
        "instances": [1],
    },
    # A file that was copied before it changed, of which the pages then state what was before.
    "late": {
        "on_existing": [3],
        "publishes": [1],
        "events": [1],
        "size": [6],
        "changes": [1],
        "change_at": [0],
        "late": [2],
        "event_at": [1],
    },
    # A file that changes while it is copied and when it has been, asked for by an event and a run; nothing hashes it.
    "change": {
        "on_existing": [3],
        "digests": [1],
        "events": [1],
        "size": [6],
        "states": [1],
        "changes": [2],
        "change_at": [0, 5],
        "rough": [1],
        "capacity": [1],
    },
}


def names() -> Sequence[str]:
    """What the scenarios are called."""
    return tuple(_PICKS)


def scenario(name: str) -> Scenario:
    """A scenario in which everything can go wrong."""
    return dataclasses.replace(
        chosen(Picks(_PICKS[name])), rates=_EVERYTHING, rough=600.0, recheck=timedelta(seconds=60)
    )


def exhausted(name: str, *, most: int) -> Iterator[tuple[Outcome, Exhaustive]]:
    """Every schedule of a scenario in which so many things go wrong at most."""
    of = scenario(name)
    choices = Exhaustive(most=most)
    for each in choices.schedules():
        yield World(of, each).run(), choices
