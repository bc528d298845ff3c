"""Logs that say it in the message.

A line is logged with its fields: ``logger.info("asset copied", extra={"action": "asset_copied", "bytes": 7})``. The
Functions worker sends the formatted message to the host and nothing else (``on_logging`` in
azure_functions_worker/dispatcher.py of Azure/azure-functions-python-worker), so the fields are appended to the message
as JSON, and alerts read that: ``asset copied {"action":"asset_copied","bytes":7}``.

The worker owns the handlers and adds one whenever it likes, and filters of a logger don't see what its children log. So
it is the record that changes: it words its message itself, whichever handler asks, and no handler is added.
"""

import functools
import json
import logging
import math
import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast, override

#: Takes secrets and control characters out of a text.
type Redact = Callable[[str], str]

_OURS = frozenset({"shared", "sluice", "function_app"})
_CHATTY = ("aiohttp", "azure", "urllib3")
# Application Insights keeps 32,768 characters of a message.
_LONGEST_MESSAGE = 8192
_LONGEST_FIELD = 2048


def configure_logging(*, redact: Redact) -> None:
    """Redact every record of this process, append our fields to our messages, quieten libraries. Idempotent.

    A field is named as no attribute of ``logging.LogRecord`` is (not ``name`` or ``message``): logging refuses those.
    """
    logging.setLogRecordFactory(functools.partial(_WordedRecord, redact))
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


class _WordedRecord(logging.LogRecord):
    """A record whose message is final once it was asked for: redacted, with its fields."""

    def __init__(self, redact: Redact, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._redact = redact
        self._worded = False
        if self.exc_info and self.exc_info[0]:
            # Formatters take this text, where there is one, for the traceback.
            lines = "".join(traceback.format_exception(*self.exc_info)).splitlines()
            self.exc_text = "\n".join(map(redact, lines))

    @override
    def getMessage(self) -> str:
        if not self._worded:
            text = self._redact(self._text())[:_LONGEST_MESSAGE]
            fields = self._fields() if self.name.partition(".")[0] in _OURS else {}
            # Kept in msg, so that a handler that queues the formatted record doesn't get the fields twice.
            self.msg, self.args, self._worded = f"{text} {_json(fields)}" if fields else text, None, True
        return str(self.msg)

    def _text(self) -> str:
        try:
            return super().getMessage()
        except (TypeError, ValueError, KeyError):
            # Arguments that don't fit: logging would print them to stderr as they are, and the worker's handler raise.
            return f"{self.msg} {self.args}"

    def _fields(self) -> dict[str, object]:
        given = {name: value for name, value in vars(self).items() if name not in _standard()}
        return {name: _plain(value, name=name, redact=self._redact) for name, value in given.items()}


@functools.cache
def _standard() -> frozenset[str]:
    """The attributes of a record that nobody gave a field, and those that formatters add."""
    record = _WordedRecord(str, "", logging.INFO, "", 0, "", (), None)
    return frozenset({*vars(record), "message", "asctime"})


def _plain(value: object, *, name: str, redact: Redact) -> object:
    """A field as JSON has it."""
    if isinstance(value, Mapping):
        members = cast("Mapping[object, object]", value)
        return {redact(str(key)): _plain(each, name=str(key), redact=redact) for key, each in members.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each, name=name, redact=redact) for each in cast("Iterable[object]", value)]
    if isinstance(value, timedelta):
        return value.total_seconds()
    if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    # With its name before it: a field that is called token is one.
    return redact(f"{name}={text}").removeprefix(f"{name}=")[:_LONGEST_FIELD]


def _json(fields: Mapping[str, object]) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
