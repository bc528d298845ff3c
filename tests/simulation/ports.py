"""The pipeline's ports as one process sees them: the in-memory twins, call by call.

Where an adapter makes several calls for what is one method of a port, so does this: between them others come in.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol, cast

from shared.model.errors import StorageFailedError
from shared.model.rows import Failure
from shared.storage.answers import each_of
from shared.storage.blobs import Blob, BlobPath, Blobs, Content
from shared.storage.failures import Failures
from shared.storage.ledger import Entry, Identity, Ledger, Write, same_completion
from shared.storage.queues import NOW, AzureQueues
from tests.fakes import MemoryBlobs, MemoryFailures
from tests.simulation.account import WatchedLedger
from tests.simulation.effects import Invocation, current
from tests.simulation.messages import WEEK_SECONDS, MessageStore

if TYPE_CHECKING:
    from azure.storage.queue.aio import QueueServiceClient


class Caller(Protocol):
    """``Effects``, or whoever else makes calls."""

    def port[T](self, port: T, name: str, /) -> T:
        """A port each method of which is a call."""
        ...


def called_blobs(blobs: MemoryBlobs, effects: Caller) -> Blobs:
    """Blobs: a commit is followed by a look, as on Azure."""
    return cast("Blobs", _Blobs(effects.port(blobs, "blobs")))


def called_ledger(
    ledger: WatchedLedger,
    effects: Caller,
    *,
    answered: Callable[[Invocation, Mapping[Identity, Entry]], None] = lambda _, __: None,
) -> Ledger:
    """The ledger: a transaction that conflicts is done row by row, and a row that conflicts is looked at.

    ``answered`` is told what an invocation came to know by its keys.
    """
    return cast("Ledger", _Ledger(effects.port(ledger, "ledger"), answered=answered))


def called_failures(failures: MemoryFailures, effects: Caller) -> Failures:
    """The failures table: a call for each row."""
    return cast("Failures", _Failures(effects.port(failures, "failures")))


class CalledQueues:
    """The queues, whose count may be an old one."""

    def __init__(self, messages: MessageStore, effects: Caller, *, counted: Callable[[str], int] | None = None) -> None:
        service = cast("QueueServiceClient", _Service(messages, counted or messages.count))
        self._raw = effects.port(AzureQueues(service), "queues")

    async def send(self, queue: str, body: str, *, delay: timedelta = NOW) -> None:
        """Send a message that never expires."""
        await self._raw.send(queue, body, delay=delay)

    async def count(self, queue: str) -> int:
        """How many messages there are."""
        counted = await self._raw.count(queue)
        if invocation := current.get():
            invocation.counted, invocation.asked = counted, 0
        return counted


class _Service:
    """What the SDK's client is to the product's own adapter; what a send doesn't say is as the service has it."""

    def __init__(self, messages: MessageStore, counted: Callable[[str], int]) -> None:
        self._messages = messages
        self._counted = counted

    def get_queue_client(self, queue: str, *, message_encode_policy: object) -> "_Client":
        del message_encode_policy
        return _Client(queue, self._messages, self._counted)


class _Client:
    def __init__(self, queue: str, messages: MessageStore, counted: Callable[[str], int]) -> None:
        self._queue = queue
        self._messages = messages
        self._counted = counted

    async def send_message(self, body: str, *, time_to_live: int | None = None, visibility_timeout: int = 0) -> None:
        lives = {None: WEEK_SECONDS, -1: math.inf}.get(time_to_live, time_to_live)
        assert lives is not None
        self._messages.send(self._queue, body, delay=timedelta(seconds=visibility_timeout), lives=lives)

    async def get_queue_properties(self) -> SimpleNamespace:
        return SimpleNamespace(approximate_message_count=self._counted(self._queue))


class _Others:
    """Whatever isn't written out here is a method of the port, as it is."""

    def __init__(self, port: object) -> None:
        self._port: Any = port

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


class _Blobs(_Others):
    async def commit(
        self, path: BlobPath, block_ids: Sequence[str], *, content: Content, replaces: str | None = None
    ) -> Blob:
        await self._port.commit(path, block_ids, content=content, replaces=replaces)
        there: Blob | None = await self._port.look(path)
        if there is None:
            raise StorageFailedError(f"blob {path.name}: it went away after its commit")
        return there


class _Ledger(_Others):
    def __init__(
        self, port: WatchedLedger, *, answered: Callable[[Invocation, Mapping[Identity, Entry]], None]
    ) -> None:
        super().__init__(port)
        self._answered = answered

    async def of(self, dataset: str, identities: Sequence[Identity]) -> Mapping[Identity, Entry]:
        entries: Mapping[Identity, Entry] = await self._port.of(dataset, identities)
        if invocation := current.get():
            self._answered(invocation, entries)
        return entries

    async def of_items(self, dataset: str, items: Iterable[str]) -> Mapping[Identity, Entry]:
        """One query an item; sorted, as a set has another order in each process of Python."""
        found: list[Mapping[Identity, Entry]] = await each_of(
            sorted(items), lambda item: self._port.of_items(dataset, [item])
        )
        return dict(itertools.chain.from_iterable(each.items() for each in found))

    async def record(self, writes: Sequence[Write]) -> Sequence[Write]:
        if await self._port.transact(writes):
            return []
        if len(writes) == 1:
            return [each for each in writes if not await self._stands(each)]
        return [each for each in writes if not await self._port.transact([each]) and not await self._stands(each)]

    async def _stands(self, write: Write) -> bool:
        row = write.row
        there: Mapping[Identity, Entry] = await self._port.of(row.dataset, [(row.item, row.key)])
        return any(same_completion(each.row, row) for each in there.values())


class _Failures(_Others):
    async def record(self, failures: Sequence[Failure]) -> None:
        await each_of(failures, lambda each: self._port.record([each]))
