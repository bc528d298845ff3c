"""Poison queues and what attempts left behind, in memory, with a clock that tests move."""

import base64
from datetime import datetime, timedelta
from typing import Any

from shared.model.datasets import Datasets
from shared.model.messages import CopyRequest, PageRequest, Queue, Reason
from shared.model.rows import Failure, LedgerRow
from shared.poison import Preserving, Reasons, Sweeping
from shared.storage.ledger import Write
from shared.storage.mailbox import Received
from tests.contracts.rows import completion, failure
from tests.fakes import MemoryFailures, MemoryLedger, MemoryMailbox, MemoryRuns
from tests.fakes.faults import Faults
from tests.fakes.mailbox import WEEK
from tests.unit.model.builders import NOON, asset, copy_request, dataset

HOUR = timedelta(hours=1)
POISON = Queue.COPY.poison


class World:
    """The stores, and what stands in them."""

    def __init__(self, *, faults: Faults | None = None, datasets: tuple[str, ...] = ("s2",)) -> None:
        self.now = NOON + HOUR
        self.mailbox = MemoryMailbox(clock=self.clock)
        self.failures = MemoryFailures()
        self.ledger = MemoryLedger()
        self.runs = MemoryRuns()
        self.datasets = Datasets(datasets={name: dataset() for name in datasets})
        self.faults = faults or Faults()

    def clock(self) -> datetime:
        """The time, as a test set it."""
        return self.now

    @property
    def reasons(self) -> Reasons:
        """What explains messages."""
        watch = self.faults.watch
        return Reasons(failures=watch(self.failures), ledger=watch(self.ledger), runs=watch(self.runs))

    @property
    def sweeping(self) -> Sweeping:
        """What removes failures that are over."""
        return Sweeping(datasets=self.datasets, failures=self.failures, ledger=self.ledger, clock=self.clock)

    @property
    def preserving(self) -> Preserving:
        """The use case."""
        return Preserving(
            mailbox=self.faults.watch(self.mailbox), reasons=self.reasons, sweeping=self.sweeping, clock=self.clock
        )

    def poisoned(self, body: str | bytes, *, queue: str = POISON) -> str:
        """What the runtime does with a message that failed five times: the same body, for a week; returns its text."""
        text = base64.b64encode(body.encode() if isinstance(body, str) else body).decode()
        self.mailbox.put(queue, text, lives=WEEK)
        return text

    async def failed(self, **values: Any) -> Failure:
        """Let an asset have failed."""
        row = failed_row(**values)
        await self.failures.record([row])
        return row

    async def copied(self, **values: Any) -> LedgerRow:
        """Let an asset have been copied."""
        given: dict[str, Any] = {"dataset": "s2", "item": "s2/T32", "key": "B04", "completed_at": NOON, **values}
        row = completion(**given)
        await self.ledger.record([Write(row=row)])
        return row

    async def run_at(self, after: timedelta) -> None:
        """Let the timer fire so long after the beginning."""
        self.now = NOON + HOUR + after
        await self.preserving.run()

    def requests(self, queue: str = POISON) -> list[CopyRequest]:
        """What a queue's messages ask for."""
        return [CopyRequest.decode(each.body) for each in self.mailbox.all_of(queue)]

    def reason(self, queue: str = POISON) -> Reason | None:
        """The reason of the only message of a queue."""
        (found,) = self.mailbox.all_of(queue)
        kind = PageRequest if queue == Queue.DISCOVER.poison else CopyRequest
        return kind.decode(found.body).reason


def failed_row(**values: Any) -> Failure:
    """A failure of the asset that ``copy_request`` asks for, after it was asked for."""
    given = {"dataset": "s2", "item": "s2/T32", "key": "B04", "message": "half a body", "first_at": NOON}
    return failure(**{**given, "last_at": NOON + HOUR / 2, **values})


def completion_of(failed: Failure) -> LedgerRow:
    """The row of an asset that was copied an hour after it had failed."""
    given: dict[str, Any] = failed.model_dump(include={"dataset", "item", "key", "href", "cause"})
    return completion(**given, completed_at=failed.last_at + HOUR)


def kept(messages: list[Received]) -> list[tuple[str, bool]]:
    """Texts, and whether they expire."""
    return [(each.text, each.expires) for each in messages]


def assets_of_one_item(*keys: str) -> CopyRequest:
    """A request for several assets."""
    return copy_request(*(asset(key=key, name=f"s2/T32/{key}") for key in keys))
