"""``python -m tests.chaos.politeness 150``: four processes ask three hosts as hard as they may, and one is killed.

Each host has a limit of another kind; the server counts whether it is ever exceeded, and how much of it is used.
"""

import argparse
import contextlib
import dataclasses
import json
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

from azure.storage.blob import BlobServiceClient

from demo.azurite import Azurite, azurite
from shared.model.politeness import Limits
from tests.chaos.counting import CountingServer, Load, most_in_any_second
from tests.end_to_end.background import in_background

_MIB = 1024 * 1024
AT_ONCE, PER_SECOND, BYTES = "127.0.0.1", "127.0.0.2", "127.0.0.3"
LIMITS = {
    AT_ONCE: Limits(at_once=8),
    PER_SECOND: Limits(per_second=40),
    BYTES: Limits(bytes_per_second=16 * _MIB, at_once=8),
}
_LOADS = {
    AT_ONCE: Load(seconds=0.2, size=10_000),
    PER_SECOND: Load(seconds=0.01, size=1_000),
    BYTES: Load(seconds=0.0, size=3 * _MIB),
}
_ASKERS = 12
#: Until each share was made and is held by somebody.
_WARM_UP_SECONDS = 20.0
_END_SECONDS = 20.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One limit."""

    name: str
    limit: float
    #: The most that was ever seen.
    peak: float
    #: The part of the limit that was used, from the end of the warm-up on: in all, and until a process was killed,
    #: whose shares nobody has before their leases end.
    used: float
    used_before: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a run came to."""

    figures: Sequence[Figure]
    #: The storage calls of each process that wasn't killed: on average, and the most in any second.
    calls: Sequence[tuple[float, int]]

    @property
    def is_good(self) -> bool:
        """Tell whether no limit was exceeded, and storage wasn't called more often than it may be."""
        return all(each.peak <= each.limit for each in self.figures) and all(most <= 1 for _, most in self.calls)


def main(arguments: Sequence[str]) -> int:
    """Measure and print; returns 0 only if no limit was exceeded."""
    command = argparse.ArgumentParser(prog="python -m tests.chaos.politeness")
    command.add_argument("seconds", type=float, help="how long, 150 for figures that mean something")
    seconds = command.parse_args(arguments).seconds
    with tempfile.TemporaryDirectory(prefix="sluice-polite-") as directory, azurite(Path(directory)) as storage:
        measured = measure(storage, seconds=seconds)
    for each in measured.figures:
        sys.stdout.write(f"{each.name:20} limit {each.limit:11,.0f}  peak {each.peak:11,.0f}  ")
        sys.stdout.write(f"used {each.used:4.0%}, before the kill {each.used_before:4.0%}\n")
    for mean, most in measured.calls:
        sys.stdout.write(f"storage calls a second of a process: {mean:.2f}, {most} at most\n")
    sys.stdout.write("good\n" if measured.is_good else "NOT GOOD\n")
    return 0 if measured.is_good else 1


def measure(storage: Azurite, *, seconds: float, workers: int = 4, limits: Mapping[str, Limits] = LIMITS) -> Measured:
    """Let workers ask for so long; kill one after a third of it, and start another in its place."""
    container = f"c-{uuid.uuid4().hex}"
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        service.create_container(container)
    with in_background(CountingServer(_LOADS).serve()) as server, contextlib.ExitStack() as stack:
        orders = {
            "limits": {host: dataclasses.asdict(each) for host, each in limits.items()},
            "port": server.port,
            "storage": storage.connection_string,
            "container": container,
            "askers": _ASKERS,
        }
        began = time.monotonic()
        running = [stack.enter_context(_worker(orders)) for _ in range(workers)]
        time.sleep(seconds / 3)
        killed = time.monotonic()
        running[0].send_signal(signal.SIGKILL)
        running[0] = stack.enter_context(_worker(orders))
        time.sleep(seconds * 2 / 3)
        since, until = began + min(_WARM_UP_SECONDS, seconds / 6), time.monotonic()
        reports = [each.communicate(timeout=_END_SECONDS)[0] for each in running]
        figures = tuple(_figures(server, limits, since=since, killed=killed, until=until))
    return Measured(figures=figures, calls=[_calls(json.loads(each)) for each in reports])


@contextlib.contextmanager
def _worker(orders: object) -> Generator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.chaos.polite_worker", json.dumps(orders)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _figures(
    server: CountingServer, limits: Mapping[str, Limits], *, since: float, killed: float, until: float
) -> Generator[Figure]:
    busy, asked, bodies = server.hosts[AT_ONCE], server.hosts[PER_SECOND], server.hosts[BYTES]
    rate, volume = limits[PER_SECOND].per_second or 0, limits[BYTES].bytes_per_second or 0
    for name, limit, peak, events, unit in (
        ("requests at once", limits[AT_ONCE].at_once or 0, busy.most_under_way, busy.busy, 1000),
        ("requests per second", rate, most_in_any_second(asked.requests), asked.requests, 1),
        ("bytes per second", volume, most_in_any_second(bodies.sent), bodies.sent, 1),
    ):
        used, before = (
            sum(units for at, units in events if since <= at < end) / (end - since) / (limit * unit)
            for end in (until, killed)
        )
        yield Figure(name=name, limit=limit, peak=peak, used=used, used_before=before)


def _calls(moments: Sequence[float]) -> tuple[float, int]:
    seconds = max(1.0, moments[-1] - moments[0]) if moments else 1.0
    # A timer may ring a little early, and what is given back at the end comes all at once.
    steady = [each for each in moments if each < moments[-1] - 2] if moments else []
    return len(moments) / seconds, most_in_any_second((each, 1) for each in steady)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
