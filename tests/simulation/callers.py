"""Whoever calls the app over HTTP: senders of events, and people who begin runs, pause, resume and cancel.

Each asks again until he is answered, as whoever wants something does.
"""

import asyncio
import itertools
import json
from collections.abc import Callable, Coroutine

from shared.intake import Call
from shared.model.errors import RunConflictError, RunEndedError, UnknownRunError
from shared.model.windows import Window
from tests.fakes.senders import signed
from tests.simulation.checker import Checker
from tests.simulation.effects import Tally
from tests.simulation.host import Instance
from tests.simulation.loops import Scheduler
from tests.simulation.scenario import DATASET, Scenario, feature
from tests.simulation.workers import Worker, clock

#: How often, and how many times, somebody asks until he is answered.
_AGAIN_SECONDS = 60.0
_TRIES = 30

type _Work = Callable[[Worker], Coroutine[object, object, object]]


class Callers:
    """All of them."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        scheduler: Scheduler,
        checker: Checker,
        tally: Tally,
        use: Callable[[Callable[[Instance], None]], None],
    ) -> None:
        """``use`` hands over an instance, as soon as one takes calls."""
        #: What was asked and isn't answered yet.
        self.waiting = 0
        self._scenario = scenario
        self._scheduler = scheduler
        self._checker = checker
        self._tally = tally
        self._use = use

    def begin_run(self) -> None:
        """A run is asked for."""

        def answered(error: BaseException | None) -> bool:
            # A call whose answer was lost has begun it.
            return error is None or isinstance(error, RunConflictError)

        self._ask(
            "start",
            lambda worker: worker.starting.start(DATASET, window=Window(), trigger="request"),
            answered=answered,
        )

    def pause(self, seconds: float) -> None:
        """The dataset is paused for so long, or until somebody sees that it is paused still."""
        self._ask("control", lambda worker: worker.control.pause(DATASET, by="somebody"), answered=_is_done)
        self._scheduler.after(seconds, self.resume)

    def resume(self) -> None:
        """The dataset is resumed."""
        self._ask("control", lambda worker: worker.control.resume(DATASET), answered=_is_done)

    def cancel(self, run: str) -> None:
        """A run is ended; one that has ended meanwhile is as good."""

        def answered(error: BaseException | None) -> bool:
            return error is None or isinstance(error, RunEndedError | UnknownRunError)

        self._ask("control", lambda worker: worker.control.cancel(DATASET, run, by="somebody"), answered=answered)

    def send_event(self, item: str) -> None:
        """An event is sent until it is accepted, or its sender gives up: clocks that are wrong refuse them all."""
        files = self._scenario.items[item]
        body = json.dumps(feature(item, [each.listed(self._scheduler.now) for each in files])).encode()

        def receive(worker: Worker) -> Coroutine[object, object, object]:
            call = Call(method="POST", headers=signed(body, at=clock(self._scheduler.now)), body=body)
            return worker.intake.receive(DATASET, call)

        def answered(error: BaseException | None) -> bool:
            if error is not None:
                return False
            self._tally.others["events accepted"] += 1
            for each in files:
                if not self._checker.is_kept((each.item, each.key)):
                    self._checker.fail("S1", f"an event was accepted, and {each.href} is in no queue")
            return True

        self._ask("event", receive, answered=answered)

    def _ask(self, function: str, work: _Work, *, answered: Callable[[BaseException | None], bool]) -> None:
        """Call a function again and again, until it is answered as it should be."""
        self.waiting += 1
        tries = itertools.count(1)
        is_over = False

        def over() -> None:
            nonlocal is_over
            self.waiting -= not is_over
            is_over = True

        def ended(task: asyncio.Task[object]) -> None:
            if answered(task.exception()):
                over()

        def attempt() -> None:
            if not is_over and next(tries) <= _TRIES:
                self._scheduler.after(_AGAIN_SECONDS, attempt)
                self._use(lambda instance: instance.call(function, work, ended=ended))
            else:
                over()

        attempt()


def _is_done(error: BaseException | None) -> bool:
    return error is None
