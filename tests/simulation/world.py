"""One schedule: first it is rough, then it is calm and everything has to come to its end, then a night passes."""

import dataclasses
import itertools
import math
from collections.abc import Callable, Collection
from datetime import timedelta

from shared.model.messages import Queue
from shared.model.rows import RunState
from tests.simulation.account import Account
from tests.simulation.callers import Callers
from tests.simulation.catalog import LateCatalog
from tests.simulation.checker import Checker, Violation
from tests.simulation.choices import Choices, Decision, Seeded
from tests.simulation.effects import Tally, Trace, Weather
from tests.simulation.ending import check_end
from tests.simulation.host import Instance
from tests.simulation.loops import Scheduler
from tests.simulation.messages import Message, MessageStore
from tests.simulation.scenario import CALM, DATASET, Scenario, chosen
from tests.simulation.workers import Surroundings, Worker

#: L1: after the faults have stopped, everything that was accepted is in the ledger or a poison queue by then.
WITHIN = timedelta(hours=3)

_TIMER_SECONDS = 600.0
_PRESERVE_SECONDS = 1800.0
_DRAIN_SECONDS = 60.0
_NEW_INSTANCE_SECONDS = 20.0
_POLL_SECONDS = 1.0
#: Of four.
_RUNS = 3
_WORK = tuple(each.value for each in Queue)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a schedule came to."""

    violations: tuple[Violation, ...]
    tally: Tally
    #: Of everything that happened.
    digest: str
    lines: tuple[str, ...]
    #: How long it took until all was done, once it was calm.
    recovery: timedelta


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """An outcome, and what was decided on the way."""

    seed: int
    outcome: Outcome
    made: tuple[Decision, ...]


def run_seed(seed: int, *, only: Collection[Decision] | None = None, keeps_trace: bool = False) -> Schedule:
    """Run the schedule of a seed, or what is left of it with some of its decisions alone."""
    choices = Seeded(seed, only=only)
    outcome = World(chosen(choices), choices, keeps_trace=keeps_trace).run()
    return Schedule(seed=seed, outcome=outcome, made=tuple(choices.made))


class World:
    """Instances of the app, what they work on, and who watches."""

    def __init__(self, scenario: Scenario, choices: Choices, *, keeps_trace: bool = False) -> None:
        self.scenario = scenario
        self.scheduler = Scheduler(choices)
        self.messages = MessageStore(self._now, sent=self._sent, removed=self._removed)
        self.account = Account(messages=self.messages)
        self.checker = Checker(scenario, self.account, now=self._now)
        self.account.watched(self.checker)
        self._choices = choices
        self._weather = Weather(scenario.rates)
        self._tally, self._trace = Tally(), Trace(keeps=keeps_trace)
        self._instances: list[Instance] = []
        self._instance_numbers, self._worker_numbers = itertools.count(), itertools.count()
        #: Messages to be worked.
        self._work = 0
        #: What the copy queue had, and since when.
        self._counts: list[tuple[float, int]] = [(0.0, 0)]
        self._callers = Callers(
            scenario,
            scheduler=self.scheduler,
            checker=self.checker,
            tally=self._tally,
            use=self._when_one_works,
        )
        self._around = Surroundings(
            scenario=scenario,
            account=self.account,
            catalog=LateCatalog(scenario, now=self._now),
            scheduler=self.scheduler,
            choices=choices,
            weather=self._weather,
            tally=self._tally,
            trace=self._trace,
            counted=self._counted,
            opened=self.checker.source_opened,
            answered=self.checker.ledger_answered,
            troubled=lambda what: self.checker.fail("unforeseen", what),
        )

    def run(self) -> Outcome:
        """Run all of it."""
        self._begin()
        self.scheduler.run(until=self.scenario.rough, ends=self._is_broken)
        self._weather.set(CALM)
        recovery = self._settle("L1")
        if not self.checker.violations and self._has_to_run():
            self._callers.begin_run()
            self._settle("L1, the next run")
        if not self.checker.violations:
            # What the host has put aside is kept for ever by the second pass at the latest.
            self.scheduler.run(until=self._now() + 2.5 * _PRESERVE_SECONDS, ends=self._is_preserved)
        if not self.checker.violations:
            check_end(self.scenario, self.account, self.checker)
            self._check_memory()
        for each in self._instances:
            each.end()
        self.scheduler.run(until=self._now(), ends=lambda: False)
        self._tally.others["schedules"] += 1
        self._tally.others["steps"] += self.scheduler.steps
        return Outcome(
            violations=tuple(self.checker.violations),
            tally=self._tally,
            digest=self._trace.digest,
            lines=tuple(self._trace.lines),
            recovery=recovery,
        )

    def _begin(self) -> None:
        for _ in range(self.scenario.instances):
            self._start_instance()
        self.scheduler.after(0.0, self._tick)
        self.scheduler.after(_PRESERVE_SECONDS, self._preserve)
        self.scheduler.after(_DRAIN_SECONDS, self._drain)
        rough = self.scenario.rough
        for at, item in self.scenario.events:
            self.scheduler.at(min(at, rough), lambda item=item: self._callers.send_event(item))
        for at, duration in self.scenario.pauses:
            self.scheduler.at(min(at, rough), lambda duration=duration: self._callers.pause(duration))
        for at in self.scenario.cancels:
            self.scheduler.at(min(at, rough), self._cancel)

    def _settle(self, rule: str) -> timedelta:
        """Let it be calm until everything is done."""
        began = self._now()
        # What one clock has written, another one may wait for.
        clocks = (timedelta(), *self.scenario.skews)
        longest = WITHIN + max(clocks) - min(clocks)
        if not self.scheduler.run(until=began + longest.total_seconds(), ends=self._is_settled):
            left = {queue: len(self.messages.queues[queue]) for queue in sorted(_WORK) if self.messages.queues[queue]}
            entry = self.account.runs.newest_runs.get(DATASET)
            state = entry.run.state.value if entry else "none"
            self.checker.fail(rule, f"{longest} after the faults {left} messages are left, and the run is {state}")
        return timedelta(seconds=self._now() - began)

    def _check_memory(self) -> None:
        for each in self._instances:
            if each.worker is not None and not each.worker.has_all_memory_back:
                self.checker.fail("L6", f"process {each.worker.number} has nothing to do, and buffers are held")

    def _has_to_run(self) -> bool:
        """A calm run brings what a rough one hasn't; where that has brought everything, it is tried now and then."""
        entry = self.account.runs.newest_runs[DATASET]
        is_missing = any((DATASET, each) not in self.account.ledger.entries for each in self.scenario.files)
        is_missing |= any(True for _ in self.messages.poison)
        is_over = entry.run.state in {RunState.COMPLETE, RunState.INCOMPLETE}
        return not is_over or is_missing or self._choices.pick("calm run", 4) == _RUNS

    def _is_broken(self) -> bool:
        return bool(self.checker.violations)

    def _is_settled(self) -> bool:
        if self.checker.violations:
            return True
        if self._work or self._callers.waiting or any(each.busy for each in self._instances):
            return False
        entry = self.account.runs.newest_runs.get(DATASET)
        return entry is not None and entry.run.state is not RunState.RUNNING

    def _is_preserved(self) -> bool:
        return all(math.isinf(each.expires_at) for each in self.messages.poison)

    def _start_instance(self) -> None:
        instance = Instance(
            next(self._instance_numbers),
            messages=self.messages,
            start_worker=self._start_worker,
            scheduler=self.scheduler,
            choices=self._choices,
            weather=self._weather,
            tally=self._tally,
            trace=self._trace,
            wake=self._wake,
            unforeseen=lambda what: self.checker.fail("unforeseen", what),
            died=self._replace,
        )
        self._instances.append(instance)
        for queue in _WORK:
            instance.poll(queue)

    def _start_worker(self, instance: Instance) -> Worker:
        def kill() -> None:
            if self._choices.pick("kills the instance", 2):
                instance.kill()
            else:
                instance.kill_worker()

        return Worker.start(next(self._worker_numbers), self._around, kill=kill)

    def _replace(self, instance: Instance) -> None:
        self._instances.remove(instance)
        self.scheduler.after(_NEW_INSTANCE_SECONDS, self._start_instance)

    def _tick(self) -> None:
        """The timer, now and then on two instances at once."""
        self.scheduler.after(_TIMER_SECONDS, self._tick)
        working = [each for each in self._instances if each.can_work]
        for each in working[: 1 + self._choices.pick("timers", 2)]:
            each.call("start", lambda worker: worker.starting.start_due())
        hold = self.account.holds.entries.get(DATASET)
        if hold is not None and hold.hold.is_paused and self._weather.rates == CALM:
            self._callers.resume()

    def _preserve(self) -> None:
        """The other timer."""
        self.scheduler.after(_PRESERVE_SECONDS, self._preserve)
        self._when_one_works(lambda instance: instance.call("preserve", lambda worker: worker.preserving.run()))

    def _cancel(self) -> None:
        """Somebody ends the run that there is now."""
        entry = self.account.runs.newest_runs.get(DATASET)
        if entry is not None:
            self._callers.cancel(entry.run.run)

    def _when_one_works(self, use: Callable[[Instance], None]) -> None:
        working = [each for each in self._instances if each.can_work]
        if working:
            use(working[self._choices.pick("instance", len(working))])
        else:
            self.scheduler.after(_NEW_INSTANCE_SECONDS, lambda: self._when_one_works(use))

    def _drain(self) -> None:
        self.scheduler.after(_DRAIN_SECONDS, self._drain)
        for each in list(self._instances):
            if self._choices.weighted("fault drain", (self._weather.rates.drain,)):
                each.drain()

    def _sent(self, message: Message) -> None:
        self.checker.message_sent(message)
        if message.queue not in _WORK:
            return
        self._work += 1
        self._note_count(message.queue)
        self._wake(message.queue, message.visible_at)

    def _wake(self, queue: str, at: float) -> None:
        """Let instances look into a queue, in any order, within the longest that they wait between two looks."""

        def look() -> None:
            if not self.messages.queues[queue]:
                return
            for each in self._instances:
                delay = _POLL_SECONDS * self._choices.amount("poll")
                self.scheduler.after(delay, lambda each=each: each.poll(queue))

        self.scheduler.at(max(at, self._now()), look)

    def _removed(self, message: Message) -> None:
        self.checker.message_removed(message)
        if message.queue in _WORK:
            self._work -= 1
            self._note_count(message.queue)

    def _note_count(self, queue: str) -> None:
        if queue == Queue.COPY:
            self._counts.append((self._now(), len(self.messages.queues[queue])))

    def _counted(self, queue: str) -> int:
        if queue != Queue.COPY or not self._choices.weighted("fault count", (self._weather.rates.stale_count,)):
            return self.messages.count(queue)
        then = self._now() - 60 * self._choices.amount("stale")
        return next((count for since, count in reversed(self._counts) if since <= then), 0)

    def _now(self) -> float:
        return self.scheduler.now
