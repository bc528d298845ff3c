"""Calls that are signed with a shared secret.

::

    X-Sluice-Timestamp: 1717236000
    X-Sluice-Signature: sha256=<HMAC-SHA256 of "1717236000." and the body, in hex>
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from pydantic import SecretStr

from shared.intake.calls import Call
from shared.model.errors import ForbiddenError, NotAuthenticatedError
from shared.model.event_access import HmacAccess

_MAX_SKEW = timedelta(minutes=5)
_MIN_SECRET_LENGTH = 32
_HOW = 'X-Sluice-Timestamp: <seconds since 1970>, X-Sluice-Signature: sha256=<HMAC-SHA256 of "<timestamp>.<body>">'


def signature(secret: bytes, *, timestamp: str, body: bytes) -> str:
    """What a sender of this body at this time writes into X-Sluice-Signature."""
    return f"sha256={hmac.new(secret, f'{timestamp}.'.encode() + body, hashlib.sha256).hexdigest()}"


def check_signature(access: HmacAccess, call: Call, *, secrets: Mapping[str, SecretStr], now: datetime) -> None:
    """Raise NotAuthenticatedError unless a body is signed with one of the secrets, at most five minutes ago."""
    timestamp = call.headers.get("x-sluice-timestamp", "")
    given = call.headers.get("x-sluice-signature", "")
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or not re.fullmatch(r"sha256=[0-9a-fA-F]{64}", given):
        raise NotAuthenticatedError(f"the call isn't signed as events.auth wants it: {_HOW}")
    if abs(int(timestamp) - now.timestamp()) > _MAX_SKEW.total_seconds():
        raise NotAuthenticatedError(
            f"X-Sluice-Timestamp is {timestamp} and it is {now.timestamp():.0f} here: more than five minutes apart"
        )
    values = [secrets[name].get_secret_value().encode() for name in access.secrets.values()]
    _check_lengths(access, values)
    expected = [signature(each, timestamp=timestamp, body=call.body) for each in values]
    if not _matches(given.lower(), expected):
        raise NotAuthenticatedError("X-Sluice-Signature doesn't agree with body, timestamp and secret")


def _check_lengths(access: HmacAccess, values: Iterable[bytes]) -> None:
    for name, value in zip(access.secrets.values(), values, strict=True):
        if len(value) < _MIN_SECRET_LENGTH:
            raise ForbiddenError(
                f"the app setting {name} has fewer than {_MIN_SECRET_LENGTH} characters, which could be guessed; "
                "set it to what `openssl rand -hex 32` says, and the senders', too"
            )


def _matches(given: str, expected: Iterable[str]) -> bool:
    """Compare with each, in a time that tells nothing of where or which."""
    agreed = [hmac.compare_digest(given.encode(), each.encode()) for each in expected]
    return any(agreed)
