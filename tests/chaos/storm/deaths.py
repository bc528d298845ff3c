"""Who dies in a storm, and how."""

import contextlib
import dataclasses
import enum
import os
import signal
from pathlib import Path

import psutil


class Death(enum.StrEnum):
    """How somebody died."""

    WORKER = "worker killed"
    HOST = "host killed"
    TERMINATED = "host terminated"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """A death that the storm wanted."""

    #: By time.time(), as the hosts' logs have it.
    at: float
    slot: int
    death: Death
    #: The host's log; which of the slot's hosts that was.
    log_json: Path
    point: str | None = None
    grace_seconds: float | None = None
    #: Whether the grace was too short.
    is_hard: bool = True


def worker_of(host: int) -> int | None:
    """The worker process of a host."""
    try:
        for each in psutil.Process(host).children():
            if "functions_host.worker_process" in each.cmdline():
                return each.pid
    except psutil.Error:
        return None
    return None


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for doesn't."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def tell(pid: int, number: signal.Signals) -> bool:
    """Send a signal to a process; False where there is none."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def kill_group(host: int) -> bool:
    """Kill a host and its worker; False where the host has ended by itself."""
    was_alive = is_alive(host)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(host, signal.SIGKILL)
    return was_alive
