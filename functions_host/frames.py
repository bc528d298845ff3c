"""What the host and its worker process say to each other, and how: pickled values, each behind its length."""

import asyncio
import contextlib
import dataclasses
import pickle
import struct
from collections.abc import Mapping
from typing import Any

from functions_host.functions import Datum

_LENGTH = struct.Struct(">I")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IndexedFunction:
    """A function as the worker library found it."""

    name: str
    function_id: str
    bindings: tuple[Mapping[str, Any], ...]
    #: Whether it has a retry policy.
    retries: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The worker's first word: the app is loaded."""

    functions: tuple[IndexedFunction, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NotLoaded:
    """The worker's first and last word: the app can't be loaded."""

    message: str
    trace: str | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The host asks for an invocation."""

    invocation_id: str
    function_id: str
    inputs: Mapping[str, Datum]
    metadata: Mapping[str, Datum]
    trace_parent: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An invocation has ended. Replies come in any order."""

    invocation_id: str
    ok: bool
    returned: Datum | None
    error: str | None
    trace: str | None


type Frame = Ready | NotLoaded | Call | Reply


async def read_frame(reader: asyncio.StreamReader) -> Frame | None:
    """Read the next frame; ``None`` where the other side has gone."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return pickle.loads(await reader.readexactly(length))
    return None


def write_frame(writer: asyncio.StreamWriter, frame: Frame) -> None:
    """Send a frame without waiting for the other side to take it."""
    payload = pickle.dumps(frame)
    writer.write(_LENGTH.pack(len(payload)) + payload)
