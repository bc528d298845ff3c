import datetime as dt
import json

import pytest
from azure.functions.meta import Datum as SdkDatum
from azure.functions.queue import QueueMessage, QueueMessageInConverter

from functions_host.functions import Datum, Delivery
from functions_host.host_json import Encoding
from functions_host.queue_message import Message, UndecodableMessageError, trigger_metadata

INSERTED = dt.datetime(2026, 11, 23, 8, 8, 59, tzinfo=dt.UTC)


def message(stored: str = "") -> Message:
    return Message(
        id="m1",
        pop_receipt="r1",
        dequeue_count=2,
        inserted_on=INSERTED,
        expires_on=INSERTED + dt.timedelta(days=7),
        next_visible_on=INSERTED + dt.timedelta(minutes=10),
        stored=stored,
    )


OWN: dict[str, Datum] = {
    "Id": ("string", "m1"),
    "PopReceipt": ("string", "r1"),
    "DequeueCount": ("json", "2"),
    "InsertionTime": ("json", '"2026-11-23T08:08:59+00:00"'),
    "ExpirationTime": ("json", '"2026-11-30T08:08:59+00:00"'),
    "NextVisibleTime": ("json", '"2026-11-23T08:18:59+00:00"'),
}


@pytest.mark.parametrize(
    ("stored", "encoding", "expected"),
    [
        ("aGVsbG8=", Encoding.BASE64, b"hello"),
        ("aGVs\r\n bG8=\t", Encoding.BASE64, b"hello"),
        ("", Encoding.BASE64, b""),
        ("aGVsbG8=", Encoding.NONE, b"aGVsbG8="),
        ("grüß", Encoding.NONE, "grüß".encode()),
    ],
)
def test_bodies(stored: str, encoding: Encoding, expected: bytes) -> None:
    """'messageEncoding "base64" or "none"'; .NET's Base64 decoder takes white space anywhere."""
    assert message(stored).body(encoding) == expected


@pytest.mark.parametrize("stored", ["not base64 !!", "aGVsbG8", "aGVs=bG8", "grüß", "aGVsbG8=="])
def test_undecodable_bodies(stored: str) -> None:
    """'Undecodable Base64': foreign characters, missing or misplaced padding."""
    with pytest.raises(UndecodableMessageError):
        message(stored).body(Encoding.BASE64)


def test_metadata() -> None:
    """'QueueTrigger string; Id string; PopReceipt string; DequeueCount long -> json `1`; .. DateTimeOffset -> json'."""
    assert trigger_metadata(message(), text="hello") == {"QueueTrigger": ("string", "hello"), **OWN}


def test_metadata_without_text() -> None:
    """'invalid UTF-8: .. the trigger metadata `QueueTrigger` is left out'."""
    assert trigger_metadata(message(), text=None) == OWN


def test_body_fields_are_added() -> None:
    """'every top-level non-array property of a JSON object body (scalars as strings, objects as JSON)'."""
    text = json.dumps(
        {"word": "a", "yes": True, "n": 7, "x": 1.5, "one": 1.0, "in": {"b": [1]}, "list": [], "no": None}
    )

    found = trigger_metadata(message(), text=text)

    assert found == {
        "QueueTrigger": ("string", text),
        **OWN,
        "word": ("string", "a"),
        "yes": ("string", "True"),
        "n": ("string", "7"),
        "x": ("string", "1.5"),
        "one": ("string", "1"),
        "in": ("json", '{"b": [1]}'),
    }


def test_body_fields_replace_the_triggers_own() -> None:
    """'into a *case-insensitive* dictionary. A body `{"id": ...}` replaces `Id`'."""
    text = json.dumps({"id": "mine", "DEQUEUECOUNT": 9, "popReceipt": "p"})

    found = trigger_metadata(message(), text=text)

    assert found == {
        "QueueTrigger": ("string", text),
        **OWN,
        "Id": ("string", "mine"),
        "DequeueCount": ("string", "9"),
        "PopReceipt": ("string", "p"),
    }


def test_sys_is_dropped() -> None:
    """'`sys` is dropped'."""
    assert "sys" not in trigger_metadata(message(), text='{"sys": "x"}')


@pytest.mark.parametrize(
    "text",
    [
        *("plain", "[1]", "{broken}", '"text"', "7", ""),
        # It fits into a message, and Python gives it up with a RecursionError.
        pytest.param('{"a":' + "[" * 24_000 + "]" * 24_000 + "}", id="deep"),
    ],
)
def test_other_bodies_add_nothing(text: str) -> None:
    """Only a body that is a JSON object adds metadata; that it is none is no error."""
    assert trigger_metadata(message(), text=text) == {"QueueTrigger": ("string", text), **OWN}


def decode(metadata: dict[str, Datum]) -> QueueMessage:
    datums = {name: SdkDatum(value, kind) for name, (kind, value) in metadata.items()}
    return QueueMessageInConverter.decode(SdkDatum("body", "string"), trigger_metadata=datums)


def test_worker_reads_the_metadata() -> None:
    """The worker library makes a message of it: id, count and times."""
    found = decode(trigger_metadata(message(), text="body"))

    assert (found.id, found.dequeue_count, found.insertion_time) == ("m1", 2, INSERTED)


@pytest.mark.parametrize("time", ["2026-11-23T08:08:59+00:00", "2026-11-23T10:08:59.5+02:00", "yesterday"])
def test_body_with_an_insertion_time_cant_be_decoded(time: str) -> None:
    """'an `insertionTime` that is in none of the worker's date formats makes decoding raise'.

    An ISO time is no better: Newtonsoft.Json, with which the host reads the body, makes it "11/23/2026 08:08:59".
    """
    metadata = trigger_metadata(message(), text=json.dumps({"insertionTime": time}))

    with pytest.raises(ValueError, match="does not match format"):
        decode(metadata)


def test_iso_times_in_bodies_are_rewritten() -> None:
    """Newtonsoft.Json takes a text that looks like an ISO time for one; an impossible one stays as it is."""
    text = json.dumps({"at": "2026-11-23T10:08:59+02:00", "odd": "2026-13-01T00:00:00Z"})

    found = trigger_metadata(message(), text=text)

    assert (found["at"], found["odd"]) == (("string", "11/23/2026 08:08:59"), ("string", "2026-13-01T00:00:00Z"))


def test_delivery() -> None:
    """The log names the dequeue as the host does: id, count, and when the message was inserted."""
    assert message().delivery("work") == Delivery(
        queue="work", message_id="m1", dequeue_count=2, inserted_on="2026-11-23T08:08:59.000+00:00"
    )
