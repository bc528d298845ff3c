"""The wire's log, read: calls to the queue service, in the order of their answers."""

import base64
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

#: A message that is hidden for longer is being processed; what failed waits for less.
_LEASE_SECONDS = 60
_CREATED, _NO_CONTENT, _OK = 201, 204, 200


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, answered."""

    #: When its answer passed, in seconds since 1970, and how long the service took.
    at: float
    took: float
    method: str
    queue: str
    #: The message that it is about, where it is about one.
    message: str | None
    status: int
    #: Messages that the answer names.
    ids: tuple[str, ...] = ()
    #: The items whose assets a sent message asks for.
    items: frozenset[str] = frozenset()
    #: Seconds for which the message is hidden.
    hides: int | None = None

    @property
    def is_send(self) -> bool:
        """Whether a message was put into the queue."""
        return self.method == "POST" and self.status == _CREATED

    @property
    def is_receive(self) -> bool:
        """Whether messages were asked for, be there some or none."""
        return self.method == "GET" and self.message is None and self.status == _OK and self.hides is not None

    @property
    def is_delete(self) -> bool:
        """Whether a message was acknowledged."""
        return self.method == "DELETE" and self.message is not None and self.status == _NO_CONTENT

    @property
    def is_release(self) -> bool:
        """Whether a message that failed was given back, to be visible later."""
        is_update = self.method == "PUT" and self.message is not None and self.status == _NO_CONTENT
        return is_update and self.hides is not None and self.hides <= _LEASE_SECONDS


def read_calls(log: Path) -> tuple[Call, ...]:
    """All calls so far; a last line without its end is left out."""
    whole, _, _ = log.read_text(encoding="utf-8").rpartition("\n")
    return tuple(_call(json.loads(line)) for line in whole.splitlines())


def _call(line: Mapping[str, Any]) -> Call:
    # {"at": 1.5, "took": 0.002, "method": "DELETE", "target": "/account/copy/messages/<id>?popreceipt=...",
    #  "status": 204, "ids": [], "text": null}
    target = urlsplit(str(line["target"]))
    _, _, queue, *rest = target.path.split("/")
    hides = parse_qs(target.query).get("visibilitytimeout")
    return Call(
        at=line["at"],
        took=line["took"],
        method=line["method"],
        queue=queue,
        message=rest[1] if len(rest) > 1 else None,
        status=line["status"],
        ids=tuple(line["ids"]),
        items=_items(line["text"]) if line["text"] else frozenset(),
        hides=int(hides[0]) if hides else None,
    )


def _items(text: str) -> frozenset[str]:
    """The items that a message's text names; none where it is no copy request."""
    body = json.loads(base64.b64decode(text))
    return frozenset(f"{body['dataset']}/{each['item']}" for each in body.get("assets", ()))
