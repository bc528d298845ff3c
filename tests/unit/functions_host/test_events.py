import datetime as dt
import json
import logging
from collections.abc import Generator
from pathlib import Path

import pytest

from functions_host.events import Event, EventKind, JsonLines, read_events
from functions_host.functions import Delivery, Result
from functions_host.invocations import Invocation


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.json"


@pytest.fixture
def logger(path: Path) -> Generator[logging.Logger]:
    """A logger whose events go to ``path``."""
    found = logging.getLogger("functions_host")
    level, handler = found.level, JsonLines(path)
    found.addHandler(handler)
    found.setLevel(logging.DEBUG)
    yield found
    found.setLevel(level)
    found.removeHandler(handler)
    handler.close()


def test_events_go_to_the_file_at_once(logger: logging.Logger, path: Path) -> None:
    """Each event is a line of JSON with the fields that apply; a record without an event is not there."""
    before = dt.datetime.now(dt.UTC)

    logger.debug("text", extra={"event": Event(kind=EventKind.WORKER_STARTED, worker_pid=7)})
    logger.warning("no event")

    line = json.loads(path.read_text(encoding="utf-8"))
    assert before <= dt.datetime.fromisoformat(line.pop("time")) <= dt.datetime.now(dt.UTC)
    assert line == {"event": "worker_started", "worker_pid": 7}


def test_events_can_be_read_again(logger: logging.Logger, path: Path) -> None:
    """What was written is what is read, with its time."""
    event = Event(kind=EventKind.EXECUTED, function="f", invocation_id="i", ok=False, duration_ms=3, error="no")

    logger.info("text", extra={"event": event})

    (found,) = read_events(path)
    assert found.time is not None
    assert found == Event(
        kind=EventKind.EXECUTED,
        time=found.time,
        function="f",
        invocation_id="i",
        ok=False,
        duration_ms=3,
        error="no",
    )


def test_line_that_is_being_written(logger: logging.Logger, path: Path) -> None:
    """A reader beside the host may find a last line without its end: it is left out."""
    logger.info("text", extra={"event": Event(kind=EventKind.HOST_STARTED)})
    with path.open("a", encoding="utf-8") as file:
        file.write('{"time": "2026-')

    assert [each.kind for each in read_events(path)] == [EventKind.HOST_STARTED]


def test_no_file(path: Path) -> None:
    """A host that hasn't begun to write has recorded nothing."""
    assert read_events(path) == ()


def test_invocation_in_the_hosts_words(caplog: pytest.LogCaptureFixture) -> None:
    """An invocation's lines are those of the real host, and a failure says why."""
    delivery = Delivery(queue="work", message_id="m1", dequeue_count=2, inserted_on="2026-11-23T08:08:59.000+00:00")
    invocation = Invocation(function="copy", id="i1", delivery=delivery)

    with caplog.at_level(logging.INFO):
        invocation.log_start("New queue message detected on 'work'.")
        invocation.log_end(Result(ok=False, error="ValueError('no')"), seconds=0.0124)

    begun = (
        "Executing 'Functions.copy' (Reason='New queue message detected on 'work'.', Id=i1) Trigger Details: "
        "MessageId: m1, DequeueCount: 2, InsertedOn: 2026-11-23T08:08:59.000+00:00"
    )
    assert caplog.messages == [
        begun,
        "Executed 'Functions.copy' (Failed, Id=i1, Duration=12ms) ValueError('no')",
    ]
    assert [record.levelname for record in caplog.records] == ["INFO", "ERROR"]
