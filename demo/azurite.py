"""Azurite, Microsoft's storage emulator, on free ports and in memory."""

import contextlib
import dataclasses
import os
from collections.abc import Generator, Mapping
from pathlib import Path
from types import MappingProxyType

from demo.processes import free_ports, running

#: Azurite's public account and key; every copy of it has the same.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

_NOTHING: Mapping[str, str] = MappingProxyType({})
_ROOT = Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Azurite:
    """A running Azurite: where it listens, and where its access log (one line a request) is written."""

    blob_port: int
    queue_port: int
    table_port: int
    log: Path

    @property
    def connection_string(self) -> str:
        """The connection string for all three services."""
        services = {"Blob": self.blob_port, "Queue": self.queue_port, "Table": self.table_port}
        endpoints = ";".join(f"{name}Endpoint=http://127.0.0.1:{port}/{ACCOUNT}" for name, port in services.items())
        return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};{endpoints};"


@contextlib.contextmanager
def azurite(directory: Path, *, environment: Mapping[str, str] = _NOTHING) -> Generator[Azurite]:
    """Run Azurite in ``directory`` until the block ends; ``environment`` comes on top of this process's own."""
    blob, queue, table = free_ports(3)
    log = directory / "azurite.log"
    command = [
        *(str(_ROOT / ".venv/bin/node"), str(_ROOT / "node_modules/azurite/dist/src/azurite.js")),
        *("--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"),
        *("--blobPort", str(blob), "--queuePort", str(queue), "--tablePort", str(table)),
    ]
    settings = {**os.environ, **environment}
    with running(command, log=log, ports=(blob, queue, table), environment=settings, directory=directory):
        yield Azurite(blob_port=blob, queue_port=queue, table_port=table, log=log)
