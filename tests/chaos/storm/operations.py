"""What is asked of storage, by method and path: the operations to which something can happen."""

import enum
import json
import re

from tests.chaos.standing import CONTAINER
from tests.end_to_end.exchanges import Caller, Exchange, Service


class Operation(enum.StrEnum):
    """A kind of request to storage."""

    PUT_BLOB = "put blob"
    PUT_BLOCK = "put block"
    COMMIT_BLOCKS = "commit blocks"
    LIST_BLOCKS = "list blocks"
    LOOK_AT_BLOB = "look at blob"
    KEEP_PAGE = "keep page"
    READ_PAGE = "read page"
    KEEP_DOCUMENT = "keep document"
    READ_DOCUMENT = "read document"
    PUBLISH_ITEM = "publish item"
    LOOK_AT_ITEM = "look at item"
    SEND_PAGE = "send page"
    SEND_COPY = "send copy request"
    SEND_PUBLISH = "send publish request"
    SEND_POISON = "send poison"
    COUNT_MESSAGES = "count messages"
    READ_ROW = "read ledger row"
    QUERY_ROWS = "query ledger rows"
    WRITE_ROWS = "write ledger rows"
    READ_FAILURE = "read failure"
    WRITE_FAILURE = "write failure"
    READ_RUN = "read run"
    WRITE_RUN = "write run"
    READ_COUNTS = "read counts"
    WRITE_COUNTS = "write counts"
    READ_HOLD = "read hold"
    WRITE_HOLD = "write hold"
    WRITE_ACTIVITY = "write activity"
    #: The host's own.
    RECEIVE = "receive"
    RENEW = "renew or release"
    ACKNOWLEDGE = "acknowledge"
    MOVE_TO_POISON = "move to poison"
    #: Made when an app starts, and whatever is asked once.
    OTHER = "other"


#: Those of the host.
HOSTS_OWN = frozenset({Operation.RECEIVE, Operation.RENEW, Operation.ACKNOWLEDGE, Operation.MOVE_TO_POISON})

_ROW_KEY = re.compile(r"RowKey='([^']*)'")
_BLOBS = {
    ("PUT", "pages"): Operation.KEEP_PAGE,
    ("GET", "pages"): Operation.READ_PAGE,
    ("PUT", "items"): Operation.KEEP_DOCUMENT,
    ("GET", "items"): Operation.READ_DOCUMENT,
}
_ASSETS = {
    ("PUT", ""): Operation.PUT_BLOB,
    ("PUT", "block"): Operation.PUT_BLOCK,
    ("PUT", "blocklist"): Operation.COMMIT_BLOCKS,
    ("GET", "blocklist"): Operation.LIST_BLOCKS,
    ("HEAD", ""): Operation.LOOK_AT_BLOB,
}
_ITEMS = {("PUT", ""): Operation.PUBLISH_ITEM, ("HEAD", ""): Operation.LOOK_AT_ITEM}
_HOSTS = {"GET": Operation.RECEIVE, "PUT": Operation.RENEW, "DELETE": Operation.ACKNOWLEDGE}
_SENDS = {"discover": Operation.SEND_PAGE, "publish": Operation.SEND_PUBLISH}


def operation_of(exchange: Exchange, body: bytes) -> Operation:
    """Which operation a request is."""
    match exchange.service:
        case Service.BLOB:
            return _of_blobs(exchange)
        case Service.QUEUE:
            return _of_queues(exchange)
        case Service.TABLE:
            return _of_tables(exchange, body)


def _of_blobs(exchange: Exchange) -> Operation:
    container, _, name = exchange.path.partition("/")
    if not name:
        return Operation.OTHER
    if container != CONTAINER:
        return _BLOBS.get((exchange.method, container), Operation.OTHER)
    kinds = _ITEMS if "/items/" in name else _ASSETS
    return kinds.get((exchange.method, exchange.query.get("comp", "")), Operation.OTHER)


def _of_queues(exchange: Exchange) -> Operation:
    queue, _, rest = exchange.path.partition("/")
    if not rest.startswith("messages"):
        is_count = exchange.method in {"GET", "HEAD"} and exchange.query.get("comp") == "metadata"
        return Operation.COUNT_MESSAGES if is_count and exchange.caller is Caller.APP else Operation.OTHER
    is_hosts = exchange.caller is Caller.HOST
    if exchange.is_send and queue.endswith("-poison"):
        return Operation.MOVE_TO_POISON if is_hosts else Operation.SEND_POISON
    if exchange.is_send:
        return _SENDS.get(queue, Operation.SEND_COPY)
    return _HOSTS.get(exchange.method, Operation.OTHER) if is_hosts else Operation.OTHER


def _of_tables(exchange: Exchange, body: bytes) -> Operation:
    if exchange.path == "$batch":
        return Operation.WRITE_ROWS
    table, _, keys = exchange.path.partition("(")
    reads = exchange.method == "GET"
    match table:
        case "ledger":
            return Operation.READ_ROW if "RowKey=" in keys else Operation.QUERY_ROWS
        case "failures":
            return Operation.READ_FAILURE if reads else Operation.WRITE_FAILURE
        case "activity" if not reads:
            return Operation.WRITE_ACTIVITY
        case "runs":
            return _of_runs(_row(keys, body), reads=reads)
        case _:
            return Operation.OTHER


def _of_runs(row: str, *, reads: bool) -> Operation:
    if row.startswith("part-") or not row:
        return Operation.READ_COUNTS if reads else Operation.WRITE_COUNTS
    if row.startswith("newest"):
        return Operation.READ_RUN if reads else Operation.WRITE_RUN
    return Operation.READ_HOLD if reads else Operation.WRITE_HOLD


def _row(keys: str, body: bytes) -> str:
    """The row that a request is for: in its path, or in the entity that it brings."""
    if found := _ROW_KEY.search(keys):
        return found[1]
    try:
        return str(json.loads(body).get("RowKey", "")) if body else ""
    except (ValueError, AttributeError):
        return ""
