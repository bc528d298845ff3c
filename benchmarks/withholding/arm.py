"""One arm: production code with one sigma, its work, and what was seen from outside meanwhile."""

import contextlib
import dataclasses
import http.client
import json
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from azure.data.tables import TableClient
from azure.storage.queue import QueueServiceClient

from benchmarks import servers
from benchmarks.measured import RunFailedError
from benchmarks.withholding.calls import Call, read_calls
from benchmarks.withholding.counting import Span
from benchmarks.withholding.folder import BACKFILL, LIVE, PAUSED, install, streams_of
from benchmarks.withholding.plan import Plan, encode_streams
from benchmarks.withholding.reader import reading
from benchmarks.withholding.trickle import live_message, trickling
from demo.azurite import Azurite
from demo.host import Running, functions_host
from demo.processes import free_ports, running
from demo.status import start_run

_ROOT = Path(__file__).resolve().parent.parent.parent
_WORK = ("discover", "copy", "copy-later", "publish")
#: A client opens 16 connections to a host at most, and the slots want more.
_SOURCE_PORTS = 8
_POLL_SECONDS = 0.25
_QUEUES = "AzureFunctionsJobHost__extensions__queues__"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of one arm; times are seconds since 1970."""

    sigma: float
    calls: tuple[Call, ...]
    #: Files that the source was busy with, from when until when.
    served: tuple[Span, ...]
    #: When live assets came to an idle system; when the run went on; when the source was out, if it was.
    idle: Span
    run: Span
    outage: Span | None
    #: When the second run was paused, and until when it was watched.
    pause: Span | None
    #: Published items that lacked an asset when a reader first saw them.
    torn: int


def run_arm(plan: Plan, *, sigma: float, directory: Path) -> Seen:
    """Run an arm in a new directory. Raises RunFailedError where not all was done that can be."""
    with _world(plan, sigma=sigma, directory=directory) as world:
        live = trickling(plan, connection_string=world.wire.connection_string, ports=world.ports)
        with reading(world.storage.connection_string) as sight, live:
            began = time.time()
            time.sleep(plan.idle_seconds)
            idle = began, time.time()
            start_run(world.hosts[0].url, dataset=BACKFILL)
            outage = _outage(plan, world)
            _wait_until_done(world, until=idle[1] + plan.limit_seconds, lanes=_WORK)
            run = idle[1], time.time()
        _check(plan, world, published=sight.items)
        pause = _pause(plan, world) if plan.paused_after_seconds else None
    return Seen(
        sigma=sigma,
        calls=read_calls(directory / "wire.jsonl"),
        served=_served(directory / "source.jsonl"),
        idle=idle,
        run=run,
        outage=outage,
        pause=pause,
        torn=len(sight.torn),
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _World:
    """Everything that runs."""

    #: The account itself, and with the wire in the place of its queue service.
    storage: Azurite
    wire: Azurite
    #: The source's.
    ports: Sequence[int]
    hosts: Sequence[Running]


@contextlib.contextmanager
def _world(plan: Plan, *, sigma: float, directory: Path) -> Generator[_World]:
    with contextlib.ExitStack() as stack:
        storage = stack.enter_context(servers.azurite(directory, on_disk=False)).storage
        wire_port, *ports = free_ports(1 + _SOURCE_PORTS)
        wire_log, source_log = directory / "wire.jsonl", directory / "source.jsonl"
        wire_command = _module("wire", str(wire_port), str(storage.queue_port), str(wire_log))
        source_command = _module("source", encode_streams(streams_of(plan)), str(source_log), *map(str, ports))
        stack.enter_context(running(wire_command, log=directory / "wire.log", ports=(wire_port,), directory=_ROOT))
        stack.enter_context(running(source_command, log=directory / "source.log", ports=ports, directory=_ROOT))
        wire = dataclasses.replace(storage, queue_port=wire_port)
        root = install(directory / "app", plan, ports=ports)
        settings = _settings(plan, sigma=sigma, connection_string=wire.connection_string)
        hosts = [
            stack.enter_context(
                functions_host(root, storage=storage, environment=settings, log_json=directory / f"host-{number}.jsonl")
            )
            for number in range(plan.instances)
        ]
        world = _World(storage=storage, wire=wire, ports=ports, hosts=hosts)
        _warm(world)
        yield world


def _settings(plan: Plan, *, sigma: float, connection_string: str) -> Mapping[str, str]:
    return {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "SluiceStorage": connection_string,
        "STORAGE_CREATE_MISSING": "true",
        "DATASETS_FILE": "datasets.toml",
        # Once a year: the experiment asks by itself.
        "DISCOVER_SCHEDULE": "0 0 0 1 1 *",
        "DISCOVER_SATURATION": str(sigma),
        "DISCOVER_INSTANCES": str(plan.instances),
        "DISCOVER_RECHECK_SECONDS": str(plan.recheck_seconds),
        f"{_QUEUES}batchSize": str(plan.batch_size),
        f"{_QUEUES}newBatchThreshold": str(plan.new_batch_threshold),
        f"{_QUEUES}visibilityTimeout": f"00:00:{plan.retry_seconds:02}",
        f"{_QUEUES}maxPollingInterval": f"00:00:{plan.polling_seconds:06.3f}",
    }


def _warm(world: _World) -> None:
    """Let every host open its app and copy something."""
    for each in world.hosts:
        _ask("GET", f"{each.url}/api/health", wanted=200)
    with QueueServiceClient.from_connection_string(world.storage.connection_string) as service:
        queue = service.get_queue_client("copy-live")
        for number in range(8 * len(world.hosts)):
            queue.send_message(live_message(900_000 + number, ports=world.ports), time_to_live=-1)
    _wait_until_done(world, until=time.time() + 60, lanes=("copy-live",))


def _outage(plan: Plan, world: _World) -> Span | None:
    """Let the source be out once, some time after the run began; returns from when until when."""
    if not plan.outage_seconds:
        return None
    time.sleep(plan.expected_seconds * plan.outage_after)
    began = time.time()
    _ask("POST", f"http://127.0.0.1:{world.ports[0]}/outage/{plan.outage_seconds}", wanted=202)
    return began, began + plan.outage_seconds


def _pause(plan: Plan, world: _World) -> Span:
    """Begin a second run, pause its dataset, and see what is sent all the same."""
    start_run(world.hosts[0].url, dataset=PAUSED)
    time.sleep(plan.paused_after_seconds)
    _ask("PUT", f"{world.hosts[0].url}/api/datasets/{PAUSED}/pause", wanted=200)
    paused = time.time()
    time.sleep(plan.watched_seconds)
    return paused, time.time()


def _wait_until_done(world: _World, *, until: float, lanes: Sequence[str]) -> None:
    """Wait until nothing stands in these queues, in their order: what discovery sends, it sends before it is done."""
    with QueueServiceClient.from_connection_string(world.storage.connection_string) as service:
        queues = [service.get_queue_client(each) for each in lanes]
        while any(each.get_queue_properties().approximate_message_count for each in queues):
            if time.time() > until:
                raise RunFailedError("it wasn't done in time")
            time.sleep(_POLL_SECONDS)


def _check(plan: Plan, world: _World, *, published: int) -> None:
    """Count rows of the ledger and items that a reader has seen, so that who loses some can't be the fastest."""
    with TableClient.from_connection_string(world.storage.connection_string, "ledger") as ledger:
        found = ledger.query_entities(
            "PartitionKey ge @first and PartitionKey lt @end",
            parameters={"first": f"{BACKFILL}-", "end": f"{BACKFILL}."},
            select=["PartitionKey"],
        )
        rows = sum(1 for _ in found)
    if rows != plan.assets - plan.missing:
        raise RunFailedError(f"the ledger has {rows} rows; {plan.assets} assets less {plan.missing} were to be copied")
    if published != plan.whole_items:
        raise RunFailedError(f"{published} items are published, and {plan.whole_items} are whole")


def _served(log: Path) -> tuple[Span, ...]:
    lines = (json.loads(line) for line in log.read_text(encoding="utf-8").splitlines())
    return tuple((each["began"], each["ended"]) for each in lines if not each["target"].startswith(f"/{LIVE}/"))


def _ask(method: str, url: str, *, wanted: int) -> None:
    """Ask; raises RunFailedError for any other status than the one that is wanted."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    with contextlib.closing(connection):
        connection.request(method, parts.path)
        answer = connection.getresponse()
        said = answer.read()
    if answer.status != wanted:
        raise RunFailedError(f"{method} {parts.path} answers {answer.status}: {said[:300]!r}")


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.withholding.{name}", *arguments]
