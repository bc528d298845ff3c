"""Which of the formats a body is written in, told by its headers and its shape."""

import hashlib
from collections.abc import Mapping

from pydantic import JsonValue

from shared.intake.calls import document_of
from shared.intake.cloud_events import read_batch, read_binary, read_structured
from shared.intake.contents import is_list, is_stac, read_content
from shared.intake.event import Event
from shared.intake.event_grid import read_event_grid
from shared.intake.files import Watched
from shared.intake.sns import read_notification
from shared.model.errors import MalformedEventError
from shared.model.events import EventFormat

_TAKEN = (
    "Event Grid's events (a list), CloudEvents 1.0 (structured, as a batch, or with ce- headers), a notification of "
    'SNS, a STAC item or item collection, or {"assets": [{"url": "https://..."}]}'
)


def read_events(
    body: bytes, headers: Mapping[str, str], *, accepts: tuple[EventFormat, ...], watched: Watched
) -> list[Event]:
    """Read a body, whose sender is known; ``headers`` have names in lower case.

    Raises MalformedEventError for what is none of the formats, or none of those that the dataset accepts. Of several
    events one that can't be read is refused, and stops no other.
    """
    document = document_of(body)
    found = _format(document, headers)
    if found is None:
        raise MalformedEventError(f"the body is no event: found {_shape(document)}; taken are {_TAKEN}")
    if found not in accepts:
        stated = ", ".join(each.value for each in accepts)
        raise MalformedEventError(
            f"the body is {found.value}, and the dataset takes {stated}; to take it, add it to events.accepts"
        )
    match found:
        case EventFormat.SNS:
            return [read_notification(document, watched=watched)]
        case EventFormat.EVENT_GRID:
            return read_event_grid(document, watched=watched)
        case EventFormat.CLOUD_EVENTS if "ce-specversion" in headers:
            return [read_binary(document, headers, watched=watched)]
        case EventFormat.CLOUD_EVENTS if isinstance(document, list):
            return read_batch(document, watched=watched)
        case EventFormat.CLOUD_EVENTS:
            return [read_structured(document, watched=watched)]
        case _:
            content = read_content(document, watched=watched)
            # It has no name of its own, so the same body is the same event.
            return [Event(source="body", identifier=hashlib.sha256(body).hexdigest(), at=None, content=content)]


def _format(document: JsonValue, headers: Mapping[str, str]) -> EventFormat | None:
    found: EventFormat | None = None
    match document:
        case _ if "ce-specversion" in headers:
            found = EventFormat.CLOUD_EVENTS
        case {"Type": str(), "TopicArn": str(), "Message": str()}:
            found = EventFormat.SNS
        case {"specversion": str()} | [{"specversion": str()}, *_]:
            found = EventFormat.CLOUD_EVENTS
        case [{"eventType": str()}, *_]:
            found = EventFormat.EVENT_GRID
        case _ if is_stac(document):
            found = EventFormat.STAC
        case _ if is_list(document):
            found = EventFormat.LIST
        case _:
            pass
    return found


def _shape(document: JsonValue) -> str:
    """What stands there, without what may be a secret."""
    match document:
        case dict():
            return f"an object with {', '.join(sorted(document)[:10]) or 'no members'}"[:200]
        case list():
            return f"a list of {len(document)}"
        case _:
            return type(document).__name__
