"""What asks for copies: runs, and events."""

from shared.model.causes import Cause, is_event
from tests.unit.model.builders import NOON


def _name(source: str, identifier: str) -> str:
    return Cause.of_event("demo", source=source, identifier=identifier, at=NOON).name


def test_an_event_has_one_name() -> None:
    """Of source and identifier together, and of any length; it fits into a request."""
    assert _name("/a", "1") == _name("/a", "1") == "event-bd1b8913ebac71bb8f5816c22c227a618bc54d50"
    assert len({_name("/a", "1"), _name("/a", "2"), _name("/b", "1"), _name("/a1", ""), _name("", "/a1")}) == 5
    assert len(_name("s" * 10_000, "\ud800")) <= 64


def test_events_and_runs() -> None:
    """A name says which of the two it is of."""
    assert is_event(_name("/a", "1"))
    assert not is_event("20240601T120000Z-0123abcd")
    assert not Cause(dataset="demo", name="run-1", asked_at=NOON).is_event
