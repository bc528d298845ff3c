"""What is answered to those who may not send, and to those who only ask whether they may."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from shared.api.events import receive_event
from shared.api.exchange import Answer, Asked, Process, Route, respond
from shared.model.errors import (
    EventTooLargeError,
    ForbiddenError,
    MalformedEventError,
    NotAuthenticatedError,
    SenderUnavailableError,
    SluiceError,
    TooManyEventsError,
)
from tests.unit.intake.payloads import TOPIC
from tests.unit.intake.watching import taking
from tests.unit.intake.world import World


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (MalformedEventError("why"), 400, {}),
        (NotAuthenticatedError("why"), 401, {"WWW-Authenticate": "Sluice"}),
        (ForbiddenError("why"), 403, {}),
        (EventTooLargeError("why"), 413, {}),
    ],
)
async def test_a_refusal(error: SluiceError, status: int, headers: dict[str, str]) -> None:
    """Each has its status, and says why."""
    answer = await _responded(error)

    assert answer == Answer(body='{"error": "why"}', status=status, headers=headers)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (TooManyEventsError("why", retry_after_seconds=7), 429),
        (SenderUnavailableError("why", retry_after_seconds=7), 503),
    ],
)
async def test_later(error: SluiceError, status: int) -> None:
    """A sender that is to come again is told when, in the header that senders know."""
    answer = await _responded(error)

    assert answer == Answer(
        body='{"error": "why", "retry_after_seconds": 7}', status=status, headers={"Retry-After": "7"}
    )


async def test_a_subscription_is_validated() -> None:
    """Event Grid gets its code back from the address, and nothing is asked for."""
    world = World(taking(events={"auth": {"kind": "key", "topics": [TOPIC]}}))
    event = {
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "topic": TOPIC,
        "data": {"validationCode": "512d38b6"},
    }
    app: Any = SimpleNamespace(intake=world.intake())
    asked = Asked(
        method="POST",
        url="https://sluice.example.org/api/events/demo",
        params={"dataset": "demo"},
        headers={"aeg-event-type": "SubscriptionValidation"},
        body=json.dumps([event]).encode(),
    )

    answer = await receive_event(app, asked)

    assert answer == Answer(body='{"validationResponse": "512d38b6"}')
    assert world.requests() == []


async def _responded(error: SluiceError) -> Answer:
    async def raising(_: Process, __: Asked) -> Answer:
        raise error

    route = Route(name="receive_event", methods=("POST",), path="events/{dataset}", answer=raising)
    return await respond(route, Process(), Asked(method="POST", url="https://sluice.example.org/api/events/demo"))
