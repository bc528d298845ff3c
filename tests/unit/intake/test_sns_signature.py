"""Messages of SNS, and whatever only looks like one."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.intake.sns_signature import SIGNED, signed_text
from shared.model.errors import ForbiddenError, NotAuthenticatedError
from tests.fakes.sns import CERTIFICATE, HOST, TOPIC
from tests.unit.intake.gate import Gate, access

_ACCESS = access(kind="sns", topics=[TOPIC])


def test_the_text_of_a_notification() -> None:
    """Names and values, a line each, in the order that AWS documents, and without what isn't signed."""
    message = {
        "Type": "Notification",
        "TopicArn": "arn:aws:sns:us-east-2:123456789012:My-Topic",
        "Timestamp": "2019-01-31T04:37:04.321Z",
        "Subject": "My subject",
        "MessageId": "4d4dc071-ddbf-465d-bba8-08f81c89da64",
        "Message": "My Test Message",
        "UnsubscribeURL": "https://sns.us-east-2.amazonaws.com/",
    }

    assert signed_text(message).decode() == (
        "Message\nMy Test Message\nMessageId\n4d4dc071-ddbf-465d-bba8-08f81c89da64\nSubject\nMy subject\n"
        "Timestamp\n2019-01-31T04:37:04.321Z\nTopicArn\narn:aws:sns:us-east-2:123456789012:My-Topic\n"
        "Type\nNotification\n"
    )


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_the_text_of_a_confirmation(kind: str) -> None:
    """A confirmation's address and token are signed, and there is no subject."""
    message = {name: f"<{name}>" for name in ("Subject", *SIGNED[kind])} | {"Type": kind}

    assert signed_text(message).decode() == (
        "Message\n<Message>\nMessageId\n<MessageId>\nSubscribeURL\n<SubscribeURL>\nTimestamp\n<Timestamp>\n"
        f"Token\n<Token>\nTopicArn\n<TopicArn>\nType\n{kind}\n"
    )


@pytest.mark.parametrize("subject", ["news", "", None])
async def test_a_notification(subject: str | None) -> None:
    """A signed message passes, with or without a subject."""
    gate = Gate()

    assert await gate.admit(_ACCESS, gate.sns.message(Subject=subject)) is None


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, field) for kind, fields in SIGNED.items() for field in fields if field not in {"Type", "TopicArn"}],
)
async def test_an_altered_field(kind: str, field: str) -> None:
    """Nothing that is signed can be altered."""
    gate = Gate()
    message = gate.sns.message(kind)
    # A second later, or another word.
    message[field] = message[field].replace(".655Z", ".656Z") if field == "Timestamp" else f"{message[field]}x"

    with pytest.raises(NotAuthenticatedError, match="doesn't agree"):
        await gate.admit(_ACCESS, message)

    assert all("ConfirmSubscription" not in each for each in gate.addresses())


@pytest.mark.parametrize("field", [*SIGNED["Notification"], "Signature", "SigningCertURL", "SignatureVersion"])
@pytest.mark.parametrize("value", [None, 7, ["x"], {}])
async def test_a_field_of_another_sort(field: str, value: Any) -> None:
    """A field that is missing, or no text, is refused; it can't be left out of what is signed, the subject neither."""
    gate = Gate()
    message = {**gate.sns.message(), field: value}
    if value is None:
        del message[field]

    with pytest.raises(NotAuthenticatedError):
        await gate.admit(_ACCESS, message)


async def test_a_notification_as_a_confirmation() -> None:
    """A message's type can't be exchanged."""
    gate = Gate()
    message = gate.sns.message(Token="a", SubscribeURL=f"https://{HOST}/")

    with pytest.raises(NotAuthenticatedError, match="doesn't agree"):
        await gate.admit(_ACCESS, {**message, "Type": "SubscriptionConfirmation"})


async def test_another_listed_topic() -> None:
    """A message can't be moved to another topic, though that is listed, too."""
    other = TOPIC.replace("scenes", "other")
    gate = Gate()

    with pytest.raises(NotAuthenticatedError, match="doesn't agree"):
        await gate.admit(access(kind="sns", topics=[TOPIC, other]), {**gate.sns.message(), "TopicArn": other})


@pytest.mark.parametrize(
    "topic", [f"{TOPIC}2", TOPIC.upper(), TOPIC.replace("123456789012", "210987654321"), "", "no arn"]
)
async def test_a_topic_that_is_not_listed(topic: str) -> None:
    """A genuine message of another topic, of anybody's account, is refused, and no certificate is fetched for it."""
    gate = Gate()

    with pytest.raises(ForbiddenError, match=r"events\.auth\.topics"):
        await gate.admit(_ACCESS, gate.sns.message(TopicArn=topic))

    assert gate.addresses() == []


@pytest.mark.parametrize("version", ["1", "3", "", "2 "])
async def test_another_version(version: str) -> None:
    """Version 1 is SHA-1: the error says how to have version 2."""
    gate = Gate()

    with pytest.raises(NotAuthenticatedError, match="--attribute-name SignatureVersion --attribute-value 2"):
        await gate.admit(_ACCESS, gate.sns.message(SignatureVersion=version))


@pytest.mark.parametrize("signature", ["", "?", "AAAA", "\u00e9"])
async def test_no_signature(signature: str) -> None:
    """A signature that is none agrees with nothing."""
    gate = Gate()

    with pytest.raises(NotAuthenticatedError, match="doesn't agree"):
        await gate.admit(_ACCESS, {**gate.sns.message(), "Signature": signature})


async def test_text_that_has_no_bytes() -> None:
    """Half a character, which JSON can write and UTF-8 can't, was signed by nobody."""
    gate = Gate()

    with pytest.raises(NotAuthenticatedError, match="doesn't agree"):
        await gate.admit(_ACCESS, {**gate.sns.message(), "Message": "\ud800"})


@pytest.mark.parametrize(
    "address",
    [
        CERTIFICATE.replace("https", "http"),
        CERTIFICATE.replace("us-west-2", "us-east-1"),
        CERTIFICATE.replace(HOST, f"{HOST}.example.org"),
        CERTIFICATE.replace(HOST, f"{HOST}@example.org"),
        "http://169.254.169.254/latest/meta-data/SimpleNotificationService-1.pem",
    ],
)
async def test_a_certificate_elsewhere(address: str) -> None:
    """A certificate is fetched from SNS in the topic's region, and from nowhere else: else nothing is asked at all."""
    gate = Gate()

    with pytest.raises(NotAuthenticatedError, match=f"https://{HOST}/SimpleNotificationService"):
        await gate.admit(_ACCESS, gate.sns.message(SigningCertURL=address))

    assert gate.addresses() == []


@pytest.mark.parametrize("age", [timedelta(hours=1), timedelta(), -timedelta(minutes=5)])
async def test_a_message_in_time(age: timedelta) -> None:
    """A message is an hour old at most; clocks may differ by five minutes."""
    gate = Gate()

    assert await gate.admit(_ACCESS, gate.sns.message(Timestamp=(gate.clock() - age).isoformat())) is None


@pytest.mark.parametrize("age", [timedelta(hours=1, seconds=1), -timedelta(minutes=5, seconds=1)])
async def test_a_message_out_of_time(age: timedelta) -> None:
    """What was recorded is of no use later, nor is what is yet to come."""
    gate = Gate()

    with pytest.raises(NotAuthenticatedError, match="more than an hour old"):
        await gate.admit(_ACCESS, gate.sns.message(Timestamp=(gate.clock() - age).isoformat()))


@pytest.mark.parametrize("time", ["", "yesterday", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
async def test_no_time(time: str) -> None:
    """A time has to be one of the calendar's."""
    gate = Gate()

    with pytest.raises(NotAuthenticatedError, match="Timestamp is no time"):
        await gate.admit(_ACCESS, gate.sns.message(Timestamp=time))


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100, b"\xff", json.dumps({"Records": []}).encode(), b"[]", b"7"])
async def test_no_message(body: bytes) -> None:
    """What isn't a message of SNS is refused; so is what raw delivery sends, which nobody has signed."""
    with pytest.raises(NotAuthenticatedError):
        await Gate().admit(_ACCESS, body)


async def test_raw_delivery_is_told() -> None:
    """The error for a body without an envelope says what to turn off."""
    with pytest.raises(NotAuthenticatedError, match="raw message delivery"):
        await Gate().admit(_ACCESS, {"Records": []})
