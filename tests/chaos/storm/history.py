"""What storage was asked and has done, as its proxy saw it: all that the judge goes by, beside what stands there."""

import base64
import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from tests.chaos.standing import Standing
from tests.chaos.storm.plan import Identity

_STATUS = re.compile(r"^HTTP/1\.1 (\d{3})\b", re.MULTILINE)
_REFUSED_FROM = 400


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A blob that was written."""

    slot: int
    blob: str
    #: The run or event that asked, and the description that it had, by the blob's metadata.
    cause: str
    #: The ETag that stood there before, and the one that the request named.
    replaced: str | None
    named: str | None
    made: Standing


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RowWrite:
    """A ledger row that was written, and what stood at its blob in that moment."""

    slot: int
    identity: Identity
    blob: str
    etag: str
    length: int
    digests: tuple[str, ...]
    cause: str
    #: What was known of the blob by then: every version of it that had stood there, and the ETag that did.
    stood: tuple[Standing, ...]
    standing: str | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that a queue has accepted."""

    queue: str
    #: As the queue calls it.
    message: str
    text: str
    #: None: it lives for a week, since the service's default is that.
    seconds_to_live: str | None

    @property
    def assets(self) -> tuple[Identity, ...]:
        """What it asks for."""
        return assets_of(message_body(self.text))


@dataclasses.dataclass(slots=True)
class History:
    """All that was done."""

    commits: list[Commit] = dataclasses.field(default_factory=list[Commit])
    rows: list[RowWrite] = dataclasses.field(default_factory=list[RowWrite])
    sent: list[Sent] = dataclasses.field(default_factory=list[Sent])
    #: Where a secret was found on its way to where it would rest.
    secrets: list[str] = dataclasses.field(default_factory=list[str])


def assets_of(body: Mapping[str, Any] | None) -> tuple[Identity, ...]:
    """The assets that a copy request names; none where it is none."""
    # {"v": 1, "kind": "copy", "assets": [{"item": ..., "key": ..., ...}], "reason": {"error": ..., ...}, ...}
    try:
        return tuple((str(each["item"]), str(each["key"])) for each in body["assets"]) if body else ()
    except (KeyError, TypeError):
        return ()


def field_of(xml: bytes, name: str) -> str:
    """A field of a message that is sent, or of the answer to that; empty where there is none."""
    # <QueueMessage><MessageText>...</MessageText></QueueMessage>
    # <QueueMessagesList><QueueMessage><MessageId>...</MessageId>...</QueueMessage></QueueMessagesList>
    try:
        return ET.fromstring(xml).findtext(f".//{name}") or ""
    except ET.ParseError:
        return ""


def message_body(text: str) -> Mapping[str, Any] | None:
    """A message's body, or None where it is none of ours."""
    try:
        found: Any = json.loads(base64.b64decode(text, validate=True))
    except ValueError:
        return None
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else None


def cause_in(headers: Mapping[str, str]) -> str:
    """Who asked for a blob, by the metadata that it is written with."""
    values = {name.lower(): unquote(value) for name, value in headers.items()}
    return f"{values.get('x-ms-meta-sluice_cause', '')} {values.get('x-ms-meta-sluice_description', '')}"


def entities_in(transaction: bytes) -> Iterator[Mapping[str, Any]]:
    """The entities that a transaction brings: JSON, a line each."""
    for line in transaction.splitlines():
        if line.startswith(b"{"):
            yield json.loads(line)


def is_done(answer: bytes) -> bool:
    """Whether every operation of a transaction was done, by the answer to it."""
    # --changesetresponse_...\r\nContent-Type: application/http\r\n...\r\n\r\nHTTP/1.1 204 No Content\r\n...
    statuses = [int(each) for each in _STATUS.findall(answer.decode("utf-8", "replace"))]
    return bool(statuses) and max(statuses) < _REFUSED_FROM
