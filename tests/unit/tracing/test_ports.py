import os
from datetime import timedelta

import pytest

from shared.model.errors import Fate, SourceUnavailableError, StorageFailedError
from shared.model.messages import CopyRequest, Queue
from shared.model.rows import Failure
from shared.storage.blobs import BlobPath, Content
from shared.tracing.ports import (
    MOST_BLOCKS,
    TracedBlobs,
    TracedFailures,
    TracedLedger,
    TracedQueues,
    TracedSources,
    said,
)
from tests.fakes import MemoryBlobs, MemoryFailures, MemoryLedger, MemoryQueues
from tests.fakes.sources import FakeSources, Version
from tests.unit.copying.world import version
from tests.unit.model.builders import NOON, asset, copy_request, dataset
from tests.unit.tracing.spans import Sender, Spans, id_of, trace_of

_PATH = BlobPath(container="assets", name="a")


async def test_message_carries_the_span_that_sent_it(spans: Spans) -> None:
    """A message says which span sent it, and is the same otherwise."""
    queues, request = MemoryQueues(), copy_request()

    await TracedQueues(queues, spans.tracer).send(Queue.COPY, request.encode(), delay=timedelta(seconds=2))

    sending, (sent,) = spans.one("send copy"), queues.sent
    # Sampled, and of a trace whose id is random.
    traceparent = f"00-{trace_of(sending)}-{id_of(sending):016x}-03"
    assert CopyRequest.decode(sent.body.encode()) == request.model_copy(update={"traceparent": traceparent})
    assert (sent.queue, sent.delay) == ("copy", timedelta(seconds=2))


async def test_message_that_is_sent_again(spans: Spans) -> None:
    """What is sent again stays in the trace of its first try, whichever span sends it."""
    queues, body = MemoryQueues(), copy_request(traceparent=Sender().traceparent).encode()

    await TracedQueues(queues, spans.tracer).send(Queue.COPY_LATER, body)

    assert queues.bodies(Queue.COPY_LATER) == [body]


@pytest.mark.parametrize(
    ("queue", "body"), [(Queue.COPY.poison, copy_request().encode()), (Queue.COPY, "no message of ours")]
)
async def test_what_is_sent_as_it_is(spans: Spans, queue: str, body: str) -> None:
    """Poison, and what isn't one of our messages, is sent as it is."""
    queues = MemoryQueues()

    await TracedQueues(queues, spans.tracer).send(queue, body)

    assert queues.bodies(queue) == [body]


async def test_text_that_looks_like_a_trace(spans: Spans) -> None:
    """A name in a message that reads like a trace's field doesn't keep the trace out."""
    queues, request = (
        MemoryQueues(),
        copy_request(asset(key=',"traceparent":"', href="https://h.example.org/a", name="a")),
    )

    await TracedQueues(queues, spans.tracer).send(Queue.COPY, request.encode())

    (body,) = queues.bodies(Queue.COPY)
    assert CopyRequest.decode(body.encode()).traceparent is not None


async def test_send_that_fails(spans: Spans) -> None:
    """A send that fails raises as it did, and its span says so."""
    queues = MemoryQueues()
    queues.broken.add("copy")

    with pytest.raises(StorageFailedError):
        await TracedQueues(queues, spans.tracer).send(Queue.COPY, copy_request().encode())

    assert (spans.one("send copy").attributes or {})["error.type"] == "StorageFailedError"


async def test_blocks_of_a_large_asset(spans: Spans) -> None:
    """The blocks of no asset are counted where none is copied; each has a span."""
    blobs = TracedBlobs(MemoryBlobs(), spans.tracer)

    for _ in range(MOST_BLOCKS + 3):
        await blobs.stage(_PATH, [b"1234"], block_id=os.urandom(8).hex())

    assert [dict(each.attributes or {}) for each in spans.named("stage block")] == [{"sluice.bytes": 4}] * (
        MOST_BLOCKS + 3
    )


async def test_source_is_read_to_its_end(spans: Spans) -> None:
    """The span of a source ends with the last byte; it names the host and neither path nor query."""
    sources, chunks = FakeSources(chunk_bytes=3), list[bytes]()
    href = "https://data.example.org/a.tif?sig=c4n4ry"
    sources.serve(href, version(b"1234567"))

    async with TracedSources(sources, spans.tracer).open(href, dataset=dataset()) as body:
        chunks += [each async for each in body.chunks()]
        ended = len(spans.named("read source"))

    assert (b"".join(chunks), ended) == (b"1234567", 1)
    assert dict(spans.one("read source").attributes or {}) == {
        "server.address": "data.example.org",
        "sluice.first_byte": 0,
        "sluice.bytes": 7,
    }
    assert "c4n4ry" not in spans.text()


async def test_source_without_a_length(spans: Spans) -> None:
    """The span of a source that states no length ends with the body."""
    sources = FakeSources(chunk_bytes=3)
    sources.serve("https://data.example.org/a", Version(body=b"1234", states_length=False))

    async with TracedSources(sources, spans.tracer).open("https://data.example.org/a", dataset=dataset()) as body:
        read = b"".join([each async for each in body.chunks()])

    assert (read, (spans.one("read source").attributes or {})["sluice.bytes"]) == (b"1234", 4)


async def test_source_that_fails(spans: Spans) -> None:
    """A source that can't be opened raises as it did, and its span says why."""
    sources = FakeSources()
    sources.serve("https://data.example.org/a", Version(error=SourceUnavailableError("503")))

    with pytest.raises(SourceUnavailableError):
        async with TracedSources(sources, spans.tracer).open("https://data.example.org/a", dataset=dataset()):
            pass

    assert spans.one("read source").status.description == "503"


async def test_blob_as_it_is(spans: Spans) -> None:
    """Looks, snapshots and reads go through, without spans."""
    blobs = TracedBlobs(MemoryBlobs(), spans.tracer)

    written = await blobs.put(_PATH, [b"1"], content=Content(md5=None, media_type="a/b", encoding=None, metadata={}))
    await blobs.snapshot(_PATH, of=written.etag)

    looked = await blobs.look(_PATH)
    assert looked is not None
    assert (looked.etag, await blobs.read(_PATH), await blobs.staged(_PATH)) == (written.etag, b"1", ())
    assert set(spans.parents()) == {"commit blob"}


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'"a"', b"[" * 100_000])
def test_body_that_is_no_message(body: bytes) -> None:
    """Of whatever isn't a JSON object nothing is said, and nothing is raised."""
    assert said(body) == {}


async def test_calls_without_spans(spans: Spans) -> None:
    """Counts, reads of the ledger and of failures go through, without spans."""
    failures, failure = MemoryFailures(), _failure()
    await failures.record([failure])
    traced = TracedFailures(failures, spans.tracer)
    queues, ledger = TracedQueues(MemoryQueues(), spans.tracer), TracedLedger(MemoryLedger(), spans.tracer)

    found = (
        await queues.count("copy"),
        await ledger.of("s2", [("i", "k")]),
        await ledger.of_items("s2", ["i"]),
        await traced.of("s2", "i", "k"),
        await traced.of_item("s2", "i"),
        [each async for each in traced.all_of("s2")],
        await traced.remove(failure),
    )

    assert found == (0, {}, {}, failure, [failure], [failure], True)
    assert spans.parents() == {}


def _failure() -> Failure:
    return Failure(
        dataset="s2",
        item="i",
        key="k",
        href="https://h.example.org/a",
        error="AssetNotFoundError",
        fate=Fate.POISON,
        message="404",
        host="h.example.org",
        cause="run-1",
        request_id=None,
        first_at=NOON,
        last_at=NOON,
    )
