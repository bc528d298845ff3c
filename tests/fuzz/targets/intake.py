"""Calls at the address for events: everybody on the internet may send them."""

import base64
import contextlib
import functools
import json
from collections.abc import AsyncGenerator, Mapping
from random import Random
from typing import Any, Literal

from shared.api.events import answer_of
from shared.intake import Call, Handshake
from shared.model.errors import (
    EventTooLargeError,
    ForbiddenError,
    MalformedEventError,
    NotAuthenticatedError,
    SenderUnavailableError,
    TooManyEventsError,
)
from shared.model.event_access import EventAccess
from tests.fakes.senders import SECRET, SECRET_SETTING, signed
from tests.fakes.sns import TOPIC as SNS_TOPIC
from tests.fuzz.judging import Run
from tests.fuzz.mutating import mutated_headers, mutated_json, unwired, wire
from tests.fuzz.nasty import HREFS, TEXTS, TIMES
from tests.fuzz.target import Target
from tests.unit.intake.gate import APP, ENTRA, OBJECT, TENANT, Gate, access, principal
from tests.unit.intake.payloads import (
    TOPIC,
    blob_data,
    cloud_event,
    collection,
    event_grid,
    notification,
    s3_record,
    stac_item,
    subject,
)
from tests.unit.intake.watching import read, taking, taking_sns
from tests.unit.intake.world import World
from tests.unit.model.builders import NOON

#: What a caller is answered with a status of its own; each is in ``HTTP_STATUS``.
ANSWERED = (
    *(MalformedEventError, EventTooLargeError, NotAuthenticatedError, ForbiddenError, TooManyEventsError),
    SenderUnavailableError,
)
_LIST = {"assets": [{"url": "https://data.example.org/a.tif", "size": 3, "checksum": "md5:" + "0" * 32, "item": "one"}]}
_BODIES: tuple[Any, ...] = (
    [event_grid()],
    [event_grid(), event_grid(eventType="Microsoft.Storage.BlobDeleted")],
    cloud_event(),
    [cloud_event(), cloud_event(stac_item())],
    cloud_event(collection(stac_item())),
    blob_data(),
    stac_item("001", "data", "more"),
    collection(stac_item(), stac_item("002")),
    _LIST,
    {"Records": [s3_record()]},
    cloud_event(None, data_base64=base64.b64encode(json.dumps(stac_item()).encode()).decode()),
)
_MESSAGES: tuple[Any, ...] = (
    {"Records": [s3_record(), s3_record("b%20+c.tif", eventName="ObjectRemoved:Delete")]},
    stac_item(),
    collection(stac_item()),
    _LIST,
)
_BINARY = {
    "ce-specversion": "1.0",
    "ce-type": "Microsoft.Storage.BlobCreated",
    "ce-source": TOPIC,
    "ce-id": "1",
    "ce-time": "2024-06-01T10:00:00Z",
    "ce-subject": subject(),
    "content-type": "application/json; charset=utf-8",
}
_VALUES = (*TEXTS[:40], *HREFS[:20], *TIMES)
_ENTRA_CLAIMS = (("tid", TENANT), ("azp", APP), ("oid", OBJECT), ("roles", "Sender"))
_ACCESSES: Mapping[str, EventAccess] = {
    "hmac": access(kind="hmac", secret_setting=SECRET_SETTING),
    "entra": access(**ENTRA, topics=[TOPIC], role="Sender", origins=["eventgrid.azure.net"]),
    "key": access(kind="key", topics=[TOPIC], origins=["eventgrid.azure.net"]),
    "sns": access(kind="sns", topics=[SNS_TOPIC]),
}


async def _events(case: bytes, *, parts: Mapping[str, Any]) -> None:
    """A signed call of somebody who may send; what is accepted is asked for."""
    headers, body = unwired(case)
    world = World(taking(**parts))
    call = Call(method="POST", headers={**headers, **signed(body, at=NOON)}, body=body)
    found = await world.intake().receive("demo", call)
    answer_of(found).body.encode()
    if not isinstance(found, Handshake):
        assert sum(len(each.assets) for each in world.requests()) == found.accepted


async def _sns_events(case: bytes) -> None:
    """A notification whose signature is right, so that its message is read."""
    read(case, of=taking_sns())


@contextlib.asynccontextmanager
async def _guards() -> AsyncGenerator[Run]:
    """One process's guards: certificates are kept in it, and calls counted."""
    gate = Gate(secrets={SECRET_SETTING: SECRET}, built_in_authentication=True)

    async def run(case: bytes) -> None:
        gate.seconds += 3600
        headers, body = unwired(case)
        kind, method = headers.pop("Kind", ""), headers.pop("Method", "")
        of = _ACCESSES.get(kind, _ACCESSES["sns"])
        if kind == "sns-signed":
            body = _signed(gate, body)
        handshake = await gate.admit(of, body, method=method, headers=headers)
        if handshake is not None:
            answer_of(handshake).body.encode()

    yield run


def _signed(gate: Gate, body: bytes) -> bytes:
    """A message of SNS with these fields, signed."""
    with contextlib.suppress(ValueError, RecursionError, TypeError, AttributeError, KeyError):
        document = json.loads(body)
        fields = {name: value for name, value in document.items() if isinstance(value, str)}
        kind = fields.pop("Type", "Notification")
        fields.pop("Signature", None)
        return json.dumps(gate.sns.message(kind, **fields)).encode()
    return body


def _made_event(chance: Random) -> bytes:
    if chance.random() < 0.2:
        return wire(mutated_headers(chance, _BINARY, values=_VALUES), mutated_json(chance, chance.choice(_BODIES)))
    return wire([("content-type", "application/json")], mutated_json(chance, chance.choice(_BODIES)))


def _made_notification(chance: Random) -> bytes:
    message = mutated_json(chance, chance.choice(_MESSAGES)).decode("utf-8", "replace")
    honest = notification(message if chance.random() < 0.7 else chance.choice(_MESSAGES))
    return mutated_json(chance, honest) if chance.random() < 0.5 else json.dumps(honest).encode()


def _made_call(chance: Random) -> bytes:
    kind: Literal["hmac", "entra", "key", "sns", "sns-signed"] = chance.choice(
        ("hmac", "entra", "key", "sns", "sns-signed")
    )
    gate_message = {
        **notification("x"),
        "Type": chance.choice(("Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation")),
        "TopicArn": SNS_TOPIC,
        "Token": "t",
        "SubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription",
    }
    validation = [
        {
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "topic": TOPIC,
            "data": {"validationCode": "c"},
        }
    ]
    body = mutated_json(chance, gate_message if kind.startswith("sns") else chance.choice((*_BODIES, validation)))
    headers = {
        "aeg-event-type": chance.choice(("Notification", "SubscriptionValidation")),
        "webhook-request-origin": "eventgrid.azure.net",
        **signed(body, at=NOON),
        **principal(*_ENTRA_CLAIMS),
    }
    if kind == "entra":
        claims = {
            "auth_typ": "aad",
            "role_typ": "roles",
            "claims": [{"typ": typ, "val": val} for typ, val in _ENTRA_CLAIMS],
        }
        headers["X-MS-CLIENT-PRINCIPAL"] = base64.b64encode(mutated_json(chance, claims)).decode()
    spoilt = mutated_headers(chance, headers, values=_VALUES)
    return wire([("Kind", kind), ("Method", chance.choice(("POST", "POST", "POST", "OPTIONS"))), *spoilt], body)


TARGETS = (
    Target.of("events", make=_made_event, run=functools.partial(_events, parts={}), allowed=ANSWERED),
    Target.of(
        "events-published", make=_made_event, run=functools.partial(_events, parts={"publish": {}}), allowed=ANSWERED
    ),
    Target.of("events-sns", make=_made_notification, run=_sns_events, allowed=ANSWERED),
    Target(name="guards", make=_made_call, opened=_guards, allowed=ANSWERED),
)
