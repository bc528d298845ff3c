import pytest
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags, set_span_in_context

from shared.tracing import Tracer
from tests.unit.tracing.spans import Sender, Spans, id_of, links_of, parent_of, trace_of

_SECRET = "https://h/a.tif?sig=c4n4ry"


def test_delivery_of_a_message_that_carries_a_trace(spans: Spans) -> None:
    """A delivery is within the span that sent its message, and linked to the host's invocation."""
    sender = Sender()

    with spans.otel.start_as_current_span("invocation"), spans.tracer.received("process", sender=sender.traceparent):
        pass

    delivery, invocation = spans.one("process"), spans.one("invocation")
    assert (trace_of(delivery), parent_of(delivery)) == (sender.trace, sender.span)
    assert links_of(delivery) == [f"{id_of(invocation):016x}"]


@pytest.mark.parametrize("sender", [None, 7, "", "00-0-0-00"])
def test_delivery_of_a_message_without_a_trace(spans: Spans, sender: object) -> None:
    """A delivery of a message that carries none, or nonsense, is within the host's invocation."""
    with spans.otel.start_as_current_span("invocation"), spans.tracer.received("process", sender=sender):
        pass

    delivery = spans.one("process")
    assert (parent_of(delivery), links_of(delivery)) == (f"{id_of(spans.one('invocation')):016x}", [])


def test_deliveries_without_a_host(spans: Spans) -> None:
    """Without an invocation there is nothing to link to."""
    with spans.tracer.received("process", sender=Sender().traceparent):
        pass

    assert links_of(spans.one("process")) == []


def test_begun_trace(spans: Spans) -> None:
    """What begins a trace isn't within the span that sent its message, but linked to it."""
    sender = Sender()

    with spans.tracer.begun("page", sender=sender.traceparent):
        pass
    with spans.tracer.begun("first page", sender=None):
        pass

    page, first = spans.one("page"), spans.one("first page")
    assert (parent_of(page), links_of(page)) == (None, [sender.span])
    assert trace_of(page) != sender.trace
    assert (parent_of(first), links_of(first)) == (None, [])


def test_failure_is_told_without_its_secrets(spans: Spans) -> None:
    """A span that fails has the error's class and redacted sentence, and no traceback."""
    with pytest.raises(ValueError, match="sig"), spans.tracer.span("copy"):
        raise ValueError(_SECRET)

    span = spans.one("copy")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "https://h/a.tif?sig=REDACTED"
    assert (dict(span.attributes or {}), list(span.events)) == ({"error.type": "ValueError"}, [])


def test_attributes_are_redacted_and_cut(spans: Spans) -> None:
    """Texts of spans and events are redacted and at most 1024 characters long; what isn't known is left out."""
    with spans.tracer.span("copy", lambda: {"a": _SECRET, "b": "x" * 5000, "n": 7, "none": None}) as recording:
        recording.note("event", lambda: {"a": _SECRET})

    span = spans.one("copy")
    redacted = "https://h/a.tif?sig=REDACTED"
    assert dict(span.attributes or {}) == {"a": redacted, "b": "x" * 1023 + "…", "n": 7}
    assert [(each.name, dict(each.attributes or {})) for each in span.events] == [("event", {"a": redacted})]


def test_unsampled_spans_ask_for_nothing() -> None:
    """What isn't recorded is never asked for, and a message still says that its trace isn't sampled."""
    tracer = Tracer(TracerProvider(sampler=ALWAYS_OFF).get_tracer("test"))

    def telling() -> dict[str, str]:
        raise AssertionError("nobody records it")

    with tracer.span("copy", telling) as recording:
        recording.note("event", telling)
        recording.fail(ValueError("no"))
        tracer.start("read", telling).end()

    traceparent = recording.traceparent
    assert traceparent is not None
    assert int(traceparent[-2:], 16) % 2 == 0


def test_no_trace_outside_of_spans(spans: Spans) -> None:
    """Outside of any span there is nothing that a message could carry."""
    assert spans.tracer.current().traceparent is None


def _invocation(flags: int) -> Context:
    """What the worker attaches: the host's trace, sampled or not."""
    sender = Sender()
    context = SpanContext(
        trace_id=int(sender.trace, 16), span_id=int(sender.span, 16), is_remote=True, trace_flags=TraceFlags(flags)
    )
    return set_span_in_context(NonRecordingSpan(context))


def test_host_that_records_its_trace(spans: Spans) -> None:
    """A page goes on in the host's trace, where the host records that."""
    token = attach(_invocation(1))

    with spans.tracer.begun("page", sender=None):
        pass
    detach(token)

    page = spans.one("page")
    assert (trace_of(page), parent_of(page), links_of(page)) == (Sender().trace, Sender().span, [])


def test_host_that_records_nothing(spans: Spans) -> None:
    """A host that doesn't record its own trace keeps nobody from recording ours, which is linked to it."""
    token = attach(_invocation(0))

    with spans.tracer.begun("page", sender=None), spans.tracer.span("send"):
        pass
    detach(token)

    page, send = spans.one("page"), spans.one("send")
    assert (parent_of(page), links_of(page)) == (None, [Sender().span])
    assert trace_of(page) != Sender().trace
    assert (parent_of(send), links_of(send)) == (f"{id_of(page):016x}", [])
