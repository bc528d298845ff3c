"""What is answered at the address for events."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from shared.api.events import answer_of, receive_event
from shared.api.exchange import Answer, Asked
from shared.intake import Handshake
from tests.fakes.senders import signed
from tests.unit.intake.payloads import event_grid
from tests.unit.intake.watching import taking
from tests.unit.intake.world import World


@pytest.fixture
def world() -> World:
    return World(taking())


async def _answer(world: World, document: Any) -> Answer:
    """What the address answers."""
    app: Any = SimpleNamespace(intake=world.intake())
    body = json.dumps(document).encode()
    asked = Asked(
        method="POST",
        url="https://sluice.example.org/api/events/demo?code=secret",
        params={"dataset": "demo"},
        headers={name.lower(): value for name, value in signed(body, at=world.clock()).items()},
        body=body,
    )
    return await receive_event(app, asked)


async def test_an_event_is_accepted(world: World) -> None:
    """202 with what became of it."""
    answer = await _answer(world, [event_grid()])

    assert (answer.status, answer.media_type) == (202, "application/json")
    assert json.loads(answer.body) == {"accepted": 1, "ignored": 0, "refused": []}


def test_a_handshake_is_answered() -> None:
    """A sender that only asks whether events are taken is told so by headers alone."""
    answer = answer_of(Handshake(headers={"WebHook-Allowed-Origin": "eventgrid.azure.net"}))

    assert answer == Answer(status=200, headers={"WebHook-Allowed-Origin": "eventgrid.azure.net"})


def test_a_handshake_with_a_body() -> None:
    """What the sender has to be told is answered as JSON."""
    answer = answer_of(Handshake(headers={"a": "b"}, body={"validationResponse": "512d38b6"}))

    assert answer == Answer(status=200, headers={"a": "b"}, body='{"validationResponse": "512d38b6"}')
