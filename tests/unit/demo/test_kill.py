from demo.kill import copies_in_flight
from functions_host.events import Event, EventKind


def event(kind: EventKind, invocation: str, *, queue: str = "copy") -> Event:
    return Event(kind=kind, invocation_id=invocation, queue=queue)


def test_copies_in_flight() -> None:
    """An invocation of a copy queue is in flight from its start to its end."""
    events = [
        event(EventKind.EXECUTING, "a"),
        event(EventKind.EXECUTING, "b", queue="copy-later"),
        event(EventKind.EXECUTING, "c", queue="discover"),
        event(EventKind.EXECUTED, "a"),
        event(EventKind.EXECUTING, "d"),
    ]

    assert copies_in_flight(events) == 2
