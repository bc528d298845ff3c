"""L3: copies make progress where processes live for less than a copy takes."""

import dataclasses
from collections.abc import Sequence
from typing import override

from tests.simulation.effects import Fault
from tests.simulation.scenario import DATASET, Rates, chosen
from tests.simulation.small import Picks
from tests.simulation.world import World

#: Five blocks, and nobody hashes the whole.
_LARGE = {"size": [6], "states": [2], "digests": [1]}


class _Killer(Picks):
    """Kills a process after every second block."""

    staged = 0

    @override
    def call(self, what: str, weights: Sequence[float]) -> tuple[int, float]:
        if what == "fault copy:blobs.stage":
            self.staged += 1
            if self.staged % 2 == 0 and any(weights):
                return Fault.CRASH_AFTER, 0.5
        return super().call(what, weights)


def test_a_copy_goes_on_where_the_last_one_died() -> None:
    """Each attempt stages what is missing: a file of five blocks is there before its five attempts are over."""
    killer = _Killer({})
    scenario = dataclasses.replace(chosen(Picks(_LARGE)), rates=Rates(crash=0.1), rough=7200.0)

    world = World(scenario, killer)
    outcome = world.run()

    assert outcome.violations == ()
    assert [key for dataset, key in world.account.ledger.entries if dataset == DATASET] == [("c/i0", "k0")]
    assert list(world.messages.poison) == []
    assert 2 <= outcome.tally.others["workers killed"] < 5
    # Several are on their way at once, so that few are staged twice.
    assert outcome.tally.reached["copy:blobs.stage"] <= 7
