import logging
import os
from collections.abc import Generator, Sequence
from typing import override

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from shared.model.settings import Telemetry
from shared.tracing import opened_tracer
from shared.tracing.exporting import TellingExporter
from tests.fakes.raw_server import Answer, raw_server, reply


class _Exporter(SpanExporter):
    """Answers what it is told."""

    def __init__(self, *results: SpanExportResult) -> None:
        self._results = list(results)
        self.is_shut = False

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._results.pop(0)

    @override
    def shutdown(self) -> None:
        self.is_shut = True

    @override
    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return timeout_millis == 7


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Generator[pytest.MonkeyPatch]:
    """Nothing of OpenTelemetry is set; loggers are as they were afterwards."""
    for name in os.environ:
        if name.startswith(("OTEL_", "PYTHON_ENABLE_OPENTELEMETRY", "PYTHON_APPLICATIONINSIGHTS_", "WEBSITE_")):
            monkeypatch.delenv(name)
    levels = {name: logging.getLogger(name).level for name in ("opentelemetry.exporter", "opentelemetry.sdk")}
    yield monkeypatch
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


async def _exported(monkeypatch: pytest.MonkeyPatch) -> ExportTraceServiceRequest:
    """What a collector is sent of one span when the tracer is closed."""
    async with raw_server() as server:
        server.answers["/v1/traces"] = (Answer(sent=reply(b"")),)
        monkeypatch.setenv("PYTHON_ENABLE_OPENTELEMETRY", "1")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url(""))
        async with opened_tracer(Telemetry(), process="here-1") as tracer:
            with tracer.span("copy"):
                pass
        (asked,) = server.asked
    return ExportTraceServiceRequest.FromString(asked.body)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "sluice"),
        ({"WEBSITE_SITE_NAME": "app"}, "app"),
        ({"WEBSITE_SITE_NAME": "app", "OTEL_SERVICE_NAME": "mine"}, "mine"),
        ({"WEBSITE_SITE_NAME": "app", "OTEL_RESOURCE_ATTRIBUTES": "service.name=ours"}, "ours"),
    ],
)
async def test_spans_are_sent_at_the_end(environment: pytest.MonkeyPatch, settings: dict[str, str], name: str) -> None:
    """What wasn't sent yet is sent when the app closes, under the name that the operator or the platform gave it."""
    for setting, value in settings.items():
        environment.setenv(setting, value)

    found = await _exported(environment)

    (sent,) = found.resource_spans
    resource = {each.key: each.value.string_value for each in sent.resource.attributes}
    assert [span.name for scope in sent.scope_spans for span in scope.spans] == ["copy"]
    assert (resource["service.name"], resource["service.instance.id"]) == (name, "here-1")


async def test_azure_monitor(environment: pytest.MonkeyPatch) -> None:
    """Where the worker has set up Azure Monitor, spans go to what it has set up: here nothing."""
    environment.setenv("PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY", "true")

    async with opened_tracer(Telemetry(), process="here-1") as tracer:
        with tracer.span("copy") as copying:
            assert copying.traceparent is None


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "999999"), ("OTEL_BSP_MAX_QUEUE_SIZE", "-1")]
)
async def test_a_setting_that_cannot_be_used(
    environment: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, value: str
) -> None:
    """It turns traces off, with a line in the log, and the app works all the same."""
    environment.setenv("PYTHON_ENABLE_OPENTELEMETRY", "1")
    environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    environment.setenv(name, value)

    async with opened_tracer(Telemetry(), process="here-1") as tracer:
        with tracer.span("copy"):
            pass

    assert [getattr(each, "action", None) for each in caplog.records] == ["traces_off"]


def test_lost_spans_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """That spans are lost is said once, and once that they no longer are; each export's result is passed on."""
    lost, good = SpanExportResult.FAILURE, SpanExportResult.SUCCESS
    exporter = TellingExporter(_Exporter(good, lost, lost, good, good, lost))

    with caplog.at_level(logging.INFO):
        results = [exporter.export([]) for _ in range(6)]

    assert results == [good, lost, lost, good, good, lost]
    actions = [vars(each)["action"] for each in caplog.records]
    assert actions == ["traces_not_exported", "traces_exported_again", "traces_not_exported"]


def test_exporter_is_closed() -> None:
    """Flushing and closing are the inner exporter's."""
    inner = _Exporter()
    exporter = TellingExporter(inner)

    flushed = exporter.force_flush(7)
    exporter.shutdown()

    assert (flushed, inner.is_shut) == (True, True)
