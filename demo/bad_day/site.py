"""Where the app runs: a host, which deployments replace without asking."""

import contextlib
import dataclasses
import http.client
import json
import os
import signal
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from demo.azurite import Azurite
from demo.host import Running, functions_host
from demo.kill import copies_in_flight
from functions_host.events import Event, EventKind

#: So long a deployment waits after SIGTERM: too short for what is under way.
_GRACE_SECONDS = 0.05
#: A message whose host is gone comes back after so long.
_LEASE_SECONDS = 5.0
_ANSWER_SECONDS = 30


class DayError(RuntimeError):
    """Something that the day needs did not come about."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """What a deployment killed."""

    pid: int
    copies_in_flight: int


class Site:
    """One host after the other, on the same app and the same storage."""

    def __init__(self, root: Path, *, storage: Azurite, environment: Mapping[str, str]) -> None:
        self._root = root
        self._storage = storage
        self._environment = environment
        self._stack = contextlib.ExitStack()
        self._hosts: list[Running] = []

    @contextlib.contextmanager
    def open(self) -> Generator[Self]:
        """Run a host until the block ends."""
        try:
            self._start()
            yield self
        finally:
            self._stack.close()

    @property
    def host(self) -> Running:
        """The one that runs now."""
        return self._hosts[-1]

    def events(self) -> tuple[Event, ...]:
        """What all hosts have recorded."""
        return tuple(event for host in self._hosts for event in host.events())

    def in_flight(self) -> int:
        """How many copy requests are worked now."""
        return copies_in_flight(self.host.events())

    def deploy(self) -> Kill:
        """Replace the host: SIGTERM, and SIGKILL to host and worker once the grace is over."""
        host = self.host
        os.kill(host.pid, signal.SIGTERM)
        time.sleep(_GRACE_SECONDS)
        kill = Kill(pid=host.pid, copies_in_flight=copies_in_flight(host.events()))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(host.pid, signal.SIGKILL)
        self._stack.close()
        self._start()
        return kill

    def fire(self, timer: str) -> None:
        """Have a timer fire now, and wait until its function has ended; raises DayError where it failed."""
        before = len(self._ends(timer))
        connection = http.client.HTTPConnection(urlsplit(self.host.url).netloc, timeout=_ANSWER_SECONDS)
        with contextlib.closing(connection):
            body = json.dumps({"input": ""})
            connection.request("POST", f"/admin/functions/{timer}", body, {"Content-Type": "application/json"})
            status = connection.getresponse().status
        if status != http.HTTPStatus.ACCEPTED:
            raise DayError(f"the timer {timer} can't be fired: the host answers {status}")
        until(lambda: len(self._ends(timer)) > before, seconds=60, what=f"the timer {timer} ends")
        if not (last := self._ends(timer)[-1]).ok:
            raise DayError(f"the timer {timer} failed: {last.error}")

    def _ends(self, function: str) -> list[Event]:
        return [each for each in self.events() if each.kind is EventKind.EXECUTED and each.function == function]

    def _start(self) -> None:
        log_json = self._root.parent / f"host-{len(self._hosts) + 1}.jsonl"
        self._hosts.append(
            self._stack.enter_context(
                functions_host(
                    self._root,
                    storage=self._storage,
                    environment=self._environment,
                    log_json=log_json,
                    lease_seconds=_LEASE_SECONDS,
                )
            )
        )


def until(condition: Callable[[], bool], *, seconds: float, what: str, every: float = 0.1) -> None:
    """Wait for something; raises DayError where it doesn't come about in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise DayError(f"not within {seconds:.0f} s: {what}")
        time.sleep(every)
