"""Subscriptions of SNS."""

import logging

import pytest

from shared.intake import Handshake
from shared.model.errors import ForbiddenError, MalformedEventError, NotAuthenticatedError, SenderUnavailableError
from tests.fakes.egress import Answer, Asked
from tests.fakes.sns import CERTIFICATE, HOST, ISSUER, TOKEN, TOPIC
from tests.unit.intake.gate import Gate, access

_ACCESS = access(kind="sns", topics=[TOPIC])
_CONFIRMED = f"https://{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={TOKEN}"


async def test_a_subscription_confirms_itself(caplog: pytest.LogCaptureFixture) -> None:
    """Once its message was verified, SNS in the topic's region is told; the log says of which topic, not the token."""
    gate = Gate()

    with caplog.at_level(logging.INFO):
        answer = await gate.admit(_ACCESS, gate.sns.message("SubscriptionConfirmation"))

    assert answer == Handshake()
    assert gate.addresses() == [CERTIFICATE, ISSUER, _CONFIRMED]
    (record,) = [each.__dict__ for each in caplog.records]
    assert {name: record[name] for name in ("action", "dataset", "topic")} == {
        "action": "sns_subscribed",
        "dataset": "demo",
        "topic": TOPIC,
    }


@pytest.mark.parametrize("address", ["http://169.254.169.254/", f"https://{HOST}@example.org/", "", "file:///etc"])
async def test_its_address_is_never_visited(address: str) -> None:
    """Wherever SubscribeURL leads: the address that is asked is made of the topic and the token alone."""
    gate = Gate()

    await gate.admit(_ACCESS, gate.sns.message("SubscriptionConfirmation", SubscribeURL=address))

    assert gate.addresses()[-1] == _CONFIRMED


async def test_a_forged_subscription() -> None:
    """What isn't signed confirms nothing."""
    gate = Gate()
    message = {**gate.sns.message("SubscriptionConfirmation"), "Token": "other"}

    with pytest.raises(NotAuthenticatedError):
        await gate.admit(_ACCESS, message)

    assert gate.addresses() == [CERTIFICATE, ISSUER]


async def test_a_subscription_to_another_topic() -> None:
    """Nobody can subscribe this address to a topic of theirs."""
    gate = Gate()

    with pytest.raises(ForbiddenError):
        await gate.admit(_ACCESS, gate.sns.message("SubscriptionConfirmation", TopicArn=f"{TOPIC}2"))

    assert gate.addresses() == []


@pytest.mark.parametrize("token", ["", "a&Action=DeleteTopic", "a b", "\u00e9", "x" * 2049])
async def test_a_token_that_is_more(token: str) -> None:
    """A token that would say something else in an address isn't sent."""
    gate = Gate()

    with pytest.raises(MalformedEventError, match="Token"):
        await gate.admit(_ACCESS, gate.sns.message("SubscriptionConfirmation", Token=token))

    assert gate.addresses() == [CERTIFICATE, ISSUER]


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500])
async def test_a_confirmation_that_fails(status: int) -> None:
    """If SNS doesn't take it, SNS is told to send its message again; the error has no token in it."""
    gate = Gate()
    serve = gate.sns.serve

    def failing(asked: Asked) -> Answer:
        return Answer(status=status) if asked.url == _CONFIRMED else serve(asked)

    gate.sns.serve = failing

    with pytest.raises(SenderUnavailableError, match="can't be confirmed") as raised:
        await gate.admit(_ACCESS, gate.sns.message("SubscriptionConfirmation"))

    assert TOKEN not in str(raised.value)


async def test_a_subscription_that_ended(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged as a warning, and nobody subscribes again."""
    gate = Gate()

    answer = await gate.admit(_ACCESS, gate.sns.message("UnsubscribeConfirmation"))

    assert answer == Handshake()
    assert gate.addresses() == [CERTIFICATE, ISSUER]
    assert [(each.levelname, each.__dict__["action"]) for each in caplog.records] == [("WARNING", "sns_unsubscribed")]
