"""A receiver of OTLP over HTTP, on the protocol's official package."""

import collections
import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.fakes.raw_server import Answer, Asked, RawServer, reply

PATH = "/v1/traces"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """What a server that takes OTLP was sent."""

    server: RawServer

    @classmethod
    def of(cls, server: RawServer) -> "Collector":
        """Take OTLP from now on, as the reference collector answers it: an empty message says that all was taken."""
        server.answers[PATH] = (Answer(sent=reply(b"", headers={"Content-Type": "application/x-protobuf"})),)
        return cls(server=server)

    @property
    def environment(self) -> Mapping[str, str]:
        """Settings of an app that exports to it, soon."""
        return {
            "PYTHON_ENABLE_OPENTELEMETRY": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.server.url(""),
            "OTEL_EXPORTER_OTLP_HEADERS": "x-key=c4n4ry-key",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }

    @property
    def requests(self) -> list[Asked]:
        """The exports."""
        return [each for each in tuple(self.server.asked) if each.target == PATH]

    @property
    def spans(self) -> list[Span]:
        """Every span that came."""
        return [
            span
            for each in self.requests
            for resource in ExportTraceServiceRequest.FromString(each.body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def services(self) -> set[str]:
        """What the processes call themselves."""
        return {
            attribute.value.string_value
            for each in self.requests
            for resource in ExportTraceServiceRequest.FromString(each.body).resource_spans
            for attribute in resource.resource.attributes
            if attribute.key == "service.name"
        }

    def trace_of(self, key: str) -> list[Span]:
        """The spans of the trace in which an asset was copied; none while it wasn't."""
        spans = self.spans
        traces = {each.trace_id for each in spans if attributes(each).get("sluice.key") == key}
        return [each for each in spans if each.trace_id in traces]


def attributes(span: Span) -> dict[str, str | int]:
    """Texts and numbers that a span tells."""
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def edges(spans: Iterable[Span]) -> set[tuple[str, str]]:
    """Who stands within whom, by name; the name of a parent that isn't among them is empty."""
    found = list(spans)
    names = collections.defaultdict(str, {each.span_id: each.name for each in found})
    return {(each.name, names[each.parent_span_id]) for each in found}


def way(spans: Iterable[Span], *, to: str) -> Iterator[str]:
    """The names from a span to the root of its trace."""
    by_id = {each.span_id: each for each in spans}
    current = next((each for each in by_id.values() if each.name == to), None)
    while current is not None:
        yield current.name
        current = by_id.get(current.parent_span_id)
