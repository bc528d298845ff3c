"""What handlers are given, whichever they are."""

import json
import logging
import logging.handlers
import queue
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import override

import pytest

from shared.redaction import redacted
from shared.telemetry import configure_logging


class Colour(StrEnum):
    """Something to log."""

    RED = "red"


class Worker(logging.Handler):
    """The Functions worker's handler: it sends the formatted record and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.sent.append(self.format(record))


@pytest.fixture
def worker() -> Generator[Worker]:
    """A handler of the worker on the root logger, with logging as it was afterwards."""
    root, factory = logging.getLogger(), logging.getLogRecordFactory()
    levels = {name: logging.getLogger(name).level for name in ("", "aiohttp", "azure", "urllib3")}
    handler = Worker()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    logging.setLogRecordFactory(factory)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def configured(worker: Worker) -> Worker:
    configure_logging(redact=redacted)
    return worker


def test_fields_are_in_the_message(configured: Worker) -> None:
    """Fields follow the message as JSON, in their order."""
    logging.getLogger("shared.copying").info(
        "asset %s", "copied", extra={"action": "asset_copied", "bytes": 7, "ratio": 0.5, "whole": True, "item": None}
    )

    assert configured.sent == ['asset copied {"action":"asset_copied","bytes":7,"ratio":0.5,"whole":true,"item":null}']


@pytest.mark.parametrize("name", ["shared", "shared.sources.reading", "sluice.census", "function_app"])
def test_whose_fields(configured: Worker, name: str) -> None:
    """All that is ours has its fields in the message, as they are written."""
    logging.getLogger(name).info("done", extra={"item": "Zürich"})

    assert configured.sent == ['done {"item":"Zürich"}']


def test_no_fields(configured: Worker) -> None:
    """A message without fields stays as it is."""
    logging.getLogger("shared").warning("100 % done")

    assert configured.sent == ["100 % done"]


def test_fields_of_others(configured: Worker) -> None:
    """Fields that libraries log stay where they are."""
    logging.getLogger("somelibrary").info("done", extra={"span": object()})

    assert configured.sent == ["done"]


def test_fields_as_json_has_them(configured: Worker) -> None:
    """Times, durations, choices, collections, errors and infinities become JSON that any parser reads."""
    fields = {
        "at": datetime(2024, 3, 5, 12, tzinfo=UTC),
        "delay": timedelta(minutes=1, milliseconds=500),
        "colour": Colour.RED,
        "names": ("a", Colour.RED),
        "counts": {"a": 1, 2: [timedelta(seconds=1)]},
        "error": ValueError("bad"),
        "ratio": float("inf"),
    }

    logging.getLogger("shared").info("done", extra=fields)

    assert json.loads(configured.sent[0].removeprefix("done ")) == {
        "at": "2024-03-05T12:00:00+00:00",
        "delay": 60.5,
        "colour": "red",
        "names": ["a", "red"],
        "counts": {"a": 1, "2": [1.0]},
        "error": "bad",
        "ratio": "inf",
    }


@pytest.mark.parametrize("name", ["shared.sources", "azure.core", "root"])
def test_secrets_in_messages(configured: Worker, name: str) -> None:
    """Whoever logs a signed URL logs no signature."""
    logging.getLogger(name).warning("got %s", "https://h/a?sig=c4n4ry&x=1")

    assert configured.sent == ["got https://h/a?sig=REDACTED&x=1"]


def test_secrets_in_fields(configured: Worker) -> None:
    """Fields are redacted by their value and by their name, at any depth, and stay JSON."""
    fields = {
        "href": "https://h/a?sig=c4n4ry",
        "token": "c4n4ry",
        "headers": {"Authorization": "Bearer c4n4ry", "Accept": '"quoted"\n'},
        "urls": ["https://u:c4n4ry@h/"],
        "by_url": {"https://h/a?sig=c4n4ry": 1},
    }

    logging.getLogger("shared").info("done", extra=fields)

    assert json.loads(configured.sent[0].removeprefix("done ")) == {
        "href": "https://h/a?sig=REDACTED",
        "token": "REDACTED",
        "headers": {"Authorization": "REDACTED", "Accept": '"quoted"\\n'},
        "urls": ["https://REDACTED@h/"],
        "by_url": {"https://h/a?sig=REDACTED": 1},
    }


def test_secrets_in_tracebacks(configured: Worker) -> None:
    """A traceback is redacted line by line, causes included."""
    try:
        _fail()
    except RuntimeError:
        logging.getLogger("shared").exception("failed", extra={"action": "failed"})

    first, *lines = configured.sent[0].splitlines()
    assert first == 'failed {"action":"failed"}'
    assert "ValueError: invalid literal for int() with base 10: 'https://h/a?sig=REDACTED" in lines
    assert "RuntimeError: https://REDACTED@h/" in lines
    assert "c4n4ry" not in configured.sent[0]


def test_exception_that_is_none(configured: Worker) -> None:
    """To ask for a traceback where there is none does no harm."""
    logging.getLogger("shared").info("done", exc_info=True)  # noqa: LOG014 - the case itself

    assert configured.sent == ["done\nNoneType: None"]


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("got %s and %s", ("https://h/a?sig=c4n4ry",)),
        ("got %d", ("https://h/a?sig=c4n4ry",)),
        ("got %(url)s", ({"href": "https://h/a?sig=c4n4ry"},)),
        ("got 100 %!", ("https://h/a?sig=c4n4ry",)),
    ],
)
def test_arguments_that_do_not_fit(configured: Worker, message: str, arguments: tuple[object, ...]) -> None:
    """A library's mistake in a log call is heard all the same, without its secrets, and breaks nothing."""
    logging.getLogger("somelibrary").info(message, *arguments)

    (sent,) = configured.sent
    assert sent.startswith(f"{message} ")
    assert "sig=REDACTED" in sent


def test_forged_lines(configured: Worker) -> None:
    """What somebody else wrote can't begin a line of its own."""
    logging.getLogger("shared").info("got %s", "a\r\nadmin logged in\x1b[2J", extra={"name_": "b\nc"})

    assert configured.sent == ['got a\\r\\nadmin logged in\\x1b[2J {"name_":"b\\\\nc"}']


def test_long_texts(configured: Worker) -> None:
    """Message and fields are bounded, and the fields still parse."""
    logging.getLogger("shared").info("a" * 100_000, extra={"error": "b" * 100_000})

    message, _, fields = configured.sent[0].partition(" ")
    assert len(message) == 8192
    assert json.loads(fields) == {"error": "b" * 2048}


def test_two_handlers(configured: Worker) -> None:
    """Every handler gets the same message, one that queues formatted records too."""
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    logger = logging.getLogger("shared.twice")
    queued, second = logging.handlers.QueueHandler(records), Worker()
    for each in (queued, second):
        logger.addHandler(each)

    logger.info("done", extra={"a": 1})
    second.handle(records.get_nowait())

    assert [*configured.sent, *second.sent] == ['done {"a":1}'] * 3
    for each in (queued, second):
        logger.removeHandler(each)


def test_configured_twice(configured: Worker) -> None:
    """To configure again changes nothing, and no handler is ever added."""
    handlers = list(logging.getLogger().handlers), list(logging.getLogger("shared").handlers)

    configure_logging(redact=redacted)
    logging.getLogger("shared").info("done", extra={"a": 1})

    assert (logging.getLogger().handlers, logging.getLogger("shared").handlers) == handlers
    assert configured.sent == ['done {"a":1}']


@pytest.mark.parametrize("name", ["azure.core.pipeline.policies.http_logging_policy", "aiohttp.access", "urllib3"])
def test_libraries_are_quiet(configured: Worker, name: str) -> None:
    """Libraries that log every request, URL and all, are heard from a warning on."""
    logging.getLogger(name).info("GET /")
    logging.getLogger(name).warning("retrying")

    assert configured.sent == ["retrying"]


def test_handler_that_comes_later(worker: Worker) -> None:
    """A handler that the worker adds after all was configured gets the same."""
    logging.getLogger().removeHandler(worker)
    configure_logging(redact=redacted)
    logging.getLogger().addHandler(worker)

    logging.getLogger("shared").info("done", extra={"a": 1})

    assert worker.sent == ['done {"a":1}']


def _fail() -> None:
    try:
        int("https://h/a?sig=c4n4ry")
    except ValueError as error:
        raise RuntimeError("https://u:c4n4ry@h/") from error
