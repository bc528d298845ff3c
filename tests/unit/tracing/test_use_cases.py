"""Traced use cases do what plain ones do, and their spans form traces."""

import dataclasses

import pytest

from shared.copying import Copying
from shared.model.datasets import Datasets
from shared.model.errors import SourceThrottledError
from shared.model.items import Page
from shared.model.messages import PublishRequest, Queue
from shared.pipeline import Ports
from shared.publishing import Publishing
from shared.storage.items import Items
from shared.tracing import TracedCopying, TracedDiscovery, TracedPublishing, traced_ports
from shared.tracing.ports import MOST_BLOCKS, TracedBlobs, TracedFailures, TracedLedger, TracedQueues, TracedSources
from tests.fakes.sources import Version
from tests.unit.copying.world import BLOCK, LARGE, SMALL, World, request, tiff
from tests.unit.discovery import world as pages
from tests.unit.model.builders import asset
from tests.unit.tracing.spans import Sender, Spans, links_of, parent_of, trace_of


def traced(world: World, spans: Spans) -> Copying:
    """The world's use case, traced, on traced ports."""
    blobs = TracedBlobs(world.blobs, spans.tracer)
    queues = TracedQueues(world.queues, spans.tracer)
    failures = TracedFailures(world.failures, spans.tracer)
    ledger = TracedLedger(world.ledger, spans.tracer)
    engine = dataclasses.replace(world.engine, blobs=blobs, sources=TracedSources(world.sources, spans.tracer))
    plain = dataclasses.replace(
        world.copying,
        ledger=ledger,
        copy=engine.copy,
        fates=dataclasses.replace(world.fates, queues=queues, failures=failures),
        wholes=dataclasses.replace(world.copying.wholes, ledger=ledger, queues=queues, failures=failures),
    )
    return TracedCopying.of(plain, spans.tracer)


async def test_copied_assets(spans: Spans) -> None:
    """A delivery has a span for each asset, with its reading and writing, and one for the ledger's rows."""
    world = World()
    small, large = asset(key="small", size=len(SMALL)), asset(key="large", size=len(LARGE))
    world.serve(small, SMALL)
    world.serve(large, LARGE)
    sender = Sender()
    body = request(small, large, traceparent=sender.traceparent).encode().encode()

    await traced(world, spans).deliver(body, lane=Queue.COPY)

    assert spans.parents() == {
        "process copy": {None},
        "copy asset": {"process copy"},
        "read source": {"copy asset"},
        "stage block": {"copy asset"},
        "commit blob": {"copy asset"},
        "write ledger": {"process copy"},
    }
    delivery = spans.one("process copy")
    assert (trace_of(delivery), parent_of(delivery)) == (sender.trace, sender.span)
    assert dict(delivery.attributes or {}) == {
        "messaging.destination.name": "copy",
        "sluice.dataset": "s2",
        "sluice.cause": "run-1",
        "sluice.deferrals": 0,
        "sluice.assets": 2,
    }
    told = {
        str(each.attributes["sluice.key"]): dict(each.attributes)
        for each in spans.named("copy asset")
        if each.attributes
    }
    assert told["large"] == {
        "sluice.dataset": "s2",
        "sluice.item": "s2/T32",
        "sluice.key": "large",
        "sluice.cause": "run-1",
        "server.address": "data.example.org",
        "sluice.blocks_staged": -(-len(LARGE) // BLOCK),
        "sluice.bytes": len(LARGE),
        "sluice.outcome": "copied",
    }


async def test_deliveries_of_one_message(spans: Spans) -> None:
    """Deliveries of one message are siblings; the second finds its work done."""
    world, sender = World(), Sender()
    world.serve(asset(size=len(SMALL)), SMALL)
    body = request(asset(size=len(SMALL)), traceparent=sender.traceparent).encode().encode()

    for _ in range(2):
        await traced(world, spans).deliver(body, lane=Queue.COPY)

    assert [parent_of(each) for each in spans.named("process copy")] == [sender.span] * 2
    assert len(spans.named("copy asset")) == 1


async def test_only_the_first_blocks_have_spans(spans: Spans) -> None:
    """However many blocks an asset has, a few have spans; its own span has their number."""
    world, body = World(), tiff((MOST_BLOCKS + 8) * BLOCK)
    world.serve(asset(size=len(body)), body)

    await traced(world, spans).deliver(request(asset(size=len(body))).encode().encode(), lane=Queue.COPY)

    assert len(spans.named("stage block")) == MOST_BLOCKS
    assert (spans.one("copy asset").attributes or {})["sluice.blocks_staged"] == MOST_BLOCKS + 8


async def test_deferral(spans: Spans) -> None:
    """A deferral is an event of its delivery, and what is sent again stays in the first try's place."""
    world, sender = World(), Sender()
    world.sources.serve(asset().href, Version(error=SourceThrottledError("429 sig=c4n4ry", retry_after=None)))

    await traced(world, spans).deliver(request(traceparent=sender.traceparent).encode().encode(), lane=Queue.COPY)

    (event,) = spans.one("process copy").events
    assert (event.name, dict(event.attributes or {})) == (
        "asset failed: defer",
        {
            "sluice.item": "s2/T32",
            "sluice.key": "B04",
            "error.type": "SourceThrottledError",
            "sluice.reason": "429 sig=REDACTED",
            "server.address": "data.example.org",
        },
    )
    assert [sender.traceparent in each.body for each in world.queues.sent] == [True]
    assert "c4n4ry" not in spans.text()


@pytest.mark.parametrize("body", [b"{}", b'{"assets": 7}', b"nonsense"])
async def test_malformed_message(spans: Spans, body: bytes) -> None:
    """What isn't a message of ours meets the fate that it meets without tracing."""
    world = World()

    await traced(world, spans).deliver(body, lane=Queue.COPY)

    assert world.queues.bodies(Queue.COPY.poison) == [body.decode()]


async def test_pages_begin_traces(spans: Spans) -> None:
    """Each page is a trace of its own, linked to the page that sent it; a withheld one keeps its link."""
    sender = Sender()
    world = pages.World({None: Page(items=(), next_token="2"), "2": Page(items=(), next_token=None)})
    first = (await world.begin()).model_copy(update={"traceparent": sender.traceparent})
    plain = world.discovery()
    discovery = TracedDiscovery.of(
        dataclasses.replace(plain, queues=TracedQueues(world.queues, spans.tracer)), spans.tracer
    )

    await discovery.deliver(first.encode().encode())
    (second,) = world.queues.bodies(Queue.DISCOVER)
    await discovery.deliver(second.encode())

    sending = spans.one("send discover")
    one, two = spans.named("discover page")
    assert (parent_of(one), links_of(one)) == (None, [sender.span])
    assert (parent_of(two), links_of(two)) == (None, [f"{sending.context.span_id:016x}" if sending.context else ""])
    assert len({sender.trace, trace_of(one), trace_of(two)}) == 3


def test_every_port_that_is_traced(spans: Spans) -> None:
    """Queues, ledger, blobs, sources and failures are put around the real ones; the rest stays."""
    plain = Ports(**dict.fromkeys((each.name for each in dataclasses.fields(Ports)), None))  # pyright: ignore[reportArgumentType] - nothing is called

    found = traced_ports(plain, spans.tracer)

    changed = {each.name for each in dataclasses.fields(Ports) if getattr(found, each.name) is not None}
    assert changed == {"queues", "ledger", "blobs", "sources", "failures"}


async def test_publishing(spans: Spans) -> None:
    """A publish message's delivery is within the span that sent it, and refuses what plain publishing refuses."""
    world, sender = World(), Sender()
    plain = Publishing(
        datasets=Datasets(datasets={"s2": world.dataset}),
        ledger=world.ledger,
        failures=world.failures,
        items=Items(world.blobs),
        queues=world.queues,
        endpoint="https://account.example.org",
        clock=world.clock,
    )
    body = PublishRequest(
        dataset="s2", item="i", version="0" * 64, asked_at=world.clock(), traceparent=sender.traceparent
    )

    await TracedPublishing.of(plain, spans.tracer).deliver(body.encode().encode())

    publishing = spans.one("publish item")
    assert (trace_of(publishing), parent_of(publishing)) == (sender.trace, sender.span)
    assert dict(publishing.attributes or {}) == {
        "messaging.destination.name": "publish",
        "sluice.dataset": "s2",
        "sluice.item": "i",
        "sluice.deferrals": 0,
    }
