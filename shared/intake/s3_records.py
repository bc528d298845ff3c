"""Objects that were written, as S3 tells of them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html::

    {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2024-06-01T10:00:00.000Z",
                  "s3": {"bucket": {"name": "scenes"}, "object": {"key": "a+b%2B.tif", "size": 1024, "eTag": "…"}}}]}

Keys are written as in a form: a space is a plus, everything else unusual is percent-encoded.
"""

from typing import Annotated
from urllib.parse import unquote_plus

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from shared.catalogs.json_text import Lenient, explained
from shared.intake.event import IGNORED, Content, within
from shared.intake.files import Watched
from shared.model.errors import MalformedCatalogError, UrlRefusedError
from shared.model.times import WrittenTime


def read_records(records: list[JsonValue], *, watched: Watched) -> Content:
    """Read the records of a notification; objects of a bucket that nobody watches are refused."""
    found = (_of_record(each, number=number, watched=watched) for number, each in enumerate(records, start=1))
    return Content.of(within(found, most=watched.events.max_assets))


def _of_record(record: JsonValue, *, number: int, watched: Watched) -> Content:
    try:
        found = _Record.model_validate(record)
    except ValidationError as error:
        wrong = MalformedCatalogError(f"no record of S3: {explained(error)}")
        return Content.refused(wrong, name=f"record {number} of the event")
    bucket, key = found.s3.bucket.name, unquote_plus(found.s3.object.key)
    if not found.name.startswith("ObjectCreated:") or key.endswith("/"):
        return IGNORED
    href = f"s3://{bucket}/{key}"
    if bucket not in watched.events.buckets:
        return Content.refused(
            UrlRefusedError(f"the bucket {bucket!r} isn't watched; add it to events.buckets"), name=href
        )
    return watched.file(href, size=found.s3.object.size, written_at=found.time)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Bucket(_Part):
    name: str


class _Object(_Part):
    key: Annotated[str, Field(min_length=1)]
    size: Lenient[Annotated[int, Field(ge=0, le=2**63 - 1, strict=True)]] = None


class _S3(_Part):
    bucket: _Bucket
    object: _Object


class _Record(_Part):
    name: Annotated[str, Field(alias="eventName")]
    time: Lenient[WrittenTime] = Field(None, alias="eventTime")
    s3: _S3
