"""What notifications of SNS carry."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.intake.event import IGNORED, Content
from shared.model.errors import MalformedEventError
from tests.unit.intake.payloads import SNS_TOPIC, collection, notification, s3_record, stac_item
from tests.unit.intake.watching import content, file, hrefs, read, reasons, taking_sns

_AT = datetime(2024, 6, 1, 10, tzinfo=UTC)


def test_an_object_is_an_item() -> None:
    """S3's record gives address, size and time; the notification its name, topic and own time."""
    (event,) = read(notification({"Records": [s3_record()]}), of=taking_sns())

    assert (event.source, event.identifier, event.at) == (
        SNS_TOPIC,
        "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        datetime(2024, 6, 1, 10, 0, 1, 655000, UTC),
    )
    assert event.content == Content(items=(file("s3://scenes/2024/a.tif", size=1024, updated=_AT),))


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("a+b.tif", "a b.tif"),
        ("a%2Bb.tif", "a+b.tif"),
        ("2024/%C3%BC+%26+%3D.tif", "2024/ü & =.tif"),
        ("a%2520b.tif", "a%20b.tif"),
    ],
)
def test_keys_are_decoded(written: str, key: str) -> None:
    """A key is written as in a form."""
    assert hrefs(content(notification({"Records": [s3_record(written)]}), of=taking_sns())) == [f"s3://scenes/{key}"]


def test_several_records() -> None:
    """Each is read by itself: one that is none, and one of a bucket that nobody watches, stop no other."""
    other = s3_record()
    other["s3"] = {**other["s3"], "bucket": {"name": "others"}}

    found = content(notification({"Records": [s3_record("a"), {}, other, s3_record("b")]}), of=taking_sns())

    assert hrefs(found) == ["s3://scenes/a", "s3://scenes/b"]
    assert [each.item for each in found.refusals] == ["record 2 of the event", "s3://others/2024/a.tif"]
    assert reasons(found)[1] == (
        "UrlRefusedError",
        "the bucket 'others' isn't watched; add it to events.buckets",
    )


@pytest.mark.parametrize("record", [s3_record("folder/"), s3_record(eventName="ObjectRemoved:Delete")])
def test_what_is_no_new_object(record: dict[str, Any]) -> None:
    """A folder's mark, and an object that went away, are ignored."""
    assert content(notification({"Records": [record]}), of=taking_sns()) == IGNORED


@pytest.mark.parametrize("key", ["a/../b", "a%23b", "%00", "a//b"])
def test_keys_that_cant_be_asked_for(key: str) -> None:
    """They are refused as a listing would refuse them."""
    found = content(notification({"Records": [s3_record(key)]}), of=taking_sns())

    assert (found.items, [error for error, _ in reasons(found)]) == ((), ["UrlRefusedError"])


@pytest.mark.parametrize("message", [stac_item(), collection(stac_item())])
def test_items_of_stac(message: Any) -> None:
    """A message may be a STAC item, or several."""
    (item,) = content(notification(message), of=taking_sns()).items

    assert (item.item, item.document) == ("s2/001", stac_item())


@pytest.mark.parametrize(
    "message",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2024-06-01T10:00:00Z", "Bucket": "scenes"},
        {"hello": "world"},
        [1, 2],
        "plain text",
        "[" * 1000,
        "NaN",
        "",
    ],
)
def test_other_messages(message: Any) -> None:
    """S3's own test, and whatever else a topic carries, are ignored."""
    assert content(notification(message), of=taking_sns()) == IGNORED


def test_half_a_character() -> None:
    """A message that no text can be is ignored."""
    assert (
        content(rb'{"Type": "Notification", "MessageId": "1", "TopicArn": "a", "Message": "\ud800"}', of=taking_sns())
        == IGNORED
    )


def test_an_envelope_that_lacks_something() -> None:
    """What every notification has is asked for by name."""
    envelope = notification("x")
    del envelope["MessageId"]

    with pytest.raises(MalformedEventError, match="MessageId: Field required"):
        read(envelope, of=taking_sns())
