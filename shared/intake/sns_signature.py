r"""Messages of SNS, whose signature says that they are.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html::

    {"Type": "Notification", "MessageId": "22b80b92-…", "TopicArn": "arn:aws:sns:us-west-2:123456789012:scenes",
     "Message": "…", "Timestamp": "2024-06-01T10:00:01.000Z", "SignatureVersion": "2", "Signature": "<Base64>",
     "SigningCertURL": "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-7506….pem", …}
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from shared.catalogs.json_text import parse_json
from shared.intake.sns_certificates import Certificates
from shared.intake.sns_endpoint import Endpoint
from shared.model.errors import ForbiddenError, NotAuthenticatedError
from shared.model.event_access import SnsAccess
from shared.model.times import in_utc

#: What is signed of each type of message, in this order; a Subject only where there is one.
SIGNED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
        "SubscriptionConfirmation": (
            *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
        ),
        "UnsubscribeConfirmation": (
            *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
        ),
    }
)
_VERSION = "2"
_MAX_AGE = timedelta(hours=1)
_MAX_SKEW = timedelta(minutes=5)


async def verified_message(
    access: SnsAccess, body: bytes, *, certificates: Certificates, now: datetime
) -> Mapping[str, str]:
    """The signed fields of a message, once its signature was verified; no other field may be believed.

    Raises NotAuthenticatedError, ForbiddenError, and what ``Certificates.key`` raises.
    """
    message = _envelope(body)
    if message["TopicArn"] not in access.topics:
        raise ForbiddenError("the message is of a topic that isn't listed; add its ARN to events.auth.topics")
    _check_age(message["Timestamp"], now=now)
    endpoint = Endpoint.of(message["TopicArn"])
    if not endpoint.has_certificate(message["SigningCertURL"]):
        raise NotAuthenticatedError(
            f"SigningCertURL has to be https://{endpoint.host}/SimpleNotificationService-….pem, as SNS writes it"
        )
    key = await certificates.key(message["SigningCertURL"], endpoint=endpoint)
    try:
        key.verify(base64.b64decode(message["Signature"], validate=True), signed_text(message), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError) as error:
        raise NotAuthenticatedError("the signature doesn't agree with the message") from error
    return {name: message[name] for name in SIGNED[message["Type"]] if name in message}


def signed_text(message: Mapping[str, str]) -> bytes:
    """The text that SNS signs: a line for each name and each value; raises ValueError for what is no UTF-8."""
    names = SIGNED[message["Type"]]
    return "".join(f"{name}\n{message[name]}\n" for name in names if name in message).encode()


def _envelope(body: bytes) -> dict[str, str]:
    """A message's fields that are text, among them all that are needed."""
    try:
        document = parse_json(body)
    except (ValueError, RecursionError) as error:
        raise NotAuthenticatedError(f"no message of SNS: {error}") from error
    fields: Mapping[str, object] = document if isinstance(document, dict) else {}
    message = {name: value for name, value in fields.items() if isinstance(value, str)}
    names = SIGNED.get(message.get("Type", ""))
    if names is None:
        raise NotAuthenticatedError(
            "the body is no message of SNS, which has a Type and a signature; raw message delivery takes them away: "
            "turn it off for this subscription"
        )
    if message.get("SignatureVersion") != _VERSION:
        raise NotAuthenticatedError(
            "SignatureVersion has to be 2 (SHA-256): aws sns set-topic-attributes --topic-arn … "
            "--attribute-name SignatureVersion --attribute-value 2"
        )
    # Only a missing Subject is left out of what is signed.
    needed = {*names, "Signature", "SigningCertURL"} - {"Subject"}
    if missing := sorted(needed - message.keys()):
        raise NotAuthenticatedError(f"the message of SNS has no {', '.join(missing)}")
    return message


def _check_age(timestamp: str, *, now: datetime) -> None:
    try:
        at = in_utc(datetime.fromisoformat(timestamp))
    except ValueError as error:
        raise NotAuthenticatedError("the message's Timestamp is no time") from error
    if not now - _MAX_AGE <= at <= now + _MAX_SKEW:
        raise NotAuthenticatedError(
            f"the message is of {at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}: more than an hour old, or still to come"
        )
