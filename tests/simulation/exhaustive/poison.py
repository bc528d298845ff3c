"""A message that the runtime has put aside: the timer keeps it for ever, and somebody sends it back."""

import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from typing import override

from shared.model.causes import Cause
from shared.model.messages import LANES, Queue
from shared.model.selection import plan_page
from shared.poison.choosing import Choice
from shared.poison.redriving import Order
from shared.requesting import copy_requests
from tests.simulation.exhaustive.copies import ended_run
from tests.simulation.exhaustive.model import UNSEEN, Limits, Model, Option, Process, Work
from tests.simulation.mailboxes import StoreMailbox
from tests.simulation.messages import WEEK_SECONDS
from tests.simulation.scenario import DATASET, START, Rates, Scenario, chosen
from tests.simulation.small import Picks

#: Longer than any of them hides a message.
_PAUSE_SECONDS = 150.0
_LATER = timedelta(days=400)
#: Those whose poison is looked through; the others' is none.
_SWEPT = frozenset({"failures.all_of"})


def poison_of(limits: Limits, *, passes: int, redrives: int) -> "Poison":
    """The beginning of the model."""
    # Processes die: that is how the message came there.
    scenario = dataclasses.replace(chosen(Picks({})), rates=Rates(crash=1.0))
    return Poison(scenario, limits, passes=passes, redrives=redrives)


class Poison(Model):
    """A request in the poison queue, as the runtime puts it there: for a week, and without a reason."""

    def __init__(self, scenario: Scenario, limits: Limits, *, passes: int, redrives: int) -> None:
        super().__init__(scenario, limits, queues=(), unseen=UNSEEN | _SWEPT)
        self._passes, self._redrives = passes, redrives
        run = ended_run(self.account, began=START)
        page, _ = plan_page(
            scenario.pages[None], dataset_name=DATASET, dataset=scenario.datasets.named(DATASET), capacity=1
        )
        for each in copy_requests(Cause(dataset=DATASET, name=run.run, asked_at=START), page):
            self.messages.send(Queue.COPY.poison, each.encode(), lives=WEEK_SECONDS)

    @override
    def beginnings(self) -> list[Option]:
        return [
            *super().beginnings(),
            *self._once_more("preserve", "_passes", _preserve),
            *self._once_more("redrive", "_redrives", _redrive),
        ]

    @override
    def moments(self) -> list[Option]:
        if not self.left.pauses:
            return super().moments()
        return [*super().moments(), Option(says="time passes", take=self._pause)]

    @override
    def end(self) -> None:
        """See ``Way``: the timer comes, more than a year goes by, and what is still there is sent back."""
        for work, passed in ((_preserve, timedelta()), (_preserve, _LATER), (_redrive, _LATER)):
            self.scheduler.now += _PAUSE_SECONDS + passed.total_seconds()
            self.begin("preserve" if work is _preserve else "redrive", work)
            self.end_calmly(())
        self._passes = self._redrives = 0
        self.end_calmly(LANES)
        super().end()

    @override
    def stored(self) -> Sequence[str]:
        return [*super().stored(), f"{self._passes} {self._redrives}"]

    def _once_more(self, says: str, left: str, work: Work) -> list[Option]:
        def begin() -> None:
            setattr(self, left, getattr(self, left) - 1)
            self.begin(says, work)

        return [Option(says=says, take=begin)] if getattr(self, left) else []

    def _pause(self) -> None:
        self.left = dataclasses.replace(self.left, pauses=self.left.pauses - 1)
        self.scheduler.now += _PAUSE_SECONDS


async def _preserve(process: Process) -> None:
    await process.pipeline.preserving(_mailbox(process)).run()


async def _redrive(process: Process) -> None:
    redriving = process.pipeline.poison(_mailbox(process)).redriving
    await redriving.redrive(Choice(), Order(by="somebody", dry_run=False), tell=_tell_nobody)


def _tell_nobody(poison: object, outcome: object, why: object) -> None:
    del poison, outcome, why


def _mailbox(process: Process) -> StoreMailbox:
    return process.turns.port(StoreMailbox(process.messages), "mailbox")
