"""Small models, in which each thing that can go wrong does."""

import pytest

from tests.simulation.effects import Fault, Tally
from tests.simulation.small import Picks, exhausted, names, scenario
from tests.simulation.world import World


@pytest.mark.parametrize("name", names())
@pytest.mark.timeout(240)
def test_a_single_fault_is_survived(name: str) -> None:
    """A process dies before and after each call, each answer is refused, lost or asked for twice: one at a time."""
    tally = Tally()
    broken: list[str] = []

    for number, (outcome, _) in enumerate(exhausted(name, most=1)):
        tally.add(outcome.tally)
        broken += [f"schedule {number}: {each}" for each in outcome.violations]

    calm = World(scenario(name), Picks({})).run().tally
    died = {name for fault, name in tally.faults if fault in {Fault.CRASH_BEFORE, Fault.CRASH_AFTER}}
    assert broken == []
    assert {*calm.reached} - died == set()
    assert {fault for fault, _ in tally.faults} == {*Fault} - {Fault.NONE, Fault.STALLED}
