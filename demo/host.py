"""The local Functions host as a child process: for the demo and for end-to-end tests."""

import contextlib
import dataclasses
import os
import sys
from collections.abc import Generator, Mapping
from pathlib import Path

from demo.azurite import Azurite
from demo.processes import free_ports, running
from functions_host.events import Event, EventKind, read_events

_PROJECT = Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A host that listens: where, under which process id, and where it writes."""

    url: str
    pid: int
    #: Output of the host and of its worker, for people.
    log: Path
    log_json: Path

    def events(self) -> tuple[Event, ...]:
        """What the host has recorded so far, in order."""
        return read_events(self.log_json)

    def worker_pid(self) -> int:
        """The process id of the worker that was started last."""
        started = [each.worker_pid for each in self.events() if each.kind is EventKind.WORKER_STARTED]
        found = started[-1] if started else None
        if found is None:
            raise LookupError(f"{self.log_json} tells of no worker")
        return found


@contextlib.contextmanager
def functions_host(
    root: Path,
    *,
    storage: Azurite,
    environment: Mapping[str, str],
    log_json: Path,
    lease_seconds: float | None = None,
) -> Generator[Running]:
    """Run the host for the app in ``root`` until the block ends, on a free port; enter when it takes requests.

    ``environment`` comes on top of this process's own and of ``AzureWebJobsStorage``. ``lease_seconds`` shortens the
    ten minutes for which a message that is being processed stays hidden.
    """
    (port,) = free_ports(1)
    log = log_json.with_suffix(".log")
    command = [
        *(sys.executable, "-m", "functions_host", "start"),
        *("--root", str(root), "--port", str(port), "--log-json", str(log_json)),
        *(("--lease-for-tests", str(lease_seconds)) if lease_seconds is not None else ()),
    ]
    settings = {**os.environ, "AzureWebJobsStorage": storage.connection_string, **environment}
    with running(command, log=log, ports=(port,), environment=settings, directory=_PROJECT) as process:
        yield Running(url=f"http://127.0.0.1:{port}", pid=process.pid, log=log, log_json=log_json)
