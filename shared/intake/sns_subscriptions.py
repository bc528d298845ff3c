"""Subscriptions of SNS, which confirm themselves once their message was verified."""

import logging
import re
from collections.abc import Mapping

from shared.egress import Http, check_status
from shared.intake.calls import Handshake
from shared.intake.sns_endpoint import Endpoint
from shared.model.errors import (
    DeferredError,
    MalformedEventError,
    PermanentError,
    RetryableError,
    SenderUnavailableError,
)

logger = logging.getLogger(__name__)

_TOKEN = re.compile(r"[A-Za-z0-9]{1,2048}")
_MAX_BYTES = 64 * 1024


async def answer_subscription(message: Mapping[str, str], *, http: Http, dataset: str) -> Handshake | None:
    """Confirm a subscription, or take note of one that ended; None: the message is a notification.

    ``message`` has been verified. Raises MalformedEventError, SenderUnavailableError.
    """
    match message["Type"]:
        case "SubscriptionConfirmation":
            await _confirm(message["TopicArn"], message["Token"], http=http)
            logger.info("subscription confirmed", extra={"action": "sns_subscribed", **_told(message, dataset)})
        case "UnsubscribeConfirmation":
            logger.warning("subscription ended", extra={"action": "sns_unsubscribed", **_told(message, dataset)})
        case _:
            return None
    return Handshake()


async def _confirm(topic: str, token: str, *, http: Http) -> None:
    """Ask the topic's own endpoint, by an address that is put together here: none of a message is ever visited."""
    if not _TOKEN.fullmatch(token):
        raise MalformedEventError("the message's Token has other characters than letters and digits")
    endpoint = Endpoint.of(topic)
    address = f"https://{endpoint.host}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}"
    try:
        async with http.request("GET", address, allow=endpoint.allow) as reply:
            check_status(reply)
            await reply.read(_MAX_BYTES)
    except (PermanentError, RetryableError, DeferredError) as error:
        raise SenderUnavailableError(f"the subscription can't be confirmed now: {error}") from error


def _told(message: Mapping[str, str], dataset: str) -> dict[str, str]:
    return {"dataset": dataset, "topic": message["TopicArn"]}
