"""Everything that runs in a storm, and how hard it is to blow."""

import contextlib
import dataclasses
import http.client
import json
import random
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from demo.azurite import Azurite, azurite
from demo.kill import copies_in_flight
from tests.chaos.standing import BlobReader, Watch
from tests.chaos.storm.checker import Poisoned
from tests.chaos.storm.doors import Doors
from tests.chaos.storm.faults import Weather
from tests.chaos.storm.fleet import Fleet
from tests.chaos.storm.plan import File, Identity, Plan, datasets_toml, planned
from tests.chaos.storm.points import Points
from tests.chaos.storm.recovery import Deliveries
from tests.chaos.storm.source import LyingSource
from tests.end_to_end.background import in_background
from tests.end_to_end.exchanges import Caller
from tests.fakes.senders import SECRET_SETTING, signed

#: Less than Node's five seconds: no request is sent on a connection that Azurite is closing.
_IDLE_SECONDS = 2.0
_WATCHED_SECONDS = 4.0
_ASK_SECONDS = 8.0
_HEALTHY_SECONDS = 120.0
_LOOK_SECONDS = 0.2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """How hard it blows."""

    seed: int
    minutes: float
    kills_a_minute: float = 20.0
    #: It ends early once so many have died.
    most_kills: int | None = None
    slots: int = 3
    #: Whether hosts and apps reach storage by the doors.
    is_behind_doors: bool = True
    #: Finishes an app's folder: a sabotage.
    damage: Callable[[Path], None] = lambda _: None
    #: What is to be copied, by the port of the source; None: as the seed has it.
    plan: Callable[[int], Plan] | None = None


@dataclasses.dataclass(slots=True, kw_only=True)
class Stage:
    """Everything that runs, and what was asked of it."""

    storm: Storm
    plan: Plan
    storage: Azurite
    source: LyingSource
    doors: Doors
    watch: Watch
    fleet: Fleet
    chance: random.Random
    began: float = 0.0
    ended: float = 0.0
    duplicates: int = 0
    attempted: dict[Identity, File] = dataclasses.field(default_factory=dict[Identity, File])
    told: set[Identity] = dataclasses.field(default_factory=set[Identity])
    #: The datasets a run of which was acknowledged; and those whose run makes progress already, as far as is known.
    runs: list[str] = dataclasses.field(default_factory=list[str])
    refused_until: dict[str, float] = dataclasses.field(default_factory=dict[str, float])
    #: What messages were called, by their texts: those that the storm has sent itself.
    own: defaultdict[str, set[str]] = dataclasses.field(default_factory=lambda: defaultdict(set))
    sent_back: list[Poisoned] = dataclasses.field(default_factory=list[Poisoned])
    unfinished: list[str] = dataclasses.field(default_factory=list[str])
    poison: list[Poisoned] = dataclasses.field(default_factory=list[Poisoned])

    def deliveries(self) -> Deliveries:
        """All deliveries so far."""
        return Deliveries(self.fleet.logs)

    def in_flight(self) -> int:
        """How many copies are under way, also those of messages that somebody else has finished since."""
        return sum(copies_in_flight(host.events()) for host in self.fleet.hosts())


@contextlib.contextmanager
def staged(directory: Path, storm: Storm) -> Generator[Stage]:
    """Run everything in a directory until the block ends; no storm yet."""
    chance = random.Random(storm.seed)
    weather, points = Weather(random.Random(storm.seed + 1)), Points(random.Random(storm.seed + 2))
    with contextlib.ExitStack() as stack:
        storage = stack.enter_context(azurite(directory))
        around = _surroundings(storage, slots=storm.slots, weather=weather, points=points)
        source, doors, watch = stack.enter_context(in_background(around))
        if storm.plan is not None:
            plan = storm.plan(source.port)
        else:
            plan = planned(storm.seed, minutes=storm.minutes, port=source.port)
        source.serve(plan)

        def install(root: Path) -> None:
            text = datasets_toml(plan, port=source.port, secret_setting=SECRET_SETTING)
            (root / "datasets.toml").write_text(text, encoding="utf-8")
            storm.damage(root)

        def account(slot: int, caller: Caller) -> str:
            return doors.connection_string(slot, caller) if storm.is_behind_doors else storage.connection_string

        fleet = Fleet(
            directory,
            storage=storage,
            account=account,
            slots=storm.slots,
            install=install,
            leases=lambda: chance.choice([1.0, 1.5, 2.0]),
        )
        stack.enter_context(fleet.run())
        doors.executioner = fleet
        yield Stage(
            storm=storm,
            plan=plan,
            storage=storage,
            source=source,
            doors=doors,
            watch=watch,
            fleet=fleet,
            chance=chance,
        )


def wait_for_health(stage: Stage) -> None:
    deadline = time.monotonic() + _HEALTHY_SECONDS
    url = stage.fleet.url(stage.chance) or ""
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_ASK_SECONDS)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/api/health")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        time.sleep(_LOOK_SECONDS)
    raise AssertionError("no host is healthy")


def ask(stage: Stage, path: str, body: Mapping[str, Any]) -> int:
    """Ask any host by HTTP; 0 where none answered."""
    url = stage.fleet.url(stage.chance)
    if url is None:
        return 0
    text = json.dumps(body)
    headers = signed(text.encode(), at=datetime.now(UTC)) | {"Content-Type": "application/json"}
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_ASK_SECONDS)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("POST", f"/api/{path}", body=text, headers=headers)
        return connection.getresponse().status
    return 0


@contextlib.asynccontextmanager
async def _surroundings(
    storage: Azurite, *, slots: int, weather: Weather, points: Points
) -> AsyncGenerator[tuple[LyingSource, Doors, Watch]]:
    """What runs in this process, all of it in one event loop."""
    connector = aiohttp.TCPConnector(keepalive_timeout=_IDLE_SECONDS, limit=0)
    async with (
        aiohttp.ClientSession(connector=connector, auto_decompress=False) as session,
        LyingSource().listen() as source,
    ):
        reader = BlobReader(storage, session)
        made = Doors(storage, session=session, reader=reader, weather=weather, points=points)
        async with made.serve(slots=slots) as doors:
            watch = Watch(reader, blobs=lambda: doors.written_lately(seconds=_WATCHED_SECONDS))
            async with watch.keep():
                yield source, doors, watch
