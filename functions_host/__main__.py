"""``python -m functions_host start``: runs the app of a directory."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from functions_host import host
from functions_host.connections import MissingConnectionError
from functions_host.events import Event, EventKind, log_to
from functions_host.host_json import HostJsonError
from functions_host.queue_processor import LEASE_SECONDS
from functions_host.settings import NoAppRootError, find_root
from functions_host.worker import AppNotLoadedError

_log = logging.getLogger("functions_host")
#: Their texts say all there is to say.
_REFUSALS = (NoAppRootError, HostJsonError, AppNotLoadedError, MissingConnectionError, host.UnsupportedAppError)


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code: 1 where the host could not start or had to stop."""
    chosen = parser().parse_args(arguments)
    log_to(chosen.log_json)
    if chosen.lease_for_tests is not None:
        _log.warning("For tests only: messages are hidden for %g s while they are processed.", chosen.lease_for_tests)
    try:
        asyncio.run(_start(chosen))
    except _REFUSALS as error:
        _log.error("%s", error, extra={"event": Event(kind=EventKind.HOST_FAILED, error=str(error))})
        return 1
    except Exception as error:  # noqa: BLE001 - whatever a listener could not handle
        event = Event(kind=EventKind.HOST_FAILED, error=repr(error))
        _log.exception("An unhandled exception has occurred. Host is shutting down.", extra={"event": event})
        return 1
    _log.info("Host stopped.", extra={"event": Event(kind=EventKind.HOST_STOPPED)})
    return 0


async def _start(chosen: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    options = host.Options(
        root=(chosen.root or find_root(Path.cwd())).resolve(),
        environment=dict(os.environ),
        port=chosen.port,
        lease_seconds=chosen.lease_for_tests or LEASE_SECONDS,
        processors=os.process_cpu_count() or 1,
    )
    await host.run(options, stop=stop)


def parser() -> argparse.ArgumentParser:
    """Make the command line's parser."""
    command = argparse.ArgumentParser(prog="python -m functions_host", description="A local Azure Functions host.")
    start = command.add_subparsers(required=True).add_parser("start", help="run the app")
    start.add_argument("--root", type=Path, help="the app's directory (default: the nearest one with a host.json)")
    start.add_argument("--port", type=int, help="port of the HTTP triggers (default: local.settings.json, else 7071)")
    start.add_argument("--log-json", type=Path, metavar="FILE", help="append each event as a line of JSON")
    start.add_argument(
        "--lease-for-tests",
        type=_lease,
        metavar="SECONDS",
        help="for tests only: hide a message that is processed for so long, not for ten minutes",
    )
    return command


def _lease(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds <= LEASE_SECONDS:
        raise argparse.ArgumentTypeError(f"a lease takes 1 to {LEASE_SECONDS:.0f} seconds")
    return seconds


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
