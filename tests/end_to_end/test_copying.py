"""Copy requests, delivered again and again and over the deaths of workers, judged by what went over the wire."""

import datetime as dt
import json
import os

import pytest

from functions_host.events import EventKind
from shared.model.assets import Asset, partition_key, row_key
from shared.model.messages import Queue
from tests.end_to_end.exchanges import Exchange
from tests.end_to_end.pipeline import BLOCK_BYTES, Pipeline, decoded, request_of
from tests.end_to_end.wire import Moment

#: What travels in one request: two small assets of one item, a Put Blob each and rows in one transaction; or one asset
#: of three blocks, and its row alone.
BODIES = [
    pytest.param((os.urandom(1000), os.urandom(2000)), id="two small assets"),
    pytest.param((os.urandom(2 * BLOCK_BYTES + 7),), id="three blocks"),
]


def serve(pipeline: Pipeline, bodies: tuple[bytes, ...]) -> dict[Asset, bytes]:
    """Serve assets of one item."""
    item = f"item-{os.urandom(8).hex()}"
    return {pipeline.serve(each, item=item): each for each in bodies}


def assert_copied(pipeline: Pipeline, assets: dict[Asset, bytes]) -> None:
    """Each asset was committed once; its row names the blob that stands there; nothing is poison."""
    for asset, body in assets.items():
        content, etag = pipeline.blob(asset)
        assert content == body
        assert [(each.blob, each.etag, each.length) for each in pipeline.rows(asset)] == [(asset.name, etag, len(body))]
        assert len(pipeline.commits(asset)) == 1
        assert pipeline.poison(Queue.COPY, text=asset.href) == []


def test_repeated_delivery(pipeline: Pipeline) -> None:
    """The same request three times is one source GET, one blob and one row; a repetition reads the ledger only."""
    asset = pipeline.serve(b"once")
    request = request_of(asset).encode()

    pipeline.wait_until_deleted(pipeline.send(Queue.COPY, request))
    position = len(pipeline.wire.exchanges)
    for _ in range(2):
        pipeline.wait_until_deleted(pipeline.send(Queue.COPY, request))

    keys = f"PartitionKey='{partition_key('direct', asset.item)}',RowKey='{row_key(asset.item, asset.key)}'"
    assert pipeline.work(since=position) == [("GET", f"ledger({keys})")] * 2
    assert pipeline.gets(asset) == 1
    assert_copied(pipeline, {asset: b"once"})


@pytest.mark.parametrize("bodies", BODIES)
def test_killed_before_the_commit_was_answered(pipeline: Pipeline, bodies: tuple[bytes, ...]) -> None:
    """A blob whose worker died before it knew of it is found, not written again, and gets its row."""
    assets = serve(pipeline, bodies)
    names = {f"assets/{each.name}" for each in assets}

    def commits(exchange: Exchange) -> bool:
        return exchange.is_commit and exchange.path in names

    with pipeline.wire.hook(commits, moment=Moment.ANSWERED, call=pipeline.kill_worker, cut=True):
        message_id = pipeline.send(Queue.COPY, request_of(*assets).encode())
        pipeline.wait_until_deleted(message_id)

    assert pipeline.deliveries(message_id) == [1, 2]
    assert_copied(pipeline, assets)


@pytest.mark.parametrize("bodies", BODIES)
def test_killed_between_commit_and_ledger(pipeline: Pipeline, bodies: tuple[bytes, ...]) -> None:
    """A worker that dies with its blobs committed and its rows unwritten leaves the rows to the next delivery."""
    assets = serve(pipeline, bodies)

    with pipeline.wire.hook(_writes_ledger, moment=Moment.ARRIVED, call=pipeline.kill_worker, cut=True) as killed:
        message_id = pipeline.send(Queue.COPY, request_of(*assets).encode())
        assert killed.fired.wait(20)
        commits = sum(len(pipeline.commits(each)) for each in assets)
        rows = pipeline.rows(*assets)
        pipeline.wait_until_deleted(message_id)

    assert (commits, rows) == (len(assets), [])
    assert pipeline.deliveries(message_id) == [1, 2]
    assert_copied(pipeline, assets)


@pytest.mark.parametrize("bodies", BODIES)
def test_killed_between_ledger_and_acknowledgement(pipeline: Pipeline, bodies: tuple[bytes, ...]) -> None:
    """A worker that dies with its rows written leaves nothing to do: the next delivery reads the ledger only."""
    assets = serve(pipeline, bodies)

    with pipeline.wire.hook(_writes_ledger, moment=Moment.ANSWERED, call=pipeline.kill_worker, cut=True) as killed:
        message_id = pipeline.send(Queue.COPY, request_of(*assets).encode())
        pipeline.wait_until_deleted(message_id)

    assert pipeline.deliveries(message_id) == [1, 2]
    assert [(how, path.partition("(")[0]) for how, path in pipeline.work(since=killed.position)] == [("GET", "ledger")]
    assert [pipeline.gets(each) for each in assets] == [1] * len(assets)
    assert_copied(pipeline, assets)


def test_failure_worth_a_retry(pipeline: Pipeline) -> None:
    """A body that always ends early is tried five times; the host then moves its message to poison, for a week."""
    asset = pipeline.serve(b"x" * 500, **{"Content-Length": "1000"})
    request = request_of(asset).encode()

    message_id = pipeline.send(Queue.COPY, request)
    pipeline.wait_until_deleted(message_id)

    (poison,) = pipeline.poison(Queue.COPY, text=asset.href)
    failure = pipeline.failure(asset)
    assert pipeline.deliveries(message_id) == [1, 2, 3, 4, 5]
    assert [each.kind for each in pipeline.events(message_id)][-2:] == [
        EventKind.MESSAGE_POISONED,
        EventKind.MESSAGE_DELETED,
    ]
    assert poison.expires_on is not None
    assert poison.inserted_on is not None
    assert poison.expires_on - poison.inserted_on == dt.timedelta(days=7)
    assert (failure["error"], failure["fate"], failure["attempts"].value) == ("TruncatedBodyError", "retry", 5)
    assert failure["message"] == "127.0.0.1: the body ended early"
    assert pipeline.rows(asset) == []


def test_failure_for_good(pipeline: Pipeline) -> None:
    """A 404 stands in poison after one attempt, with its reason, for ever; the host does no more than delete."""
    asset = pipeline.serve(b"", status="404 Not Found").model_copy(update={"size": 7})

    message_id = pipeline.send(Queue.COPY, request_of(asset).encode())
    pipeline.wait_until_deleted(message_id)

    (poison,) = pipeline.poison(Queue.COPY, text=asset.href)
    reason = json.loads(decoded(poison))["reason"]
    assert pipeline.deliveries(message_id) == [1]
    assert pipeline.gets(asset) == 1
    assert (reason["error"], reason["message"]) == ("AssetNotFoundError", "127.0.0.1 answered 404")
    assert poison.expires_on is not None
    assert poison.expires_on.year == 9999
    assert not any(each.kind is EventKind.MESSAGE_POISONED for each in pipeline.events(message_id))


def _writes_ledger(exchange: Exchange) -> bool:
    return exchange.writes_ledger
