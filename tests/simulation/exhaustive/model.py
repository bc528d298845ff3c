"""A few processes that work messages, one call at a time: which goes on, which is lost, which dies, is all an option.

What makes no difference is no option, so that all of them can be gone into:

- Only calls that touch what others can see or change are turns: what a process does between two of them nobody sees.
- A process dies right after one of its calls: nobody sees when, between two of them, it died, and its message can be
  received again at any later time in either case. Who dies before its first call was never there.
- What a call that fails has not done is no way of its own: an answer that is lost after the one before it leads there.
- Processes are interchangeable, as each begins with nothing. Messages with the same body are, too; and ETags are names,
  of which only matters whether two are the same.
- Time stands still: whatever waits for a time (a delay, a lease) may come at any moment, and no message is put aside
  by the host, as less can go wrong than it has patience for.

So a state is what is stored, what each process was told, and what may still go wrong.
"""

import asyncio
import contextvars
import dataclasses
import hashlib
from collections.abc import Callable, Coroutine, Iterable, Sequence

from shared.model.errors import SluiceError
from shared.model.messages import LANES, Queue
from shared.pipeline import Pipeline
from tests.simulation.account import Account
from tests.simulation.catalog import LateCatalog
from tests.simulation.checker import Checker
from tests.simulation.choices import Seeded
from tests.simulation.effects import Invocation, Tally, Trace, Weather, current
from tests.simulation.ending import check_end
from tests.simulation.exhaustive.turns import ETAG, SOURCE, End, Turns, Waiting, with_stores
from tests.simulation.loops import ProcessLoop, Scheduler
from tests.simulation.messages import Message, MessageStore
from tests.simulation.scenario import CALM, Scenario
from tests.simulation.workers import Surroundings, pipeline_of

type Work = Callable[["Process"], Coroutine[object, object, None]]

_FUNCTIONS = {
    Queue.DISCOVER.value: "discover",
    Queue.PUBLISH.value: "publish",
    **{each.value: "copy" for each in LANES},
}
#: Sources and catalogs don't change in a model that doesn't say so; what was copied today is for display.
UNSEEN = frozenset({SOURCE, "catalog.page", "catalog.item", "catalog.collection", "activities.save"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may go wrong, and how many there are."""

    #: Processes at once.
    processes: int = 2
    crashes: int = 0
    lost: int = 0
    #: Times that a message is received while somebody works it: its lease has ended early.
    doubles: int = 0
    #: Times that the source changes.
    changes: int = 0
    #: Times that everything rests for longer than anybody hides a message of a poison queue.
    pauses: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{name} {count}" for name, count in dataclasses.asdict(self).items() if count)


class _Tame(Seeded):
    """No choices: each option is one of the model's."""

    def __init__(self) -> None:
        super().__init__(0, only=())

    def amount(self, what: str) -> float:
        """See ``Choices``."""
        del what
        return 0.5


@dataclasses.dataclass(slots=True, eq=False, kw_only=True)
class Process:
    """A process that does one thing, and ends."""

    doing: str
    loop: ProcessLoop
    turns: Turns
    pipeline: Pipeline
    messages: MessageStore
    message: Message | None = None
    #: With which it can delete its message, unless somebody else has received that since.
    receipt: int = 0
    is_over: bool = False

    @property
    def holds(self) -> bool:
        """Whether its message is hidden from others."""
        return self.message is not None and self.message.receipt == self.receipt


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What can happen next."""

    says: str
    take: Callable[[], None]


class Model:
    """One way through a model: what is stored, who works, and what may still go wrong."""

    def __init__(
        self, scenario: Scenario, limits: Limits, *, queues: Sequence[str], unseen: Iterable[str] = UNSEEN
    ) -> None:
        """``queues``: those whose messages are worked; what comes to others stays there until the end."""
        self.scenario = scenario
        self.scheduler = Scheduler(_Tame())
        self.messages = MessageStore(self._now, sent=self._sent, removed=self._removed)
        self.account = Account(messages=self.messages)
        self.checker = Checker(scenario, self.account, now=self._now)
        self.account.watched(self.checker)
        self.processes: list[Process] = []
        self._queues = queues
        self._unseen = frozenset(unseen)
        self.left = limits
        self._begun = 0

    @property
    def violations(self) -> Sequence[object]:
        """See ``Way``."""
        return self.checker.violations

    def options(self) -> Sequence[str]:
        """See ``Way``."""
        return [each.says for each in self._options()]

    def take(self, number: int) -> None:
        """See ``Way``."""
        self._options()[number].take()
        self.settle()

    def settle(self) -> None:
        """Let everybody go on as far as it can."""
        self.scheduler.run(until=self._now(), ends=lambda: False)
        ended = [each for each in self.processes if each.is_over or each.turns.is_dead]
        self.processes = [each for each in self.processes if each not in ended]
        _end(ended)

    def state(self) -> bytes:
        """See ``Way``."""
        processes = sorted((_seen(each), each.turns.etags) for each in self.processes)
        names: dict[str, str] = {}
        # What an ETag is called is nothing to anybody, only whether two are the same.
        whole = ETAG.sub(
            lambda found: names.setdefault(found[0], f"etag {len(names)}"), repr((self.stored(), processes))
        )
        return hashlib.blake2b(f"{self.left!r}{whole}".encode(), digest_size=16).digest()

    def end(self) -> None:
        """See ``Way``."""
        check_end(self.scenario, self.account, self.checker)

    def close(self) -> None:
        """See ``Way``."""
        _end(self.processes)

    def end_calmly(self, queues: Sequence[str]) -> None:
        """Work what is left in some queues, one thing after the other, and nothing goes wrong."""
        self._queues = queues
        self.left = dataclasses.replace(self.left, processes=1, crashes=0, lost=0, doubles=0, changes=0, pauses=0)
        self.settle()
        while options := self._options():
            options[0].take()
            self.settle()

    def begin(self, doing: str, work: Work, *, message: Message | None = None, receipt: int = 0) -> None:
        """Let a process begin with something."""
        loop = ProcessLoop(self.scheduler, troubled=lambda what: self.checker.fail("unforeseen", what))
        turns = Turns(loop, unseen=self._unseen)
        process = Process(
            doing=doing,
            loop=loop,
            turns=turns,
            pipeline=pipeline_of(self._begun, self._around(), effects=turns, loop=loop),
            messages=self.messages,
            message=message,
            receipt=receipt,
        )
        self._begun += 1
        self.processes.append(process)
        context = contextvars.Context()
        context.run(
            current.set,
            Invocation(function=doing, queue=message.queue if message else "", body=message.body if message else ""),
        )
        task = loop.create_task(self._run(process, work), context=context)
        task.add_done_callback(lambda task: self._ended(process, task))

    def _options(self) -> list[Option]:
        found = [
            option for each in self.processes for waiting in each.turns.waiting for option in self._ends(each, waiting)
        ]
        if len(self.processes) < self.left.processes:
            found += self.beginnings()
        return found + self.moments()

    def moments(self) -> list[Option]:
        """What comes from without."""
        return [Option(says="the source changes", take=self._change)] if self.left.changes else []

    def _change(self) -> None:
        """Its time has come; to everything else it is a moment."""
        self.left = dataclasses.replace(self.left, changes=self.left.changes - 1)
        self.scheduler.now = min(
            each for file in self.scenario.files.values() for each in file.changes_at if each > self._now()
        )

    def _ends(self, process: Process, waiting: Waiting) -> list[Option]:
        left = self.left
        ends = {
            End.ANSWERED: True,
            End.LOST: waiting.can_fail and left.lost > 0,
            End.LAST: waiting.can_fail and left.crashes > 0,
        }

        def option(end: End) -> Option:
            says = f"{process.doing}: {waiting.name}{f', {end.value}' if end.value else ''}"
            return Option(says=says, take=lambda: self._answer(process, waiting, end))

        return [option(end) for end, can_be in ends.items() if can_be]

    def _answer(self, process: Process, waiting: Waiting, end: End) -> None:
        left = self.left
        self.left = dataclasses.replace(
            left, lost=left.lost - (end is End.LOST), crashes=left.crashes - (end is End.LAST)
        )
        process.turns.waiting.remove(waiting)
        waiting.turn.set_result(end)

    def beginnings(self) -> list[Option]:
        """A message that nobody works can be received at any time; one that somebody does, if its lease ends early."""
        worked = {each.message for each in self.processes if each.holds}
        return [
            Option(says=f"{queue} {message.number} is received", take=lambda message=message: self._receive(message))
            for queue in self._queues
            for message in self.messages.queues[queue].values()
            if message not in worked or self.left.doubles
        ]

    def _receive(self, message: Message) -> None:
        if any(each.message is message and each.holds for each in self.processes):
            self.left = dataclasses.replace(self.left, doubles=self.left.doubles - 1)
        receipt = self.messages.hide(message, message.receipt, hidden_for=0.0)
        assert receipt is not None
        message.deliveries += 1
        self.begin(
            _FUNCTIONS[message.queue], lambda process: self._deliver(process, message), message=message, receipt=receipt
        )

    async def _deliver(self, process: Process, message: Message) -> None:
        await _work(process.pipeline, message)

        async def delete() -> bool:
            return self.messages.delete(message, process.receipt)

        await process.turns.call("acknowledge", delete, can_fail=False)

    async def _run(self, process: Process, work: Work) -> None:
        """What a host sees of a function: it ends, or it fails and its message comes again."""
        try:
            await work(process)
        except SluiceError as error:
            self._failed(process, error)
        finally:
            process.is_over = True

    def _ended(self, process: Process, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not process.turns.is_dead:
            self.checker.fail("unforeseen", f"{process.doing}: {error!r}")

    def _failed(self, process: Process, error: SluiceError) -> None:
        """L2: nothing fails by itself."""
        if not process.turns.was_lost:
            self.checker.fail("L2", f"{process.doing} failed, and nothing has gone wrong: {error!r}")

    def stored(self) -> Sequence[str]:
        """All that is stored, and what of it was ever there, as far as the checker judges by that."""
        account = self.account
        now = self._now()
        messages = sorted(
            (queue, each.body, each.expires_at, max(each.visible_at, now))
            for queue, found in self.messages.queues.items()
            for each in found.values()
        )
        blocks = {path: sorted(blocks) for path, blocks in account.blobs.blocks.items() if blocks}
        return (
            repr((now, messages, blocks, sorted(vars(self.checker)["_blocks"]))),
            repr((account.blobs.blobs, account.blobs.bodies)),
            with_stores(repr(account.ledger.entries), "ledger"),
            with_stores(repr(account.runs.newest_runs), "runs"),
            repr((account.runs.parts, account.runs.pages)),
            with_stores(repr(account.watermarks.entries), "watermarks"),
            with_stores(repr(account.holds.entries), "holds"),
            repr(account.failures.rows),
        )

    def _around(self) -> Surroundings:
        return Surroundings(
            scenario=self.scenario,
            account=self.account,
            catalog=LateCatalog(self.scenario, now=self._now),
            scheduler=self.scheduler,
            choices=_Tame(),
            weather=Weather(CALM),
            tally=Tally(),
            trace=Trace(),
            counted=self.messages.count,
            opened=self.checker.source_opened,
            answered=self.checker.ledger_answered,
            troubled=lambda what: self.checker.fail("unforeseen", what),
        )

    def _sent(self, message: Message) -> None:
        self.checker.message_sent(message)

    def _removed(self, message: Message) -> None:
        self.checker.message_removed(message)

    def _now(self) -> float:
        return self.scheduler.now


def _end(processes: Iterable[Process]) -> None:
    """Let nothing go on of them, as what writes the day's activity now and then would."""
    for each in processes:
        each.turns.is_dead = True
        each.loop.die()


async def _work(pipeline: Pipeline, message: Message) -> None:
    """What function_app.py does with a message."""
    body = message.body.encode()
    match Queue(message.queue):
        case Queue.DISCOVER:
            await pipeline.discovery(pipeline.documents()).deliver(body, delivery=message.deliveries)
        case Queue.PUBLISH:
            await pipeline.publishing().deliver(body)
        case lane:
            await pipeline.copying().deliver(body, lane=lane)


def _seen(process: Process) -> tuple[str, str, bool, bytes, list[str]]:
    """A process, as far as it matters: what it does next is decided by what it was told."""
    waiting = [each.name for each in process.turns.waiting]
    return process.doing, process.message.body if process.message else "", process.holds, process.turns.seen, waiting
