"""Spans that a test looks at."""

import dataclasses
from collections.abc import Mapping

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.model.traces import Traceparent
from shared.tracing import Tracer


class Spans:
    """A tracer of OpenTelemetry's own SDK, and the spans that have ended."""

    def __init__(self) -> None:
        self._kept = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._kept))
        self.otel = provider.get_tracer("test")
        self.tracer = Tracer(self.otel)

    def named(self, name: str) -> list[ReadableSpan]:
        """Those of a name, as they ended."""
        return [each for each in self._kept.get_finished_spans() if each.name == name]

    def one(self, name: str) -> ReadableSpan:
        """The only one of a name."""
        (found,) = self.named(name)
        return found

    def parents(self) -> Mapping[str, set[str | None]]:
        """The names of parents, by a span's name; None: a root, or one whose parent isn't among them."""
        spans = self._kept.get_finished_spans()
        names = {id_of(each): each.name for each in spans}
        found: dict[str, set[str | None]] = {}
        for each in spans:
            found.setdefault(each.name, set()).add(names.get(each.parent.span_id) if each.parent else None)
        return found

    def text(self) -> str:
        """Everything that would be exported, as text."""
        return "\n".join(each.to_json() for each in self._kept.get_finished_spans())


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A span that has sent a message."""

    trace: str = "0af7651916cd43dd8448eb211c80319c"
    span: str = "b7ad6b7169203331"

    @property
    def traceparent(self) -> Traceparent:
        """What the message carries."""
        return Traceparent(f"00-{self.trace}-{self.span}-01")


def id_of(span: ReadableSpan) -> int:
    """A span's id."""
    assert span.context is not None
    return span.context.span_id


def trace_of(span: ReadableSpan) -> str:
    """The id of a span's trace."""
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def parent_of(span: ReadableSpan) -> str | None:
    """The id of a span's parent."""
    return f"{span.parent.span_id:016x}" if span.parent else None


def links_of(span: ReadableSpan) -> list[str]:
    """The spans that one is linked to."""
    return [f"{each.context.span_id:016x}" for each in span.links]
