"""Where the races are run: Azurite, a source that flips, and several hosts with a worker each on the same queues."""

import asyncio
import base64
import contextlib
import dataclasses
import os
import shutil
import signal
import time
import urllib.request
from collections.abc import AsyncGenerator, Generator, Iterable, Mapping, Sequence
from pathlib import Path

import aiohttp
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from demo.azurite import Azurite, azurite
from demo.evidence import read_poison, read_rows
from demo.host import Running, functions_host
from demo.kill import copies_in_flight
from functions_host.events import EventKind
from shared.model.messages import LANES, Queue
from tests.chaos.blob_log import BlobLog
from tests.chaos.flipping import FlippingSource
from tests.chaos.plants import Plant, plant
from tests.chaos.race import DATASET, Race
from tests.chaos.standing import BLOCK_BYTES, CONTAINER, BlobReader, Standing, Watch
from tests.chaos.verdict import Evidence, Identity
from tests.end_to_end.background import in_background

LEASE_SECONDS = 1.0

_ROOT = Path(__file__).resolve().parent.parent.parent
_QUEUES = "AzureFunctionsJobHost__extensions__queues"
_START_SECONDS = 30.0
#: A host that is stopped for so long loses its leases, while its worker goes on.
_STOPPED_SECONDS, _BETWEEN_STOPS_SECONDS = 1.6, 2.0
#: A blob is looked at until nobody has written to it for so long.
_WATCHED_SECONDS = 3.0
#: Less than Node's five seconds: no request is sent on a connection that Azurite is closing.
_IDLE_SECONDS = 2.0

_DATASETS = f"""
[datasets.{DATASET}]
catalog = {{{{ kind = "manifest", url = "http://127.0.0.1:{{port}}/none.csv" }}}}
destination = {{{{ container = "{CONTAINER}", name = "{{{{dataset}}}}/{{{{path}}}}" }}}}

[datasets.{DATASET}.allow]
hosts = ["127.0.0.1"]
http_hosts = ["127.0.0.1"]
ports = [{{port}}]
private_networks = ["127.0.0.0/8"]
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Arena:
    """Everything that runs."""

    storage: Azurite
    source: FlippingSource
    log: BlobLog
    watch: Watch
    hosts: Sequence[Running]
    lanes: Mapping[Queue, QueueClient]

    def send(self, race: Race) -> None:
        """Put all messages of a race into their lanes."""
        for lane, request in race.requests:
            self.lanes[lane].send_message(base64.b64encode(request.encode().encode()).decode(), time_to_live=-1)

    def outstanding(self) -> int:
        """How many messages stand in the lanes, visible or not."""
        properties = [each.get_queue_properties() for each in self.lanes.values()]
        return sum(each.approximate_message_count or 0 for each in properties)

    def in_flight(self) -> int:
        """How many copies are under way, also those of messages that somebody else has finished since."""
        return sum(copies_in_flight(host.events()) for host in self.hosts)

    def repeated_deliveries(self) -> int:
        """How many deliveries were not the first of their message."""
        events = (each for host in self.hosts for each in host.events())
        return sum(each.kind is EventKind.EXECUTING and (each.dequeue_count or 0) > 1 for each in events)

    def evidence(self, races: Sequence[Race]) -> Evidence:
        """Read everything there is."""
        return Evidence(
            races=races,
            served=self.source.served,
            writes=tuple(self.log.writes),
            seen=tuple(self.watch.seen),
            standing=asyncio.run(_read_all(self.storage, [asset.name for race in races for asset in race.assets])),
            rows={(each.item, each.key): each for each in read_rows(self.storage.connection_string).values()},
            poison=dict(self._poison()),
            outstanding=self.outstanding() + self.in_flight(),
        )

    def _poison(self) -> Generator[tuple[Identity, str]]:
        for lane in LANES:
            with _queue(self.storage, lane.poison) as queue, contextlib.suppress(ResourceNotFoundError):
                for message in queue.receive_messages(messages_per_page=32, visibility_timeout=600):
                    assets, error = read_poison(str(message.content))
                    yield from ((each, error or f"the host moved it from {lane}") for each in assets)


@contextlib.contextmanager
def open_arena(directory: Path, *, workers: int, fault: Plant | None = None) -> Generator[Arena]:
    """Run everything in a directory until the block ends; enter when every worker has opened its app."""
    with contextlib.ExitStack() as stack:
        storage = stack.enter_context(azurite(directory))
        source, log, watch = stack.enter_context(in_background(_surroundings(storage, workers=workers)))
        root = _install(directory / "app", port=source.port, fault=fault)
        hosts: list[Running] = []
        for number in range(workers):
            host = functions_host(
                root,
                storage=storage,
                environment=_settings(storage, blobs=log.connection_string(number)),
                log_json=directory / f"host-{number}.jsonl",
                lease_seconds=LEASE_SECONDS,
            )
            hosts.append(stack.enter_context(host))
            _wait_until_healthy(hosts[-1])
        lanes = {lane: stack.enter_context(_queue(storage, lane)) for lane in LANES}
        yield Arena(storage=storage, source=source, log=log, watch=watch, hosts=hosts, lanes=lanes)


@contextlib.asynccontextmanager
async def stopping(hosts: Iterable[Running]) -> AsyncGenerator[None]:
    """Stop one host after the other for longer than a lease, as an overloaded node does, until the block ends."""

    async def stop_in_turn() -> None:
        while True:
            for host in hosts:
                await asyncio.sleep(_BETWEEN_STOPS_SECONDS)
                os.kill(host.pid, signal.SIGSTOP)
                try:
                    await asyncio.sleep(_STOPPED_SECONDS)
                finally:
                    os.kill(host.pid, signal.SIGCONT)

    task = asyncio.create_task(stop_in_turn())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def _surroundings(storage: Azurite, *, workers: int) -> AsyncGenerator[tuple[FlippingSource, BlobLog, Watch]]:
    """What runs in this process, all of it in one event loop."""
    async with _session() as session, FlippingSource().serve() as source:
        reader = BlobReader(storage, session)
        async with BlobLog(storage, session=session, reader=reader).serve(workers=workers) as log:
            watch = Watch(reader, blobs=lambda: log.written_lately(seconds=_WATCHED_SECONDS))
            async with watch.keep():
                yield source, log, watch


async def _read_all(storage: Azurite, blobs: Iterable[str]) -> dict[str, Standing]:
    async with _session() as session:
        return await BlobReader(storage, session).read_all(blobs)


def _queue(storage: Azurite, name: str) -> QueueClient:
    return QueueClient.from_connection_string(storage.connection_string, name)


def _session() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(keepalive_timeout=_IDLE_SECONDS)
    return aiohttp.ClientSession(connector=connector, auto_decompress=False)


def _install(root: Path, *, port: int, fault: Plant | None) -> Path:
    """Put the app into a folder as a deployment does, with a dataset of ours and perhaps a fault."""
    root.mkdir()
    for name in ("function_app.py", "host.json"):
        shutil.copy(_ROOT / name, root)
    shutil.copytree(_ROOT / "shared", root / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "datasets.toml").write_text(_DATASETS.format(port=port), encoding="utf-8")
    if fault is not None:
        plant(root, fault)
    return root


def _settings(storage: Azurite, *, blobs: str) -> Mapping[str, str]:
    """Small batches, so that each host gets some of the messages; short waits."""
    return {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        # The host looks under the longer name first, the app under the shorter one only.
        "AzureWebJobsSluiceStorage": storage.connection_string,
        "SluiceStorage": blobs,
        "STORAGE_CREATE_MISSING": "true",
        "DATASETS_FILE": "datasets.toml",
        "DISCOVER_SCHEDULE": "0 0 0 1 1 *",
        # Nothing is discovered here, and each look at a queue is Azurite's work.
        "AzureWebJobs.discover_page.Disabled": "true",
        "COPY_BLOCK_MIB": str(BLOCK_BYTES // (1024 * 1024)),
        f"{_QUEUES}__batchSize": "1",
        f"{_QUEUES}__newBatchThreshold": "11",
        f"{_QUEUES}__visibilityTimeout": "00:00:01",
        f"{_QUEUES}__maxPollingInterval": "00:00:00.2",
    }


def _wait_until_healthy(host: Running) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{host.url}/api/health", timeout=5):
            return
        assert time.monotonic() < deadline, f"a host isn't healthy; its log ends with:\n{host.log.read_text()[-2000:]}"
        time.sleep(0.05)
