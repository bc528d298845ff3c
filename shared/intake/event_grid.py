"""Events in Event Grid's own schema, which always come as a list.

https://learn.microsoft.com/azure/event-grid/event-schema::

    [{"topic": "/subscriptions/…/storageAccounts/partnerdata", "id": "831e1650-…", "dataVersion": "", "data": {…},
      "eventType": "Microsoft.Storage.BlobCreated", "eventTime": "2024-06-01T10:00:00.9584103Z",
      "subject": "/blobServices/default/containers/deliveries/blobs/a.tif", "metadataVersion": "1"}]
"""

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from shared.catalogs.json_text import Lenient, explained
from shared.intake.event import Event, within
from shared.intake.files import Watched
from shared.intake.typed import read_typed, unreadable
from shared.model.times import WrittenTime


def read_event_grid(document: JsonValue, *, watched: Watched) -> list[Event]:
    """Read a list of events; one that isn't written as such is refused."""
    events = document if isinstance(document, list) else [document]
    found = (_read(each, number=number, watched=watched) for number, each in enumerate(events, start=1))
    return within(found, most=watched.events.max_assets)


def _read(event: JsonValue, *, number: int, watched: Watched) -> Event:
    try:
        found = _Event.model_validate(event)
    except ValidationError as error:
        return unreadable(event, number=number, why=f"no event of Event Grid: {explained(error)}")
    content = read_typed(found.type, found.data, subject=found.subject, at=found.at, watched=watched)
    return Event(source=found.topic, identifier=found.identifier, at=found.at, content=content)


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    identifier: str = Field(alias="id")
    #: Event Grid writes it, also where the publisher doesn't.
    topic: str = ""
    type: str = Field(alias="eventType")
    subject: str = ""
    at: Lenient[WrittenTime] = Field(None, alias="eventTime")
    data: JsonValue = None
