"""A run of three pages: a timer begins it, and whoever has room works a page."""

from collections.abc import Mapping, Sequence
from typing import override

from shared.model.messages import LANES, Queue
from shared.model.rows import RunState
from tests.simulation.exhaustive.model import UNSEEN, Limits, Model, Process
from tests.simulation.scenario import DATASET, Scenario, chosen
from tests.simulation.small import Picks

#: Three items of a small file each, one on a page, of which the catalog states how many there are.
_PICKS: Mapping[str, Sequence[int]] = {"items": [2], "page_size": [1], "matched": [1]}
#: Nobody changes what these ask; their failing is a failing of the page as any other call's.
_STEADY = frozenset({"holds.of", "ledger.of_items"})
_LATER_SECONDS = 6 * 3600.0
_MOST_TIMERS = 3


def three_pages(limits: Limits) -> "Pages":
    """The beginning of the model."""
    return Pages(chosen(Picks(_PICKS)), limits)


class Pages(Model):
    """A timer that begins a run; copies are asked for, and worked once nothing can go wrong any more."""

    def __init__(self, scenario: Scenario, limits: Limits) -> None:
        super().__init__(scenario, limits, queues=[Queue.DISCOVER], unseen=UNSEEN | _STEADY)
        self.begin("start", _start)
        self.settle()

    @override
    def end(self) -> None:
        """See ``Way``: the timer comes again until the run has ended, and what was asked for is copied."""
        for _ in range(_MOST_TIMERS):
            if self._has_ended():
                break
            self.scheduler.now += _LATER_SECONDS
            self.begin("start", _start)
            self.end_calmly([Queue.DISCOVER])
        self.end_calmly([Queue.DISCOVER, *LANES])
        super().end()

    def _has_ended(self) -> bool:
        entry = self.account.runs.newest_runs.get(DATASET)
        return entry is not None and entry.run.state is not RunState.RUNNING


async def _start(process: Process) -> None:
    await process.pipeline.starting().start_due()
