"""What the host logs: lines for people on the console and, where asked for, one JSON object a line for programs.

A module logs as usual, ``logger.info(text, extra={"event": Event(...)})``; only records with an event reach the file.
"""

import dataclasses
import datetime as dt
import enum
import json
import logging
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, override


class EventKind(enum.StrEnum):
    """What happened; the ``event`` of a JSON line."""

    HOST_STARTED = "host_started"
    HOST_STOPPED = "host_stopped"
    HOST_FAILED = "host_failed"
    LISTENING = "listening"
    FUNCTION_NOT_STARTED = "function_not_started"
    WORKER_STARTED = "worker_started"
    WORKER_EXITED = "worker_exited"
    #: An invocation begins; for a queue function this is one delivery of a message.
    EXECUTING = "executing"
    EXECUTED = "executed"
    TIMED_OUT = "timed_out"
    MESSAGE_DELETED = "message_deleted"
    MESSAGE_RELEASED = "message_released"
    MESSAGE_RENEWED = "message_renewed"
    MESSAGE_POISONED = "message_poisoned"
    MESSAGE_UNDECODABLE = "message_undecodable"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the JSON log; what doesn't apply is absent there and ``None`` here."""

    kind: EventKind
    #: When it was logged; given by the log itself.
    time: dt.datetime | None = None
    function: str | None = None
    invocation_id: str | None = None
    queue: str | None = None
    message_id: str | None = None
    dequeue_count: int | None = None
    ok: bool | None = None
    duration_ms: int | None = None
    worker_pid: int | None = None
    error: str | None = None


def log_to(json_lines: Path | None) -> None:
    """Send this process's log to standard error and, where a path is given, its events to that file (appended)."""
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    # Events that nobody wants on the console are logged as debug.
    logging.getLogger("functions_host").setLevel(logging.DEBUG)
    root.addHandler(_console())
    if json_lines is not None:
        root.addHandler(JsonLines(json_lines))
    for noisy in ("azure", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def read_events(path: Path) -> tuple[Event, ...]:
    """Read a JSON log, which may still be written: a last line without its end is left out."""
    if not path.exists():
        return ()
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return tuple(_event(json.loads(line)) for line in whole.splitlines())


class JsonLines(logging.Handler):
    """Appends the events among the log's records to a file, each flushed at once: a killed host has told all."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("a", encoding="utf-8", buffering=1)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        if isinstance(event, Event):
            self._file.write(_line(event, at=dt.datetime.fromtimestamp(record.created, dt.UTC)))

    @override
    def close(self) -> None:
        self._file.close()
        super().close()


def _console() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.INFO)
    formatter = logging.Formatter("[%(asctime)s.%(msecs)03dZ] %(message)s", datefmt="%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    return handler


def _line(event: Event, *, at: dt.datetime) -> str:
    fields = {name: value for name, value in dataclasses.asdict(event).items() if value is not None}
    return json.dumps({"time": at.isoformat(), "event": fields.pop("kind"), **fields}) + "\n"


def _event(fields: Mapping[str, Any]) -> Event:
    others = {name: value for name, value in fields.items() if name not in {"event", "time"}}
    return Event(
        kind=EventKind(fields["event"]),
        time=dt.datetime.fromisoformat(fields["time"]),
        **others,
    )
