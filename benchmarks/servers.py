"""What clients copy from and to: the file server, Azurite in three processes, the discarding server."""

import contextlib
import dataclasses
import http.client
import sys
from collections.abc import Generator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.storage.blob import (
    AccountSasPermissions,
    BlobServiceClient,
    ResourceTypes,
    generate_account_sas,
)

from demo.azurite import ACCOUNT, KEY, Azurite
from demo.processes import free_ports, running

_ROOT = Path(__file__).resolve().parent.parent
SERVICES: Sequence[str] = ("blob", "queue", "table")
_SAS_LIFE = timedelta(days=1)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where blobs go."""

    storage: Azurite
    #: Whether bytes are forgotten.
    discards: bool

    @property
    def connection_string(self) -> str:
        """The connection string of all three services."""
        return self.storage.connection_string

    @property
    def blob_port(self) -> int:
        """Where the blobs' service listens."""
        return self.storage.blob_port

    @property
    def sas_url(self) -> str:
        """The account's address with a signature, for clients that can't be told another way."""
        sas = generate_account_sas(
            account_name=ACCOUNT,
            account_key=KEY,
            resource_types=ResourceTypes(service=True, container=True, object=True),
            permission=AccountSasPermissions(read=True, write=True, delete=True, list=True, add=True, create=True),
            expiry=datetime.now(UTC) + _SAS_LIFE,
        )
        return f"http://127.0.0.1:{self.blob_port}/{ACCOUNT}?{sas}"

    def make(self, *containers: str) -> None:
        """Make containers."""
        with BlobServiceClient.from_connection_string(self.connection_string) as service:
            for each in containers:
                service.create_container(each)


@contextlib.contextmanager
def source(directory: Path) -> Generator[str]:
    """Run the file server until the block ends; gives its address."""
    (port,) = free_ports(1)
    with running(_module("source", port), log=directory / "source.log", ports=(port,), directory=_ROOT):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def azurite(directory: Path, *, on_disk: bool, services: Sequence[str] = SERVICES) -> Generator[Destination]:
    """Run Azurite, each service a process of its own, until the block ends: in memory, or all in ``directory``.

    Where not all ``services`` run, the others' ports are nobody's.
    """
    ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
    log = directory / "azurite.log"
    with contextlib.ExitStack() as stack:
        for name in services:
            command = [
                *(str(_ROOT / ".venv/bin/node"), str(_ROOT / f"node_modules/azurite/dist/src/{name}/main.js")),
                *("--skipApiVersionCheck", "--disableTelemetry", "--silent", f"--{name}Port", str(ports[name])),
                *(("--location", str(directory / name)) if on_disk else ("--inMemoryPersistence",)),
            ]
            # They start beside each other: the last one's start is waited for, and then the others'.
            waited = [ports[each] for each in services] if name == services[-1] else []
            stack.enter_context(running(command, log=log, ports=waited, directory=directory))
        storage = Azurite(blob_port=ports["blob"], queue_port=ports["queue"], table_port=ports["table"], log=log)
        yield Destination(storage=storage, discards=False)


@contextlib.contextmanager
def sink(directory: Path) -> Generator[Destination]:
    """Run the discarding server until the block ends. It has blobs alone: queues and tables are nowhere."""
    (port,) = free_ports(1)
    log = directory / "sink.log"
    with running(_module("sink", port), log=log, ports=(port,), directory=_ROOT):
        storage = Azurite(blob_port=port, queue_port=port, table_port=port, log=log)
        yield Destination(storage=storage, discards=True)


def facts_of(destination: Destination, container: str) -> bytes:
    """What the discarding server remembers of a container, as JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", destination.blob_port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", f"/facts/{container}")
        return connection.getresponse().read()


def _module(name: str, port: int) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{name}", str(port)]
