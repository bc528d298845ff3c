"""The whole pipeline, as it is deployed: the app in a folder of its own, run by the local Functions host on Azurite."""

import base64
import contextlib
import dataclasses
import http.client
import json
import os
import shutil
import signal
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import urlsplit

from azure.data.tables import TableClient
from azure.storage.blob import BlobClient, ContainerClient
from azure.storage.queue import QueueClient, QueueMessage

from demo.azurite import ACCOUNT, Azurite, azurite
from demo.evidence import RowFact, read_rows
from demo.host import Running, functions_host
from functions_host.events import Event, EventKind
from shared.model.assets import Asset
from shared.model.messages import CopyRequest, Queue
from tests.end_to_end.background import in_background
from tests.end_to_end.exchanges import Caller, Exchange, expiring
from tests.end_to_end.wire import Wire
from tests.fakes.raw_server import Answer, RawServer, raw_server, reply
from tests.fakes.senders import SECRET, SECRET_SETTING, signed

WAIT_SECONDS = 30.0
CONTAINER = "assets"
#: Datasets with a manifest each: pages of four lines. Copy requests that a test sends itself are of the first.
DATASETS = (
    *("direct", "doubled", "killed", "held", "asked", "sent", "smoke", "paused", "cancelled", "told", "watched"),
    *("planned", "capped", "receipts", "rebuilt", "steered", "singles", "counted", "verified", "hurried"),
)
#: Those of them that publish their items.
_PUBLISHING = ("sent", "told")
#: The one that is stale a second after it was read.
HURRIED = "hurried"
#: What a run of ``capped`` may ask for.
CAPS = {"max_assets": 3}
#: A larger asset is staged in blocks.
BLOCK_BYTES = 1024 * 1024

_ROOT = Path(__file__).resolve().parent.parent.parent
_QUEUES = "AzureFunctionsJobHost__extensions__queues"
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
#: How many messages a peek shows at most.
_PEEK = 32

_DATASET = """
[datasets.{name}]
catalog = {{ kind = "manifest", url = "http://127.0.0.1:{port}/{name}.csv", page_size = 4 }}
destination = {{ container = "{container}", name = "{{dataset}}/{{path}}" }}
{goal}
[datasets.{name}.allow]
hosts = ["127.0.0.1"]
http_hosts = ["127.0.0.1"]
ports = [{port}, {blob_port}]
private_networks = ["127.0.0.0/8"]
"""

#: Datasets that take events: of files that anybody may read, and of the blobs of Azurite's account.
_EVENTS = """
[datasets.told.events]
accepts = ["stac", "list", "cloud_events"]
not_found_grace = "PT30S"
auth = {{ kind = "hmac", secret_setting = "{secret}" }}

[datasets.watched.events]
accepts = ["event_grid", "cloud_events"]
accounts = ["{account}"]
auth = {{ kind = "hmac", secret_setting = "{secret}" }}

[datasets.watched.source]
kind = "azure"
auth = "anonymous"
accounts = ["{account}"]
endpoint = "http://127.0.0.1:{port}"
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A pipeline that runs; a test looks at Azurite itself, past the wire."""

    root: Path
    storage: Azurite
    wire: Wire
    #: Where the assets and manifests are.
    files: RawServer
    host: Running

    @contextlib.contextmanager
    def restarted(self) -> Generator["Pipeline"]:
        """Run another host, in the place of one that has ended, until the block ends."""
        with _host(self.root, storage=self.storage, wire=self.wire) as host:
            yield dataclasses.replace(self, host=host)

    def serve(
        self, body: bytes, *, dataset: str = "direct", item: str | None = None, status: str = "200 OK", **headers: str
    ) -> Asset:
        """Serve a file from now on, under a name of its own; returns the asset that a catalog would make of it."""
        path = f"{uuid.uuid4().hex}.bin"
        sent = reply(body, status=status, headers={"ETag": f'"{uuid.uuid4().hex}"', **headers})
        self.files.answers[f"/{path}"] = (Answer(sent=sent),)
        href = self.files.url(f"/{path}")
        size = int(headers.get("Content-Length", len(body)))
        return Asset(item=item or href, key=href, href=href, name=f"{dataset}/{path}", size=size)

    def publish(self, dataset: str, assets: Iterable[Asset]) -> None:
        """Make these assets the manifest of a dataset."""
        lines = [f"{each.href},{each.size},{each.item}" for each in assets]
        body = "\n".join(["url,size,item", *lines]).encode()
        self.files.answers[f"/{dataset}.csv"] = (Answer(sent=reply(body, headers={"ETag": '"1"'})),)

    async def kill_worker(self) -> None:
        """End the worker at once, as a node that is preempted does."""
        os.kill(self.host.worker_pid(), signal.SIGKILL)

    def gets(self, asset: Asset) -> int:
        """How often an asset's source was asked."""
        return sum(self.files.url(each.target) == asset.href for each in tuple(self.files.asked))

    def send(self, queue: str, body: str | bytes) -> str:
        """Put a message into a queue, in Base64; returns its id."""
        return self.send_raw(queue, base64.b64encode(body.encode() if isinstance(body, str) else body).decode())

    def send_raw(self, queue: str, text: str) -> str:
        """Put a message into a queue as it is; returns its id."""
        with self._queue(queue) as client:
            return client.send_message(text, time_to_live=-1).id

    def ask(
        self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] = _NO_HEADERS
    ) -> tuple[int, Any]:
        """Ask the app by HTTP; returns status and JSON, if there is any."""
        connection = http.client.HTTPConnection(urlsplit(self.host.url).netloc, timeout=WAIT_SECONDS)
        with contextlib.closing(connection):
            text = None if body is None else json.dumps(body)
            connection.request(method, f"/api/{path}", body=text, headers=dict(headers))
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else None

    def invoke(self, function: str) -> bool:
        """Call a function by hand, as an operator can, wait until it has ended, and tell whether it ended well."""
        position = len(self.host.events())
        connection = http.client.HTTPConnection(urlsplit(self.host.url).netloc, timeout=WAIT_SECONDS)
        with contextlib.closing(connection):
            headers = {"Content-Type": "application/json"}
            connection.request("POST", f"/admin/functions/{function}", body="{}", headers=headers)
            assert connection.getresponse().status == http.HTTPStatus.ACCEPTED

        def ends() -> list[Event]:
            since = self.host.events()[position:]
            return [each for each in since if (each.function, each.kind) == (function, EventKind.EXECUTED)]

        wait_until(lambda: bool(ends()))
        return bool(ends()[0].ok)

    def tell(self, dataset: str, event: object) -> tuple[int, Any]:
        """Send an event, signed."""
        headers = signed(json.dumps(event).encode(), at=datetime.now(UTC))
        return self.ask("POST", f"events/{dataset}", event, headers=headers)

    def wait_until_deleted(self, *message_ids: str) -> None:
        """Wait until the host has deleted all of these messages."""
        wait_until(lambda: set(message_ids) <= self._with(EventKind.MESSAGE_DELETED))

    def events(self, message_id: str) -> list[Event]:
        """What the host has recorded of a message."""
        return [each for each in self.host.events() if each.message_id == message_id]

    def deliveries(self, message_id: str) -> list[int | None]:
        """The dequeue counts with which a message was handed to its function."""
        return [each.dequeue_count for each in self.events(message_id) if each.kind is EventKind.EXECUTING]

    def rows(self, *assets: Asset) -> list[RowFact]:
        """The ledger's rows of these assets."""
        wanted = {each.identity for each in assets}
        found = read_rows(self.storage.connection_string).values()
        return [each for each in found if (each.item, each.key) in wanted]

    def blob(self, asset: Asset) -> tuple[bytes, str]:
        """The content and ETag of the blob that an asset became."""
        with BlobClient.from_connection_string(self.storage.connection_string, CONTAINER, asset.name) as client:
            download: Any = client.download_blob()
            return download.readall(), download.properties.etag

    def work(self, *, since: int) -> list[tuple[str, str]]:
        """What the app asked of ledger, blobs and queues, in short, from a number of exchanges on.

        Left out is what it does beside its work: making what is missing when it starts, and counts for display.
        """
        ours = (each for each in self.wire.exchanges[since:] if each.caller is Caller.APP)
        places = (f"{CONTAINER}/", "ledger", "$batch")
        return [(each.method, each.path) for each in ours if each.is_send or each.path.startswith(places)]

    def records(self, dataset: str) -> dict[str, Any]:
        """What is published of a dataset's items that are none of STAC, by their names."""
        return {each["item"]: each["assets"] for each in self.published(dataset) if "item" in each}

    def published(self, dataset: str) -> list[Any]:
        """Every item of a dataset that is published."""
        with ContainerClient.from_connection_string(self.storage.connection_string, CONTAINER) as client:
            names = list(client.list_blob_names(name_starts_with=f"{dataset}/items/"))
            return [json.loads(cast("Any", client.download_blob(each)).readall()) for each in names]

    def commits(self, asset: Asset) -> list[Exchange]:
        """The requests that made an asset's blob, and were granted."""
        path = f"{CONTAINER}/{asset.name}"
        return [each for each in self.wire.exchanges if each.is_commit and each.succeeded and each.path == path]

    def failure(self, asset: Asset) -> Mapping[str, Any]:
        """The row of the failures table that tells of an asset."""
        with TableClient.from_connection_string(self.storage.connection_string, "failures") as table:
            (found,) = table.query_entities("href eq @href", parameters={"href": asset.href})
            return found

    def poison(self, queue: Queue, *, text: str = "") -> list[QueueMessage]:
        """The messages in a queue's poison queue that contain a text once they are decoded."""
        with self._queue(queue.poison) as client:
            found = client.peek_messages(_PEEK)
        assert len(found) < _PEEK, "a peek doesn't show more than these"
        return [each for each in found if text in decoded(each)]

    def poison_count(self, queue: Queue) -> int:
        """How many messages stand in a queue's poison queue, visible or not."""
        with self._queue(queue.poison) as client:
            return client.get_queue_properties().approximate_message_count or 0

    def outstanding(self) -> int:
        """How many pages and copy requests stand in the queues or are worked, but for those that were put off."""
        with self._queue(Queue.DISCOVER) as pages, self._queue(Queue.COPY) as requests:
            counts = [each.get_queue_properties().approximate_message_count for each in (pages, requests)]
        return sum(each or 0 for each in counts)

    def _queue(self, name: str) -> QueueClient:
        return QueueClient.from_connection_string(self.storage.connection_string, name)

    def _with(self, kind: EventKind) -> set[str | None]:
        return {each.message_id for each in self.host.events() if each.kind is kind}


@contextlib.contextmanager
def open_pipeline(directory: Path, *, more: Mapping[str, str] = MappingProxyType({})) -> Generator[Pipeline]:
    """Run a pipeline in a directory until the block ends; enter once the app is healthy, its queues and tables made.

    ``more`` are settings of the app beside those that every test has.
    Raises AssertionError at the end where a message was sent that will expire.
    """
    with contextlib.ExitStack() as stack:
        storage = stack.enter_context(azurite(directory))
        wire = stack.enter_context(in_background(Wire(storage).serve()))
        files = stack.enter_context(in_background(raw_server()))
        root = _install(directory / "app", files_port=files.port, blob_port=storage.blob_port)
        host = stack.enter_context(_host(root, storage=storage, wire=wire, more=more))
        pipeline = Pipeline(root=root, storage=storage, wire=wire, files=files, host=host)
        wait_until(lambda: pipeline.ask("GET", "health")[0] == 200)
        yield pipeline
        assert expiring(wire.exchanges) == []


def settings_of(wire: Wire) -> Mapping[str, str]:
    """The app's settings: everything short, so that what failed is soon tried again."""
    return {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        # The host looks under the longer name first, the app under the shorter one only.
        "AzureWebJobsSluiceStorage": wire.connection_string(Caller.HOST),
        "SluiceStorage": wire.connection_string(Caller.APP),
        "STORAGE_CREATE_MISSING": "true",
        "DATASETS_FILE": "datasets.toml",
        SECRET_SETTING: SECRET,
        # Once a year: tests ask by themselves.
        "DISCOVER_SCHEDULE": "0 0 0 1 1 *",
        # Every hour by itself, in the midst of whatever test: here by hand.
        "AzureWebJobs.preserve_poison.Disabled": "true",
        "AzureWebJobs.write_gauges.Disabled": "true",
        "DISCOVER_RECHECK_SECONDS": "1",
        "COPY_BLOCK_MIB": str(BLOCK_BYTES // (1024 * 1024)),
        f"{_QUEUES}__visibilityTimeout": "00:00:01",
        f"{_QUEUES}__maxPollingInterval": "00:00:00.2",
    }


def request_of(*assets: Asset) -> CopyRequest:
    """A copy request that nobody else has sent."""
    return CopyRequest(dataset="direct", cause=f"test-{uuid.uuid4().hex}", asked_at=datetime.now(UTC), assets=assets)


def decoded(message: QueueMessage) -> str:
    """A message's body as text, or what stands in the queue if that isn't Base64."""
    try:
        return base64.b64decode(str(message.content), validate=True).decode("utf-8", "replace")
    except ValueError:
        return str(message.content)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for another process to do something."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def _install(root: Path, *, files_port: int, blob_port: int) -> Path:
    """Put the app into a folder as a deployment does, with datasets of the tests'."""
    root.mkdir()
    for name in ("function_app.py", "host.json"):
        shutil.copy(_ROOT / name, root)
    shutil.copytree(_ROOT / "shared", root / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    datasets = [
        _DATASET.format(
            name=each,
            port=files_port,
            blob_port=blob_port,
            container=CONTAINER,
            goal='freshness = "PT1S"\n' if each == HURRIED else "",
        )
        for each in DATASETS
    ]
    publishing = [f"\n[datasets.{name}.publish]\n" for name in _PUBLISHING]
    events = _EVENTS.format(account=ACCOUNT, port=blob_port, secret=SECRET_SETTING)
    caps = f"\n[datasets.capped.caps]\nmax_assets = {CAPS['max_assets']}\n"
    (root / "datasets.toml").write_text("".join([*datasets, *publishing, events, caps]), encoding="utf-8")
    return root


def _host(
    root: Path, *, storage: Azurite, wire: Wire, more: Mapping[str, str] = MappingProxyType({})
) -> contextlib.AbstractContextManager[Running]:
    log_json = root.parent / f"host-{uuid.uuid4().hex}.jsonl"
    return functions_host(
        root, storage=storage, environment={**settings_of(wire), **more}, log_json=log_json, lease_seconds=5
    )
