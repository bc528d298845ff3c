"""A sender of events that signs them, as docs/intake.md says that it is done."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

SECRET_SETTING = "SOURCE_EVENTS"
SECRET = "a secret that has thirty-two characters"
AUTH: Mapping[str, str] = {"kind": "hmac", "secret_setting": SECRET_SETTING}


def signed(body: bytes, *, at: datetime) -> dict[str, str]:
    """The headers that go with a body."""
    timestamp = str(int(at.timestamp()))
    digest = hmac.new(SECRET.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Sluice-Timestamp": timestamp, "X-Sluice-Signature": f"sha256={digest}"}
