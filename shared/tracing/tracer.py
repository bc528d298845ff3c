"""Spans as the app makes them: redacted, and in the trace of the message that they belong to."""

import contextlib
from collections.abc import Callable, Generator, Mapping, Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.model.traces import Traceparent, well_formed
from shared.redaction import cut, redacted, told

type Value = str | int | float | bool | None
type Attributes = Mapping[str, Value]
#: Takes a value into a span once there is one that is recorded.
type Telling = Callable[[], Attributes]

_HEADER = "traceparent"
_LONGEST = 1024
_W3C = TraceContextTextMapPropagator()


class Tracer:
    """Makes spans. What fails is told by its class and a redacted sentence: a traceback has local names and paths."""

    def __init__(self, spans: trace.Tracer) -> None:
        self._spans = spans

    @contextlib.contextmanager
    def span(self, name: str, telling: Telling = dict, *, kind: SpanKind = SpanKind.INTERNAL) -> Generator["Recording"]:
        """A span within the current one, which it is until the block ends."""
        with self._span(name, telling, kind=kind) as recording:
            yield recording

    @contextlib.contextmanager
    def received(self, name: str, telling: Telling = dict, *, sender: object) -> Generator["Recording"]:
        """A span for one delivery of a message, within the span that sent it; linked to the host's invocation.

        Within the current span where the message carries no trace.
        """
        parent = _context(well_formed(sender))
        invocation = trace.get_current_span().get_span_context()
        links = [Link(invocation)] if parent is not None and invocation.is_valid else []
        with self._span(name, telling, kind=SpanKind.CONSUMER, parent=parent, links=links) as recording:
            yield recording

    @contextlib.contextmanager
    def begun(self, name: str, telling: Telling = dict, *, sender: object) -> Generator["Recording"]:
        """A span that begins a trace of its own, or goes on with the host's; linked to who sent its message."""
        sent = _context(well_formed(sender))
        links = [] if sent is None else [Link(_span_context(sent))]
        with self._span(name, telling, kind=SpanKind.CONSUMER, links=links) as recording:
            yield recording

    def start(self, name: str, telling: Telling = dict) -> "Recording":
        """A span within the current one that isn't current itself; whoever starts it ends it."""
        recording = Recording(self._spans.start_span(name, kind=SpanKind.CLIENT))
        recording.tell(telling)
        return recording

    def current(self) -> "Recording":
        """The current span."""
        return Recording(trace.get_current_span())

    @contextlib.contextmanager
    def _span(
        self,
        name: str,
        telling: Telling,
        *,
        kind: SpanKind,
        parent: Context | None = None,
        links: Sequence[Link] = (),
    ) -> Generator["Recording"]:
        around = trace.get_current_span().get_span_context()
        if parent is None and around.is_remote and not around.trace_flags.sampled:
            # The host records no trace, or not this one: whether ours is recorded is our own sampler's to say.
            parent, links = Context(), [*links, Link(around)]
        with self._spans.start_as_current_span(
            name, context=parent, kind=kind, links=links, record_exception=False, set_status_on_exception=False
        ) as span:
            recording = Recording(span)
            recording.tell(telling)
            try:
                yield recording
            except Exception as error:
                recording.fail(error)
                raise


class Recording:
    """A span that is open."""

    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> Traceparent | None:
        """What a message carries that is sent within it; None outside of any trace."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, context=trace.set_span_in_context(self._span, Context()))
        return well_formed(carrier.get(_HEADER))

    def tell(self, telling: Telling) -> None:
        """Add what it tells; nothing is asked for where nobody records it."""
        if self._span.is_recording():
            self._span.set_attributes(_told(telling()))

    def note(self, name: str, telling: Telling = dict) -> None:
        """Add an event at this moment."""
        if self._span.is_recording():
            self._span.add_event(name, _told(telling()))

    def fail(self, error: Exception) -> None:
        """Say that it failed, and why."""
        if self._span.is_recording():
            self._span.set_attribute("error.type", type(error).__name__)
            self._span.set_status(Status(StatusCode.ERROR, told(error, limit=_LONGEST)))

    def end(self) -> None:
        """End a span that was started; once only."""
        if self._span.is_recording():
            self._span.end()


def _context(sender: Traceparent | None) -> Context | None:
    """The trace that a message carries, and nothing of the current one."""
    return None if sender is None else _W3C.extract({_HEADER: sender}, context=Context())


def _span_context(context: Context) -> SpanContext:
    return trace.get_current_span(context).get_span_context()


def _told(attributes: Attributes) -> dict[str, str | int | float | bool]:
    return {
        name: cut(redacted(value), _LONGEST) if isinstance(value, str) else value
        for name, value in attributes.items()
        if value is not None
    }
