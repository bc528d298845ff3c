"""Events that others send."""

import json

from shared.api.exchange import Answer, Asked
from shared.clients import App
from shared.intake import Call, Handshake, Received


async def receive_event(app: App, asked: Asked) -> Answer:
    """Take what an event asks for: 202 once a queue has it. Who only asks whether events are taken gets 200."""
    call = Call(method=asked.method, headers=asked.headers, body=asked.body)
    return answer_of(await app.intake.receive(asked.params["dataset"], call))


def answer_of(found: Received | Handshake) -> Answer:
    """What is answered to a call."""
    if isinstance(found, Handshake):
        body = json.dumps(dict(found.body)) if found.body else ""
        return Answer(body=body, status=found.status, headers=found.headers)
    return Answer.of(found, status=202)
