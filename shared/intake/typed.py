"""What an event of a stated type comes to: the same in Event Grid's schema and in CloudEvents."""

import json
from datetime import datetime

from pydantic import JsonValue

from shared.intake.blob_created import BLOB_CREATED, read_blob_created
from shared.intake.contents import read_content
from shared.intake.event import IGNORED, Content, Event
from shared.intake.files import Watched
from shared.model.errors import MalformedCatalogError

#: Types of Azure's own: nobody else's events are called so.
_AZURE = "Microsoft."


def read_typed(kind: str, data: JsonValue, *, subject: str, at: datetime | None, watched: Watched) -> Content:
    """Read an event's data by its type; types of Azure's that tell of no new blob are ignored."""
    if kind == BLOB_CREATED:
        return read_blob_created(subject, data, at=at, watched=watched)
    return IGNORED if kind.startswith(_AZURE) else read_content(data, watched=watched)


def unreadable(event: JsonValue, *, number: int, why: str) -> Event:
    """An event of several that isn't written as it should be; the same one is always called the same."""
    content = Content.refused(MalformedCatalogError(why), name=f"event {number} of the body")
    return Event(source="", identifier=json.dumps(event), at=None, content=content)
