"""Runs whose pages are delivered twice, or die with their worker half way."""

import os
from typing import Any

from functions_host.events import EventKind
from shared.model.assets import Asset
from tests.end_to_end.exchanges import Caller, Exchange
from tests.end_to_end.pipeline import Pipeline, wait_until
from tests.end_to_end.wire import Moment

_COUNTS = {
    "available": 6,
    "filtered": 0,
    "refused": 0,
    "items_sent": 6,
    "items_already": 0,
    "repeated": 0,
    "sent": 12,
    "already": 0,
    "sent_bytes": 1200,
}


def publish(pipeline: Pipeline, dataset: str) -> list[Asset]:
    """Publish three pages: six items of two assets each, four assets a page."""
    items = [f"item-{number}" for number in range(6) for _ in range(2)]
    assets = [pipeline.serve(os.urandom(100), dataset=dataset, item=item) for item in items]
    pipeline.publish(dataset, assets)
    return assets


def wait_for_the_end(pipeline: Pipeline, dataset: str, assets: list[Asset]) -> dict[str, Any]:
    """Wait until the run is complete, every asset in the ledger and no message left; returns the dataset's status."""

    def is_over() -> bool:
        code, status = pipeline.ask("GET", f"datasets/{dataset}")
        # 500 while a worker dies.
        return code == 200 and status["run"]["state"] == "complete" and len(pipeline.rows(*assets)) == len(assets)

    wait_until(is_over)
    wait_until(lambda: pipeline.outstanding() == 0)
    return pipeline.ask("GET", f"datasets/{dataset}")[1]


def assert_copied_once(pipeline: Pipeline, assets: list[Asset]) -> None:
    """Each asset was committed once and has a row that names the blob that stands there."""
    etags = {(each.item, each.key): each.etag for each in pipeline.rows(*assets)}
    assert etags == {each.identity: pipeline.blob(each)[1] for each in assets}
    assert [len(pipeline.commits(each)) for each in assets] == [1] * len(assets)


def test_page_that_comes_twice(pipeline: Pipeline) -> None:
    """Pages delivered twice, at the same time, ask for everything and change nothing: blobs, rows and counts."""
    assets = publish(pipeline, "doubled")
    position = len(pipeline.wire.exchanges)

    with pipeline.wire.doubled(_asks_for_page):
        status, _ = pipeline.ask("POST", "datasets/doubled/runs")
        end = wait_for_the_end(pipeline, "doubled", assets)

    assert status == 202
    assert sum(_asks_for_page(each) for each in pipeline.wire.exchanges[position:]) >= 6
    assert end["counts"] == _COUNTS
    assert_copied_once(pipeline, assets)


def test_killed_between_copy_requests_and_next_page(pipeline: Pipeline) -> None:
    """A worker that dies before it asked for the next page: the page is worked again, and the run goes on."""
    assets = publish(pipeline, "killed")
    position, began = len(pipeline.wire.exchanges), len(pipeline.host.events())

    # The first is the first page's, by the request that begins the run.
    with pipeline.wire.hook(
        _asks_for_page, moment=Moment.ARRIVED, nth=2, call=pipeline.kill_worker, cut=True
    ) as killed:
        status, _ = pipeline.ask("POST", "datasets/killed/runs")
        assert killed.fired.wait(20)
        sent = sum(_asks_for_copy(each) for each in pipeline.wire.exchanges[position:])
        end = wait_for_the_end(pipeline, "killed", assets)

    events = pipeline.host.events()[began:]
    pages = [each.dequeue_count for each in events if each.queue == "discover" and each.kind is EventKind.EXECUTING]
    assert status == 202
    assert sent == 2
    assert pages == [1, 2, 1, 1]
    assert end["counts"] == _COUNTS
    assert_copied_once(pipeline, assets)


def _asks_for_page(exchange: Exchange) -> bool:
    return exchange.caller is Caller.APP and exchange.is_send and exchange.path == "discover/messages"


def _asks_for_copy(exchange: Exchange) -> bool:
    return exchange.caller is Caller.APP and exchange.is_send and exchange.path == "copy/messages"
