"""The worker's death: once, hard, with copies in flight and a large one half done."""

import dataclasses
import os
import signal
import time
from collections.abc import Iterable, Sequence

import psutil

from demo.access_log import Request, commits, read_requests, sends, unfinished
from demo.evidence import COPY_POISON, COPY_QUEUES, Rows, read_rows
from demo.expected import Expected
from demo.servers import Stage
from functions_host.events import Event, EventKind

_COPIES_IN_FLIGHT = 2
#: Of all assets.
_PART_DONE = 0.2
#: What the worker had sent when it died has reached storage by then; what it held is delivered again later than that.
_SETTLING_SECONDS = 0.5


class WrongProcessError(RuntimeError):
    """The host's log names a worker that is no child of the host: nothing is killed."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """What died with the worker, and what stood in the ledger then."""

    pid: int
    copies_in_flight: int
    #: Large blobs of which only blocks stood there.
    unfinished: int
    rows: Rows

    @property
    def sentence(self) -> str:
        """The kill in words."""
        return (
            f"killed the worker (pid {self.pid}, SIGKILL) with {self.copies_in_flight} copy requests in flight, "
            f"{self.unfinished} blobs half staged and {len(self.rows)} rows in the ledger"
        )


def kill_when_ripe(stage: Stage) -> Kill | None:
    """Kill the worker if the middle of the run has come; else None."""
    in_flight = copies_in_flight(stage.host.events())
    if in_flight < _COPIES_IN_FLIGHT:
        return None
    requests = read_requests(stage.storage.log)
    if not _is_middle(requests, expected=stage.expected):
        return None
    pid = stage.host.worker_pid()
    if pid not in {each.pid for each in psutil.Process(stage.host.pid).children(recursive=True)}:
        raise WrongProcessError(f"process {pid} is no child of the host ({stage.host.pid})")
    os.kill(pid, signal.SIGKILL)
    time.sleep(_SETTLING_SECONDS)
    return Kill(
        pid=pid,
        copies_in_flight=in_flight,
        unfinished=len(unfinished(requests, container=stage.expected.container)),
        rows=read_rows(stage.storage.connection_string),
    )


def _is_middle(requests: Sequence[Request], *, expected: Expected) -> bool:
    """Whether a part is done, the misfits are told of, and one of the largest blobs is half staged."""
    return (
        len(commits(requests, container=expected.container)) >= _PART_DONE * len(expected.assets)
        and sends(requests, queue=COPY_POISON) >= len(expected.misfits)
        and not _largest(expected).isdisjoint(unfinished(requests, container=expected.container))
    )


def _largest(expected: Expected) -> frozenset[str]:
    half = max(each.size for each in expected.assets) / 2
    return frozenset(each.blob for each in expected.assets if each.size > half)


def copies_in_flight(events: Iterable[Event]) -> int:
    """How many copy requests are being worked."""
    open_now: set[str | None] = set()
    for event in events:
        if event.queue in COPY_QUEUES and event.kind is EventKind.EXECUTING:
            open_now.add(event.invocation_id)
        elif event.kind is EventKind.EXECUTED:
            open_now.discard(event.invocation_id)
    return len(open_now)
