"""Sluice whole: from a request for a run to the last ledger row and the last acknowledged message."""

import time
from collections.abc import Mapping
from pathlib import Path

from azure.data.tables import TableClient
from azure.storage.queue import QueueServiceClient

from benchmarks.folder import install
from benchmarks.measured import Measured, RunFailedError, Settings
from benchmarks.phases import COUNTED, WARM, Phases
from benchmarks.servers import Destination
from benchmarks.trees import watched
from demo.host import Running, functions_host
from demo.status import start_run

_LANES = ("discover", "copy", "copy-live", "copy-later")
_POLL_SECONDS = 0.1
_SETTLE_SECONDS = 2.0


def run_pipeline(
    phases: Phases, *, directory: Path, destination: Destination, settings: Settings, seconds: float
) -> Measured:
    """Run the app in the local Functions host, and a dataset of few files before the one that counts.

    Raises RunFailedError, also where it isn't over after so many ``seconds``.
    """
    root = install(directory / "app", phases)
    environment = {**settings.environment(destination.connection_string), **_OFTEN}
    host = functions_host(root, storage=destination.storage, environment=environment, log_json=directory / "host.jsonl")
    connection = destination.connection_string
    with host as running, QueueServiceClient.from_connection_string(connection) as queues:
        _run(running, WARM, queues=queues, seconds=seconds)
        # Counts for display are written some seconds later.
        time.sleep(_SETTLE_SECONDS)
        with watched(running.pid) as tree:
            took = _run(running, COUNTED, queues=queues, seconds=seconds)
    _check_rows(connection, expected=phases.counted.count)
    return Measured(seconds=took, cpu_seconds=tree.cpu_seconds, peak_bytes=tree.peak_bytes)


#: A withheld page looks again soon, as one of many instances' would.
_OFTEN: Mapping[str, str] = {
    "FUNCTIONS_WORKER_RUNTIME": "python",
    "STORAGE_CREATE_MISSING": "true",
    "DISCOVER_SCHEDULE": "0 0 0 1 1 *",
    "DISCOVER_RECHECK_SECONDS": "1",
}


def _run(host: Running, dataset: str, *, queues: QueueServiceClient, seconds: float) -> float:
    """Run a dataset until all queues are empty; returns how long it took."""
    began = time.monotonic()
    start_run(host.url, dataset=dataset)
    while _stand(queues):
        if time.monotonic() > began + seconds:
            raise RunFailedError(f"the run wasn't over after {seconds:g} s")
        time.sleep(_POLL_SECONDS)
    return time.monotonic() - began


def _stand(queues: QueueServiceClient) -> bool:
    """Whether messages stand in a queue, visible or not. In this order: what discovery sends, it sends first."""
    return any(queues.get_queue_client(each).get_queue_properties().approximate_message_count for each in _LANES)


def _check_rows(connection: str, *, expected: int) -> None:
    """Count the ledger's rows; raises RunFailedError."""
    with TableClient.from_connection_string(connection, "ledger") as ledger:
        found = ledger.query_entities(
            "PartitionKey ge @first and PartitionKey lt @end",
            parameters={"first": f"{COUNTED}-", "end": f"{COUNTED}."},
            select=["PartitionKey"],
        )
        rows = sum(1 for _ in found)
    if rows != expected:
        raise RunFailedError(f"the ledger has {rows} rows for {expected} files")
