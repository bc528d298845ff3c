"""Every route, asked by somebody who has a key and means no good."""

import contextlib
import dataclasses
import json
from collections.abc import AsyncGenerator
from datetime import timedelta
from random import Random
from typing import Any, cast

from shared.api import ROUTES, Asked, Route, respond
from shared.clients import App, Process
from shared.discovery import Control
from shared.ledgers import Ledgers
from shared.model.messages import Queue
from shared.status import Status
from tests.fakes import MemoryActivities, MemoryLanes
from tests.fuzz.judging import Run
from tests.fuzz.mutating import mutated_headers, mutated_json, unwired, wire
from tests.fuzz.nasty import HREFS, NUMBERS, TEXTS, TIMES
from tests.fuzz.target import Target, check
from tests.unit.discovery.world import World
from tests.unit.intake.watching import taking
from tests.unit.intake.world import World as IntakeWorld
from tests.unit.ledgers.world import World as LedgerWorld
from tests.unit.poison.desk import Desk, poisoned

_FILTERS = {
    "queue": "copy",
    "class": "AssetNotFoundError",
    "host": "data.example.org",
    "dataset": "s2",
    "item": "s2/T32",
}
_BODIES: tuple[Any, ...] = (
    {"since": "2024-06-01T00:00:00Z", "until": "2024-07-01T00:00:00+02:00"},
    {**_FILTERS, "since": "7d", "text": "404", "dry_run": False, "rate": 5, "limit": 10},
    {"assets": [{"url": "https://data.example.org/a.tif"}]},
    {"what": "https://data.example.org/a.tif?sig=secret", "key": "red", "dataset": "demo"},
)
_QUERY = {**_FILTERS, "since": "2024-06-01T00:00:00Z", "text": "404", "limit": "10", "plan": "true", "code": "secret"}
_VALUES = (*TEXTS[:50], *HREFS[:20], *TIMES, *NUMBERS, "1d", "-1d", "99999999999d", "7D", "1 d", "0h", "true", "TRUE")


@contextlib.asynccontextmanager
async def _opened() -> AsyncGenerator[Run]:
    async def run(case: bytes) -> None:
        route, asked = _asked(case)
        answer = await respond(route, cast("Process", _Process(await _app())), asked)
        answer.body.encode()
        check(all("\n" not in each for pair in answer.headers.items() for each in pair), "a header of two lines")
        if answer.media_type == "application/json" and answer.body:
            json.loads(answer.body)

    yield run


@dataclasses.dataclass(frozen=True, slots=True)
class _Process:
    """What a route knows of the process."""

    opened: App

    async def app(self) -> App:
        """As ``Process.app``."""
        return self.opened

    async def is_healthy(self) -> bool:
        """As ``Process.is_healthy``."""
        return True


async def _app() -> App:
    """The use cases that routes call, on fakes in which a run, a plan and poison stand; nobody calls the others."""
    world, desk, intake = World({}), Desk(datasets=("s2", "demo")), IntakeWorld(taking())
    kept = LedgerWorld()
    await world.begin()
    desk.put(poisoned())
    desk.mailbox.put(Queue.PUBLISH.poison, "no Base64")
    parts: dict[str, Any] = dict.fromkeys(each.name for each in dataclasses.fields(App))
    parts |= {
        "starting": world.starting(),
        "planning": world.planning(),
        "control": Control(datasets=world.datasets, runs=world.runs, holds=world.holds, clock=world.clock),
        "intake": intake.intake(),
        "poison": desk.mending,
        "ledgers": Ledgers(datasets=kept.datasets, rows=kept.ledger, showing=kept.showing, rebuilding=kept.rebuilding),
        "status": Status(
            datasets=world.datasets,
            runs=world.runs,
            plans=world.plans,
            watermarks=world.watermarks,
            holds=world.holds,
            queues=world.queues,
            mailbox=desk.mailbox,
            activities=MemoryActivities(),
            lanes=MemoryLanes(),
            saturation=1.5,
            capacity=24,
            clock=lambda: world.clock() + timedelta(0),
        ),
    }
    return App(**parts)


def _asked(case: bytes) -> tuple[Route, Asked]:
    """What stands in a case's headers under q-, p- and h- is a query's, the route's, a header's."""
    headers, body = unwired(case)
    route = next((each for each in ROUTES if each.name == headers.get("Route")), ROUTES[0])

    def of(prefix: str) -> dict[str, str]:
        return {name[2:]: value for name, value in headers.items() if name.startswith(prefix)}

    asked = Asked(
        method=headers.get("Method", "POST"),
        url="https://app.example.org/api/datasets/demo/runs?code=secret",
        params={"dataset": "demo", "run": "run-1", "plan": "plan-1", "file": "page.js", **of("p-")},
        query=of("q-"),
        headers={name.lower(): value for name, value in of("h-").items()},
        body=body,
    )
    return route, asked


def _made(chance: Random) -> bytes:
    route = chance.choice(ROUTES)
    query = {f"q-{name}": value for name, value in _QUERY.items() if chance.random() < 0.3}
    params = {f"p-{name}": value for name, value in (("dataset", "demo"), ("run", "run-1"), ("plan", "plan-1"))}
    spoilt = mutated_headers(chance, {**query, **params, "h-x-ms-client-principal-name": "ada"}, values=_VALUES)
    body = b"" if chance.random() < 0.2 else mutated_json(chance, chance.choice(_BODIES))
    return wire([("Route", route.name), ("Method", chance.choice(route.methods)), *spoilt], body)


TARGETS = (Target(name="routes", make=_made, opened=_opened),)
