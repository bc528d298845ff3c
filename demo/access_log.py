"""Azurite's access log: what reached storage, whoever sent it."""

import collections
import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from demo.azurite import ACCOUNT

# 127.0.0.1 - - [24/Nov/2026:08:51:38 +0000] "PUT /devstoreaccount1/assets/a/b.tif?comp=blocklist HTTP/1.1" 201 -
_LINE = re.compile(r'"(?P<method>[A-Z]+) (?P<target>\S+) HTTP/1\.1" (?P<status>\d{3}) ')
_WRITES = frozenset({"PUT", "PATCH", "MERGE", "DELETE"})
_CREATED, _FIRST_FAILURE = 201, 300


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that Azurite answered."""

    method: str
    #: Below the account, decoded.
    path: str
    #: The parameter ``comp``, which tells the operations on one address apart; empty for the plain one.
    operation: str
    status: int


def read_requests(log: Path) -> tuple[Request, ...]:
    """All requests so far, in the order of their answers."""
    text = log.read_text(encoding="utf-8", errors="replace")
    return tuple(map(_request, _LINE.finditer(text)))


def commits(requests: Iterable[Request], *, container: str) -> Mapping[str, int]:
    """How often each blob of a container was written: Put Blob or Put Block List, answered by 201."""
    found = (each for each in requests if each.operation in {"", "blocklist"} and _created(each))
    return collections.Counter(name for each in found if (name := _blob(each, container)))


def unfinished(requests: Sequence[Request], *, container: str) -> frozenset[str]:
    """The blobs of which blocks were staged and no list was committed yet."""
    staged = (each for each in requests if each.operation == "block" and _created(each))
    return frozenset(name for each in staged if (name := _blob(each, container))) - set(
        commits(requests, container=container)
    )


def sends(requests: Iterable[Request], *, queue: str) -> int:
    """How many messages were put into a queue."""
    return sum(
        each.method == "POST" and each.path == f"{queue}/messages" and each.status == _CREATED for each in requests
    )


def row_rewrites(requests: Iterable[Request], *, table: str) -> int:
    """How many single rows of a table were replaced or deleted: an insert is a POST, and not counted."""
    return sum(
        each.method in _WRITES and each.path.startswith(f"{table}(") and each.status < _FIRST_FAILURE
        for each in requests
    )


def _request(line: re.Match[str]) -> Request:
    target = urlsplit(line["target"])
    return Request(
        method=line["method"],
        path=unquote(target.path).removeprefix(f"/{ACCOUNT}/"),
        operation=parse_qs(target.query).get("comp", [""])[0],
        status=int(line["status"]),
    )


def _created(request: Request) -> bool:
    return request.method == "PUT" and request.status == _CREATED


def _blob(request: Request, container: str) -> str | None:
    place, _, name = request.path.partition("/")
    return name if place == container and name else None
