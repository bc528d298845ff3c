"""The judge of where requests go: addresses at the moment of connect(), as the interpreter's audit hook sees them."""

import contextlib
import functools
import ipaddress
import sys
from collections.abc import Generator
from typing import cast

type Connections = list[tuple[str, int]]

_listening: list[Connections] = []


@contextlib.contextmanager
def recorded_connections() -> Generator[Connections]:
    """Record every TCP connect() until the block ends; those that would leave the machine fail."""
    _install_hook()
    connections: Connections = []
    _listening.append(connections)
    try:
        yield connections
    finally:
        _listening.remove(connections)


@functools.cache
def _install_hook() -> None:
    """An audit hook can't be removed again: one a process."""
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if event != "socket.connect" or not _listening or not isinstance(arguments[1], tuple):
        return
    host, port = cast("tuple[str, int]", arguments[1][:2])
    for each in _listening:
        each.append((host, port))
    if not ipaddress.ip_address(host).is_loopback:
        raise ConnectionRefusedError("a test must not leave the machine")
