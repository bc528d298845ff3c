"""CloudEvents 1.0: whole in a body, several in one, or with their attributes in headers.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md::

    {"specversion": "1.0", "type": "Microsoft.Storage.BlobCreated", "source": "/subscriptions/…", "id": "9aeb0fdf-…",
     "time": "2024-06-01T10:00:00.9584103Z", "subject": "/blobServices/default/containers/…", "data": {…}}

In binary mode the body is the data, and each attribute a header: ``ce-id``, ``ce-source``, ``ce-type``, ``ce-time``.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Literal
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from shared.catalogs.json_text import Lenient, explained, parse_json
from shared.intake.event import Event, within
from shared.intake.files import Watched
from shared.intake.typed import read_typed, unreadable
from shared.model.errors import MalformedEventError
from shared.model.times import WrittenTime

_ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time")


def read_structured(document: JsonValue, *, watched: Watched) -> Event:
    """Read one event; raises MalformedEventError."""
    try:
        return _event(_CloudEvent.model_validate(document), watched=watched)
    except ValidationError as error:
        raise MalformedEventError(f"no CloudEvent: {explained(error)}") from error


def read_batch(documents: list[JsonValue], *, watched: Watched) -> list[Event]:
    """Read several events; one that isn't written as such is refused."""
    found = (_of_batch(each, number=number, watched=watched) for number, each in enumerate(documents, start=1))
    return within(found, most=watched.events.max_assets)


def read_binary(data: JsonValue, headers: Mapping[str, str], *, watched: Watched) -> Event:
    """Read an event whose attributes are headers; raises MalformedEventError."""
    attributes = {each: unquote(headers[f"ce-{each}"]) for each in _ATTRIBUTES if f"ce-{each}" in headers}
    return read_structured({**attributes, "data": data}, watched=watched)


def _of_batch(document: JsonValue, *, number: int, watched: Watched) -> Event:
    try:
        return _event(_CloudEvent.model_validate(document), watched=watched)
    except ValidationError as error:
        return unreadable(document, number=number, why=f"no CloudEvent: {explained(error)}")


def _event(found: "_CloudEvent", *, watched: Watched) -> Event:
    content = read_typed(found.type, found.content, subject=found.subject, at=found.time, watched=watched)
    return Event(source=found.source, identifier=found.id, at=found.time, content=content)


class _CloudEvent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"]
    id: str = Field(min_length=1)
    source: str = Field(min_length=1)
    type: str = Field(min_length=1)
    subject: str = ""
    time: Lenient[WrittenTime] = None
    data: JsonValue = None
    data_base64: Lenient[str] = None

    @property
    def content(self) -> JsonValue:
        """The data; JSON that travels in Base64 is read, anything else there is none of ours."""
        if self.data_base64 is None:
            return self.data
        try:
            return parse_json(base64.b64decode(self.data_base64, validate=True))
        except (ValueError, binascii.Error, RecursionError):
            return None
