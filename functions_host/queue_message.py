"""A queue message as the host sees it: its body, and what the function is told about it.

Sources: azure-sdk-for-net QueueTriggerBinding.cs (CreateBindingData), QueueServiceClientProvider.cs;
azure-functions-host Utility.cs (ApplyBindingData), GrpcMessageConversionExtensions.cs.
"""

import binascii
import dataclasses
import datetime as dt
import json
import re
from typing import Any

from azure.storage.queue import QueueMessage

from functions_host.functions import Datum, Delivery
from functions_host.host_json import Encoding

_WHITE_SPACE = re.compile(r"[ \t\r\n]")
_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")


class UndecodableMessageError(ValueError):
    """A message's text is not Base64, though the host expects that."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that was received and is hidden for a while."""

    id: str
    #: The receipt of the dequeue; a renewal makes a new one.
    pop_receipt: str
    dequeue_count: int
    inserted_on: dt.datetime
    expires_on: dt.datetime
    next_visible_on: dt.datetime
    #: The text as it stands in the queue.
    stored: str

    def body(self, encoding: Encoding) -> bytes:
        """The message's bytes.

        Raises:
            UndecodableMessageError: it is not Base64.
        """
        if encoding is Encoding.NONE:
            return self.stored.encode()
        try:
            # .NET's decoder takes white space anywhere, and nothing else that is foreign.
            return binascii.a2b_base64(_WHITE_SPACE.sub("", self.stored), strict_mode=True)
        except ValueError as error:
            raise UndecodableMessageError(f"the text of message {self.id} is not Base64") from error

    def delivery(self, queue: str) -> Delivery:
        """This dequeue, for the log."""
        inserted_on = self.inserted_on.isoformat(timespec="milliseconds")
        return Delivery(queue=queue, message_id=self.id, dequeue_count=self.dequeue_count, inserted_on=inserted_on)


def received(message: QueueMessage) -> Message:
    """Take over what the storage library received."""
    found: Any = message
    return Message(
        id=found.id,
        pop_receipt=found.pop_receipt,
        dequeue_count=found.dequeue_count,
        inserted_on=found.inserted_on.astimezone(dt.UTC),
        expires_on=found.expires_on.astimezone(dt.UTC),
        next_visible_on=found.next_visible_on.astimezone(dt.UTC),
        stored=found.content or "",
    )


def trigger_metadata(message: Message, *, text: str | None) -> dict[str, Datum]:
    """What the function is told of the message; ``text`` is its body, ``None`` where that is no UTF-8.

    The top-level properties of a body that is a JSON object are told too, and replace the message's own of the same
    name in any case: a body ``{"id": 7}`` makes 7 the message's id.
    """
    own: dict[str, Datum] = {} if text is None else {"QueueTrigger": ("string", text)}
    own |= {
        "Id": ("string", message.id),
        "PopReceipt": ("string", message.pop_receipt),
        "DequeueCount": ("json", str(message.dequeue_count)),
        "InsertionTime": ("json", json.dumps(_iso(message.inserted_on))),
        "ExpirationTime": ("json", json.dumps(_iso(message.expires_on))),
        "NextVisibleTime": ("json", json.dumps(_iso(message.next_visible_on))),
    }
    names = {name.casefold(): name for name in own}
    for name, value in _properties(text or "").items():
        # The host's dictionary ignores case, and keeps the spelling that came first.
        own[names.setdefault(name.casefold(), name)] = value
    return {name: value for name, value in own.items() if name.casefold() != "sys"}


def _properties(text: str) -> dict[str, Datum]:
    if not (text.strip().startswith("{") and text.strip().endswith("}")):
        return {}
    try:
        content: dict[str, Any] = json.loads(text)
        return {
            name: ("json", json.dumps(value)) if isinstance(value, dict) else ("string", _dotnet_text(value))
            for name, value in content.items()
            if value is not None and not isinstance(value, list)
        }
    except (ValueError, RecursionError):
        # Whoever can write to the queue can nest 20,000 lists: no JSON that anybody reads, and no end of the host.
        return {}


def _dotnet_text(value: object) -> str:
    # The host reads the body with Newtonsoft.Json, which takes a text that looks like an ISO time for one, and makes
    # it a text again in the invariant culture: a format in which the worker does not read times.
    if isinstance(value, str) and _ISO_TIME.fullmatch(value):
        return _invariant_time(value)
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _invariant_time(text: str) -> str:
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    utc = time.astimezone(dt.UTC) if time.tzinfo is not None else time
    return utc.strftime("%m/%d/%Y %H:%M:%S")


def _iso(time: dt.datetime) -> str:
    return time.isoformat()
