"""Where spans go: to a collector by OTLP over HTTP, or to what the worker has set up for Azure Monitor."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncGenerator, Sequence
from typing import override

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from shared.model.settings import Telemetry
from shared.tracing.tracer import Tracer

logger = logging.getLogger(__name__)

_NAME = "sluice"
# They say the same at each batch, with the collector's address, which may have a key in it.
_CHATTY = ("opentelemetry.exporter", "opentelemetry.sdk")


@contextlib.asynccontextmanager
async def opened_tracer(telemetry: Telemetry, *, process: str) -> AsyncGenerator[Tracer]:
    """Make spans until the block ends, then send what wasn't sent yet; the SDK reads its own settings."""
    if not telemetry.exports:
        # The worker's own, which Azure Monitor's distribution has put there.
        yield Tracer(trace.get_tracer(_NAME))
        return
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    provider = _provider(process)
    if provider is None:
        yield Tracer(trace.NoOpTracer())
        return
    try:
        yield Tracer(provider.get_tracer(_NAME))
    finally:
        # Waits for the collector.
        await asyncio.to_thread(provider.shutdown)


def _provider(process: str) -> TracerProvider | None:
    """The SDK's own, by its settings; None where one of those can't be used: the app copies without traces, too."""
    try:
        provider = TracerProvider(resource=_resource(process))
        provider.add_span_processor(BatchSpanProcessor(TellingExporter(OTLPSpanExporter())))
    except ValueError as error:
        way_out = "mend the setting OTEL_… that holds this value, or take it out"
        extra = {"action": "traces_off", "error": str(error), "way_out": way_out}
        logger.error("traces are off: a setting of OpenTelemetry can't be used", extra=extra)  # noqa: TRY400 - no defect
        return None
    return provider


class TellingExporter(SpanExporter):
    """Says once that spans can't be exported, and once that they can be again."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._fails = False

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export, in the thread of the processor; spans that couldn't be exported are gone."""
        result = self._inner.export(spans)
        if result is not SpanExportResult.SUCCESS and not self._fails:
            way_out = "see whether the collector at OTEL_EXPORTER_OTLP_ENDPOINT takes OTLP over HTTP"
            extra = {"action": "traces_not_exported", "spans": len(spans), "way_out": way_out}
            logger.warning("traces can't be exported, and are lost", extra=extra)
        if result is SpanExportResult.SUCCESS and self._fails:
            logger.info("traces are exported again", extra={"action": "traces_exported_again"})
        self._fails = result is not SpanExportResult.SUCCESS
        return result

    @override
    def shutdown(self) -> None:
        """Close it."""
        self._inner.shutdown()

    @override
    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is kept here."""
        return self._inner.force_flush(timeout_millis)


def _resource(process: str) -> Resource:
    """What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say counts before what the platform calls the app."""
    stated = Resource.create().attributes
    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    name = str(stated[SERVICE_NAME]) if named else os.environ.get("WEBSITE_SITE_NAME") or _NAME
    return Resource.create({SERVICE_NAME: name, SERVICE_INSTANCE_ID: process})
