r"""What a notification of SNS carries, whose signature was verified.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html::

    {"Type": "Notification", "MessageId": "22b80b92-…", "TopicArn": "arn:aws:sns:us-west-2:123456789012:scenes",
     "Subject": "Amazon S3 Notification", "Message": "{\"Records\": […]}", "Timestamp": "2024-06-01T10:00:01.000Z", …}

A message is S3's own notification, or whatever else its publisher says: STAC items, for one.
"""

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from shared.catalogs.json_text import Lenient, explained, parse_json
from shared.intake.contents import read_content
from shared.intake.event import IGNORED, Content, Event
from shared.intake.files import Watched
from shared.intake.s3_records import read_records
from shared.model.errors import MalformedEventError
from shared.model.times import WrittenTime


def read_notification(document: JsonValue, *, watched: Watched) -> Event:
    """Read a notification; raises MalformedEventError where its envelope lacks what every one has."""
    try:
        found = _Notification.model_validate(document)
    except ValidationError as error:
        raise MalformedEventError(f"no notification of SNS: {explained(error)}") from error
    return Event(
        source=found.topic,
        identifier=found.identifier,
        at=found.at,
        content=_content(found.message, watched=watched),
    )


def _content(message: str, *, watched: Watched) -> Content:
    """A topic may carry anything; S3 itself sends a test once it is subscribed (``{"Event": "s3:TestEvent", …}``)."""
    try:
        document = parse_json(message.encode())
    except (ValueError, RecursionError):
        return IGNORED
    match document:
        case {"Records": list(records)}:
            return read_records(records, watched=watched)
        case _:
            return read_content(document, watched=watched)


class _Notification(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    identifier: str = Field(alias="MessageId")
    topic: str = Field(alias="TopicArn")
    message: str = Field(alias="Message")
    at: Lenient[WrittenTime] = Field(None, alias="Timestamp")
