"""All that stands in the poison queues, read past Sluice."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Any

from azure.storage.queue import QueueServiceClient

from demo.evidence import read_poison

_NEVER = 9999
_PAGE = 32
_HIDDEN_SECONDS = 120


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Poisoned:
    """A message in a poison queue."""

    queue: str
    #: As it stands there.
    text: str
    #: Item and key of each that it names; none where it is no copy request.
    assets: tuple[tuple[str, str], ...]
    #: The class that its reason names, if it has one.
    error: str | None
    expires: dt.datetime

    @property
    def stays(self) -> bool:
        """Whether it never expires."""
        return self.expires.year == _NEVER


def read_all(connection_string: str) -> Sequence[Poisoned]:
    """Receive every message, since a peek shows 32 only, and show each again; nobody else may read meanwhile."""
    with QueueServiceClient.from_connection_string(connection_string) as service:
        names = sorted(each.name for each in service.list_queues() if each.name.endswith("-poison"))
        return [found for name in names for found in _read(service, name)]


def _read(service: QueueServiceClient, name: str) -> Sequence[Poisoned]:
    with service.get_queue_client(name) as queue:
        received: list[Any] = list(queue.receive_messages(messages_per_page=_PAGE, visibility_timeout=_HIDDEN_SECONDS))
        for each in received:
            queue.update_message(each, visibility_timeout=0)
    return [_poisoned(name, each) for each in received]


def _poisoned(queue: str, message: Any) -> Poisoned:
    text = str(message.content)
    assets, error = read_poison(text)
    return Poisoned(queue=queue, text=text, assets=assets, error=error, expires=message.expires_on)
