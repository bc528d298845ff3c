"""Subscriptions of Event Grid and of CloudEvents."""

from typing import Any

import pytest

from shared.intake import Handshake
from shared.model.errors import ForbiddenError, MalformedEventError
from tests.unit.intake.gate import APP, ENTRA, TENANT, Gate, access, principal
from tests.unit.intake.payloads import TOPIC, cloud_event, event_grid

_ORIGIN = "eventgrid.azure.net"
_KEY = access(kind="key", topics=[TOPIC], origins=[_ORIGIN], per_minute=120)
_CODE = "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"
_VALIDATES = {"aeg-event-type": "SubscriptionValidation"}


def _validation(**values: Any) -> list[dict[str, Any]]:
    data = {"validationCode": _CODE, "validationUrl": "https://rp-eastus2.eventgrid.azure.net:553/validate?id=1"}
    event = {"id": "2d1781af", "topic": TOPIC, "subject": "", "data": data, "dataVersion": "2"}
    return [{**event, "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", **values}]


async def test_a_subscription_is_validated() -> None:
    """The code of an expected topic's subscription is sent back, and nobody is asked anything."""
    gate = Gate()

    answer = await gate.admit(_KEY, _validation(), headers=_VALIDATES)

    assert answer == Handshake(body={"validationResponse": _CODE})
    assert gate.addresses() == []


@pytest.mark.parametrize("topic", [TOPIC.upper(), TOPIC.lower()])
async def test_topics_in_any_case(topic: str) -> None:
    """Resource ids are the same in any case."""
    assert await Gate().admit(_KEY, _validation(topic=topic), headers=_VALIDATES) is not None


@pytest.mark.parametrize("topic", ["", f"{TOPIC}2", f"{TOPIC}/", None, [TOPIC], 7])
async def test_an_unexpected_subscription(topic: Any) -> None:
    """A subscription of any other topic isn't welcome, and gets no code."""
    with pytest.raises(ForbiddenError, match=r"events\.auth\.topics"):
        await Gate().admit(_KEY, _validation(topic=topic), headers=_VALIDATES)


async def test_no_topics() -> None:
    """Who lists no topics expects no subscription, though a caller with a token may send events of any."""
    gate = Gate(built_in_authentication=True)
    caller = principal(("tid", TENANT), ("azp", APP))

    passed = await gate.admit(access(**ENTRA), [event_grid()], headers=caller)
    with pytest.raises(ForbiddenError, match=r"events\.auth\.topics"):
        await gate.admit(access(**ENTRA), _validation(), headers={**_VALIDATES, **caller})

    assert passed is None


@pytest.mark.parametrize(
    "body",
    [
        [*_validation(), *_validation()],
        _validation(data={}),
        _validation(data={"validationCode": 7}),
        _validation(data={"validationCode": "a b"}),
        _validation(data={"validationCode": "x" * 257}),
        _validation(eventType="Microsoft.Storage.BlobCreated"),
        [],
    ],
)
async def test_no_validation(body: Any) -> None:
    """What says by its header that it is one has to be one event with a code."""
    with pytest.raises(MalformedEventError, match="SubscriptionValidation"):
        await Gate().admit(_KEY, body, headers=_VALIDATES)


async def test_a_validation_by_its_body_alone() -> None:
    """Without Event Grid's header it is an event like any other."""
    assert await Gate().admit(_KEY, _validation()) is None


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ([event_grid()], {}),
        ([event_grid(), event_grid()], {"aeg-event-type": "Notification"}),
        (cloud_event(), {}),
        ([cloud_event()], {}),
        ({"url": "u"}, {"ce-specversion": "1.0", "ce-source": TOPIC.replace("/", "%2F")}),
    ],
)
async def test_events_of_listed_topics(body: Any, headers: dict[str, str]) -> None:
    """Events of a listed topic pass, however they are written."""
    assert await Gate().admit(_KEY, body, headers=headers) is None


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ([event_grid(topic="/other")], {}),
        ([event_grid(), event_grid(topic="/other")], {}),
        ([event_grid(), cloud_event(source="/other")], {}),
        (cloud_event(source="/other"), {}),
        (cloud_event(source=None), {}),
        # As Event Grid's it is of a listed topic, as a CloudEvent of another.
        ([event_grid(specversion="1.0", source="/other")], {}),
        (event_grid(), {"ce-specversion": "1.0", "ce-source": "/other"}),
        (event_grid(), {"ce-specversion": "1.0"}),
    ],
)
async def test_events_of_other_topics(body: Any, headers: dict[str, str]) -> None:
    """One event of a topic that isn't listed, or that isn't told, and the call is refused."""
    with pytest.raises(ForbiddenError, match="isn't listed"):
        await Gate().admit(_KEY, body, headers=headers)


@pytest.mark.parametrize("body", [{"assets": []}, {"type": "Feature"}, [event_grid(), {"type": "Feature"}], 7, None])
async def test_a_key_alone(body: Any) -> None:
    """Whoever has but a key may speak of listed topics, and of nothing else."""
    with pytest.raises(ForbiddenError, match="hmac or entra"):
        await Gate().admit(_KEY, body)


async def test_a_token_and_topics() -> None:
    """With a token items and lists may come beside the events of listed topics, and those of others may not."""
    gate = Gate(built_in_authentication=True)
    of, caller = access(**ENTRA, topics=[TOPIC]), principal(("tid", TENANT), ("azp", APP))

    passed = [
        await gate.admit(of, {"assets": []}, headers=caller),
        await gate.admit(of, [event_grid()], headers=caller),
    ]
    with pytest.raises(ForbiddenError, match="isn't listed"):
        await gate.admit(of, [event_grid(topic="/other")], headers=caller)

    assert passed == [None, None]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100])
async def test_no_json(body: bytes) -> None:
    """What can't be read has no topic."""
    with pytest.raises(MalformedEventError, match="no JSON"):
        await Gate().admit(_KEY, body)


@pytest.mark.parametrize("origin", [_ORIGIN, "EventGrid.Azure.net"])
async def test_an_origin(origin: str) -> None:
    """CloudEvents' handshake grants an origin that is listed, and says how much may come."""
    answer = await Gate().admit(_KEY, method="OPTIONS", headers={"WebHook-Request-Origin": origin})

    assert answer == Handshake(
        headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "120", "Allow": "POST"}
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"WebHook-Request-Origin": "*"},
        {"WebHook-Request-Origin": "example.org"},
        {"WebHook-Request-Origin": f"{_ORIGIN}.example.org"},
        {"WebHook-Request-Origin": f"{_ORIGIN}\r\nSet-Cookie: a=b"},
        {"WebHook-Request-Origin": f"{_ORIGIN}, example.org"},
        {"WebHook-Request-Origin": _ORIGIN, "webhook-request-origin": "example.org"},
        {"WebHook-Request-Origin": "", "WebHook-Request-Callback": "https://169.254.169.254/"},
    ],
)
async def test_another_origin(headers: dict[str, str]) -> None:
    """Any other origin is refused, and no callback is ever asked."""
    gate = Gate()

    with pytest.raises(ForbiddenError, match=r"events\.auth\.origins"):
        await gate.admit(_KEY, method="OPTIONS", headers=headers)

    assert gate.addresses() == []


@pytest.mark.parametrize(
    "of",
    [
        access(kind="hmac", secret_setting="SOURCE_EVENTS"),
        access(kind="sns", topics=["arn:aws:sns:us-west-2:123456789012:scenes"]),
    ],
)
async def test_kinds_without_a_handshake(of: Any) -> None:
    """Who signs needs no handshake, and gets none."""
    with pytest.raises(ForbiddenError, match="no handshake"):
        await Gate().admit(of, method="OPTIONS", headers={"WebHook-Request-Origin": _ORIGIN})
