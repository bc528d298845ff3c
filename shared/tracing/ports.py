"""Ports whose calls are spans: queues, ledger, blobs, sources and failures, each around the real one."""

import contextlib
import contextvars
import dataclasses
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import cast

from opentelemetry.trace import SpanKind

from shared.model.datasets import Dataset
from shared.model.hrefs import host_of
from shared.model.messages import Queue
from shared.model.rows import Failure
from shared.pipeline import Ports
from shared.sources.body import Body, Rest, Sources
from shared.storage.blobs import Blob, BlobPath, Blobs, Content, StagedBlock
from shared.storage.failures import Failures
from shared.storage.ledger import Entry, Identity, Ledger, Write
from shared.storage.queues import NOW, Queues
from shared.tracing.tracer import Recording, Tracer

#: Blocks of an asset that get spans of their own: a terabyte has more than 100,000.
MOST_BLOCKS = 32
_OURS = frozenset(each.value for each in Queue)
_FIRST = '{"v":1,'
_CARRIES = ',"traceparent":"'


def traced_ports(ports: Ports, tracer: Tracer) -> Ports:
    """The same ports, whose calls are spans."""
    return dataclasses.replace(
        ports,
        queues=TracedQueues(ports.queues, tracer),
        ledger=TracedLedger(ports.ledger, tracer),
        blobs=TracedBlobs(ports.blobs, tracer),
        sources=TracedSources(ports.sources, tracer),
        failures=TracedFailures(ports.failures, tracer),
    )


class TracedQueues:
    """Queues whose messages carry the span that sent them."""

    def __init__(self, inner: Queues, tracer: Tracer) -> None:
        self._inner = inner
        self._tracer = tracer

    async def send(self, queue: str, body: str, *, delay: timedelta = NOW) -> None:
        """Send a message; one that is sent again carries on what it carried, and poison stays as it is."""

        def telling() -> Mapping[str, str | float]:
            seconds = delay.total_seconds()
            return {
                "messaging.system": "azure_storage_queue",
                "messaging.destination.name": queue,
                "messaging.message.body.size": len(body),
                "sluice.delay_seconds": seconds,
            }

        with self._tracer.span(f"send {queue}", telling, kind=SpanKind.PRODUCER) as sending:
            await self._inner.send(queue, _carrying(body, sending) if queue in _OURS else body, delay=delay)

    async def count(self, queue: str) -> int:
        """As the inner one."""
        return await self._inner.count(queue)


class TracedLedger:
    """A ledger whose writes are spans."""

    def __init__(self, inner: Ledger, tracer: Tracer) -> None:
        self._inner = inner
        self._tracer = tracer

    async def of(self, dataset: str, identities: Sequence[Identity]) -> Mapping[Identity, Entry]:
        """As the inner one."""
        return await self._inner.of(dataset, identities)

    async def of_items(self, dataset: str, items: Iterable[str]) -> Mapping[Identity, Entry]:
        """As the inner one."""
        return await self._inner.of_items(dataset, items)

    async def record(self, writes: Sequence[Write]) -> Sequence[Write]:
        """One span for all rows."""
        with self._tracer.span("write ledger", lambda: {"sluice.rows": len(writes)}, kind=SpanKind.CLIENT) as writing:
            lost = await self._inner.record(writes)
            writing.tell(lambda: {"sluice.rows_lost": len(lost)})
            return lost


class BlockCount:
    """The blocks that one asset has staged, in whichever task."""

    def __init__(self) -> None:
        self.blocks = 0


#: Of the asset that is copied in this task.
BLOCKS: contextvars.ContextVar[BlockCount | None] = contextvars.ContextVar("blocks", default=None)


class TracedBlobs:
    """Blobs whose writes are spans."""

    def __init__(self, inner: Blobs, tracer: Tracer) -> None:
        self._inner = inner
        self._tracer = tracer

    async def look(self, path: BlobPath) -> Blob | None:
        """As the inner one."""
        return await self._inner.look(path)

    async def put(
        self, path: BlobPath, body: Sequence[bytes], *, content: Content, replaces: str | None = None
    ) -> Blob:
        """A whole small blob, committed as it is put."""
        with self._tracer.span("commit blob", lambda: _of(path) | {"sluice.blocks": 0}, kind=SpanKind.CLIENT):
            return await self._inner.put(path, body, content=content, replaces=replaces)

    async def staged(self, path: BlobPath) -> tuple[StagedBlock, ...]:
        """As the inner one."""
        return await self._inner.staged(path)

    async def stage(self, path: BlobPath, body: Sequence[bytes], *, block_id: str) -> None:
        """A span for each of an asset's first blocks; the asset's own span has the number of all."""
        count = BLOCKS.get() or BlockCount()
        count.blocks += 1
        if count.blocks > MOST_BLOCKS:
            await self._inner.stage(path, body, block_id=block_id)
            return
        with self._tracer.span("stage block", lambda: {"sluice.bytes": sum(map(len, body))}, kind=SpanKind.CLIENT):
            await self._inner.stage(path, body, block_id=block_id)

    async def commit(
        self, path: BlobPath, block_ids: Sequence[str], *, content: Content, replaces: str | None = None
    ) -> Blob:
        """The block list, and the look at what stands there then."""
        with self._tracer.span(
            "commit blob", lambda: _of(path) | {"sluice.blocks": len(block_ids)}, kind=SpanKind.CLIENT
        ):
            return await self._inner.commit(path, block_ids, content=content, replaces=replaces)

    async def snapshot(self, path: BlobPath, *, of: str) -> None:
        """As the inner one."""
        await self._inner.snapshot(path, of=of)

    async def read(self, path: BlobPath) -> bytes | None:
        """As the inner one."""
        return await self._inner.read(path)


class TracedSources:
    """Sources: a span from the request to the last byte that was read. It names the host and never the href."""

    def __init__(self, inner: Sources, tracer: Tracer) -> None:
        self._inner = inner
        self._tracer = tracer

    @contextlib.asynccontextmanager
    async def open(self, href: str, *, dataset: Dataset, rest: Rest | None = None) -> AsyncGenerator[Body]:
        """One GET."""
        first = rest.first if rest else 0
        reading = self._tracer.start(
            "read source", lambda: {"server.address": host_of(href), "sluice.first_byte": first}
        )
        try:
            async with self._inner.open(href, dataset=dataset, rest=rest) as body:
                yield dataclasses.replace(body, chunks=lambda: _Counted(body, reading))
        except Exception as error:
            reading.fail(error)
            raise
        finally:
            reading.end()


class TracedFailures:
    """Failures: each is an event of the delivery that it came up in, with the fate that it met."""

    def __init__(self, inner: Failures, tracer: Tracer) -> None:
        self._inner = inner
        self._tracer = tracer

    async def record(self, failures: Sequence[Failure]) -> None:
        """An event for each."""
        for each in failures:
            self._tracer.current().note(f"asset failed: {each.fate}", lambda each=each: _failure(each))
        await self._inner.record(failures)

    async def of(self, dataset: str, item: str, key: str) -> Failure | None:
        """As the inner one."""
        return await self._inner.of(dataset, item, key)

    async def of_item(self, dataset: str, item: str) -> Sequence[Failure]:
        """As the inner one."""
        return await self._inner.of_item(dataset, item)

    def all_of(self, dataset: str) -> AsyncIterator[Failure]:
        """As the inner one."""
        return self._inner.all_of(dataset)

    async def remove(self, failure: Failure) -> bool:
        """As the inner one."""
        return await self._inner.remove(failure)


def said(body: bytes) -> Mapping[str, object]:
    """What a message's body says, before anybody has checked it; nothing where it isn't a JSON object."""
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("Mapping[str, object]", found) if isinstance(found, dict) else {}


def _carrying(body: str, sending: Recording) -> str:
    """A body of ours with the trace in it, unless it has one: whatever is sent again stays beside its first try.

    Within a JSON text quotes are escaped, so what is looked for stands only where it is a field.
    """
    traceparent = sending.traceparent
    if traceparent is None or not body.startswith(_FIRST) or _CARRIES in body:
        return body
    return f'{_FIRST}"traceparent":"{traceparent}",{body.removeprefix(_FIRST)}'


def _of(path: BlobPath) -> dict[str, str | int]:
    return {"sluice.container": path.container, "sluice.blob": path.name}


def _failure(failure: Failure) -> dict[str, str | None]:
    return {
        "sluice.item": failure.item,
        "sluice.key": failure.key,
        "error.type": failure.error,
        "sluice.reason": failure.message,
        "server.address": failure.host,
    }


class _Counted:
    """Chunks that are counted; the span ends with the last of them, not with what is done with them."""

    def __init__(self, body: Body, reading: Recording) -> None:
        self._chunks = body.chunks()
        self._length = body.length
        self._reading = reading
        self._bytes = 0

    def __aiter__(self) -> "_Counted":
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await anext(self._chunks)
        except StopAsyncIteration:
            self._end()
            raise
        self._bytes += len(chunk)
        if self._bytes == self._length:
            self._end()
        return chunk

    def _end(self) -> None:
        self._reading.tell(lambda: {"sluice.bytes": self._bytes})
        self._reading.end()
