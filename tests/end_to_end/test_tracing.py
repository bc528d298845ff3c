"""Tracing as it is deployed: switched on by settings alone, from a page to the item that is published."""

import time
from collections.abc import Generator
from pathlib import Path

import pytest

from demo.processes import free_ports
from shared.model.messages import Queue
from tests.end_to_end.background import in_background
from tests.end_to_end.collector import Collector, edges, way
from tests.end_to_end.pipeline import BLOCK_BYTES, Pipeline, open_pipeline, request_of, wait_until
from tests.fakes.raw_server import raw_server

pytestmark = pytest.mark.timeout(180)

_CANARY = "c4n4ry"


@pytest.fixture(scope="module")
def collector() -> Generator[Collector]:
    with in_background(raw_server()) as server:
        yield Collector.of(server)


@pytest.fixture(scope="module")
def traced(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Generator[Pipeline]:
    with open_pipeline(tmp_path_factory.mktemp("traced"), more=collector.environment) as running:
        yield running


def test_one_trace(traced: Pipeline, collector: Collector) -> None:
    """The spans of one asset form one trace, from the page that found it to its item's publishing."""
    asset = traced.serve(b"II*\0" + b"1" * (2 * BLOCK_BYTES), dataset="sent", item="whole")
    traced.publish("sent", [asset])

    status, _ = traced.ask("POST", "datasets/sent/runs")
    wait_until(lambda: "whole" in traced.records("sent"))
    wait_until(lambda: any(each.name == "publish item" for each in collector.spans))

    (published,) = [each for each in collector.spans if each.name == "publish item"]
    trace = [each for each in collector.spans if each.trace_id == published.trace_id]
    assert status == 202
    assert edges(trace) >= {
        ("discover page", ""),
        ("send copy", "discover page"),
        ("process copy", "send copy"),
        ("copy asset", "process copy"),
        ("read source", "copy asset"),
        ("stage block", "copy asset"),
        ("commit blob", "copy asset"),
        ("write ledger", "process copy"),
        ("send publish", "process copy"),
        ("publish item", "send publish"),
    }
    assert list(way(trace, to="publish item")) == [
        "publish item",
        "send publish",
        "process copy",
        "send copy",
        "discover page",
    ]
    assert collector.services == {"sluice"}


def test_nothing_secret(traced: Pipeline, collector: Collector) -> None:
    """No span has an href, be its query known to be secret or not, nor the key that opens the collector."""
    asset = traced.serve(b"gone", status="404 Not Found")
    signed = asset.model_copy(update={"href": f"{asset.href}?pass={_CANARY}&sig={_CANARY}", "key": "signed"})

    traced.wait_until_deleted(traced.send(Queue.COPY, request_of(signed).encode()))
    wait_until(lambda: any(each.name == "process copy" for each in collector.trace_of("signed")))

    assert any(_CANARY in each.target for each in tuple(traced.files.asked))
    assert {each.headers["x-key"] for each in collector.requests} == {f"{_CANARY}-key"}
    assert not any(_CANARY.encode() in each.body for each in collector.requests)


def test_dead_collector(tmp_path: Path) -> None:
    """Where nobody takes spans, assets are copied as ever, and one line says that traces are lost."""
    (port,) = free_ports(1)
    more = {
        "PYTHON_ENABLE_OPENTELEMETRY": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
    }

    with open_pipeline(tmp_path, more=more) as pipeline:
        for number in range(3):
            asset = pipeline.serve(b"%d" % number)
            pipeline.wait_until_deleted(pipeline.send(Queue.COPY, request_of(asset).encode()))
            assert pipeline.blob(asset)[0] == b"%d" % number
            if not number:
                wait_until(lambda: _lost(pipeline) > 0)
        time.sleep(2)
        assert _lost(pipeline) == 1


def _lost(pipeline: Pipeline) -> int:
    """How many lines of the host's log say that traces are lost."""
    return pipeline.host.log.read_text(encoding="utf-8").count('"action":"traces_not_exported"')
