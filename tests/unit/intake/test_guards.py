"""What holds for every way of telling who sends."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.intake import Call, Handshake
from shared.intake.guards import MAX_BODY_BYTES
from shared.intake.hmac_signature import signature
from shared.model.errors import HTTP_STATUS, EventTooLargeError, NotAuthenticatedError, TooManyEventsError
from tests.fakes.sns import TOPIC as SNS_TOPIC
from tests.unit.intake.gate import APP, ENTRA, TENANT, Gate, access, principal
from tests.unit.intake.payloads import TOPIC, event_grid
from tests.unit.model.builders import NOON

_SECRET = "s3cret-of-thirty-two-characters!"
_HMAC = access(kind="hmac", secret_setting="SOURCE_EVENTS", per_minute=2)
_KINDS = (
    _HMAC,
    access(**ENTRA, topics=[TOPIC], origins=["example.org"], role="r"),
    access(**ENTRA),
    access(kind="sns", topics=[SNS_TOPIC]),
    access(kind="key", topics=[TOPIC], origins=["example.org"]),
)
_NAMES = st.sampled_from(
    [
        *("X-Sluice-Timestamp", "x-sluice-signature", "X-MS-CLIENT-PRINCIPAL", "aeg-event-type"),
        *("WebHook-Request-Origin", "ce-specversion", "CE-Source", "webhook-request-origin"),
    ]
)
_VALUES = st.one_of(
    st.text(max_size=80),
    st.sampled_from(["SubscriptionValidation", "1.0", TOPIC, "example.org", str(int(NOON.timestamp()))]),
    st.just(f"sha256={'0' * 64}"),
    st.just(principal(("tid", TENANT), ("azp", APP))["X-MS-CLIENT-PRINCIPAL"]),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["Type", "TopicArn", "topic", "source", "specversion", "eventType", "data", "validationCode"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
_BODIES = st.one_of(st.binary(max_size=200), _JSON.map(lambda each: json.dumps(each).encode()))


def _gate() -> Gate:
    return Gate(secrets={"SOURCE_EVENTS": _SECRET}, built_in_authentication=True)


def _signed(body: bytes) -> dict[str, str]:
    timestamp = str(int(NOON.timestamp()))
    return {
        "X-Sluice-Timestamp": timestamp,
        "X-Sluice-Signature": signature(_SECRET.encode(), timestamp=timestamp, body=body),
    }


@pytest.mark.parametrize("of", _KINDS, ids=lambda of: of.kind)
async def test_a_large_body(of: Any) -> None:
    """A body of more than a mebibyte is refused unread, and the error says so."""
    with pytest.raises(EventTooLargeError, match="more than 1048576 bytes"):
        await _gate().admit(of, b"\xff" * (MAX_BODY_BYTES + 1))


async def test_the_largest_body() -> None:
    """A mebibyte is taken."""
    body = b" " * MAX_BODY_BYTES

    assert await _gate().admit(_HMAC, body, headers=_signed(body)) is None


async def test_a_flood() -> None:
    """What comes beyond a dataset's rate is told when to come again; another dataset's isn't concerned."""
    gate = _gate()
    for _ in range(2):
        await gate.admit(_HMAC, b"", headers=_signed(b""))

    with pytest.raises(TooManyEventsError, match="calls for demo: more than 2 in a minute") as raised:
        await gate.admit(_HMAC, b"", headers=_signed(b""))
    other = await gate.admit(_HMAC, b"", headers=_signed(b""), dataset="other")
    gate.seconds += raised.value.retry_after_seconds
    later = await gate.admit(_HMAC, b"", headers=_signed(b""))

    assert raised.value.retry_after_seconds == 30
    assert (other, later) == (None, None)


async def test_a_flood_of_strangers() -> None:
    """Who may not send uses up nobody's rate."""
    gate = _gate()
    for _ in range(5):
        with pytest.raises(NotAuthenticatedError):
            await gate.admit(_HMAC, b"", headers=_signed(b"other"))

    assert await gate.admit(_HMAC, b"", headers=_signed(b"")) is None


async def test_every_kind_is_counted() -> None:
    """However its sender is known, a call counts."""
    gate = _gate()
    sender = principal(("tid", TENANT), ("azp", APP))
    calls: list[tuple[Any, Any, dict[str, str]]] = [
        (access(**ENTRA, per_minute=1), b"", sender),
        (access(kind="sns", topics=[SNS_TOPIC], per_minute=1), gate.sns.message(), {}),
        (access(kind="key", topics=[TOPIC], per_minute=1), [event_grid()], {}),
    ]
    for of, body, headers in calls:
        assert await gate.admit(of, body, headers=headers, dataset=of.kind) is None

        with pytest.raises(TooManyEventsError):
            await gate.admit(of, body, headers=headers, dataset=of.kind)


def test_headers_in_lower_case() -> None:
    """A call's headers have names in lower case; what came under one name twice is joined."""
    call = Call(method="POST", headers={"X-A": "1", "x-b": "2", "x-a": "3"})

    assert dict(call.headers) == {"x-a": "1, 3", "x-b": "2"}


@settings(max_examples=150)
@given(
    of=st.sampled_from(_KINDS),
    method=st.sampled_from(["POST", "OPTIONS"]),
    headers=st.dictionaries(_NAMES, _VALUES, max_size=5),
    body=_BODIES,
)
@example(of=_KINDS[2], method="POST", headers={"x-ms-client-principal": "e30="}, body=b"{}")
async def test_anything_at_all(of: Any, method: str, headers: dict[str, str], body: bytes) -> None:
    """Whatever is sent, it passes or is refused by an error that has an answer; nobody elsewhere is asked anything."""
    gate = _gate()
    try:
        answer = await gate.admit(of, body, method=method, headers=headers)
    except tuple(HTTP_STATUS):
        answer = None

    assert answer is None or isinstance(answer, Handshake)
    assert gate.addresses() == []
