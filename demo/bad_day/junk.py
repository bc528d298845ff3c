"""What somebody else puts on the queues by mistake."""

import base64
import dataclasses
from collections.abc import Iterable

from azure.storage.queue import QueueServiceClient


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Junk:
    """A message that is none of ours."""

    queue: str
    #: As it is put there.
    text: str
    what: str


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


#: The first can't be decoded by the runtime, which puts it aside itself, for seven days; the others reach Sluice.
JUNK = (
    Junk(queue="copy", text="https://data.example.org/scene 1.tif", what="not Base64"),
    Junk(queue="copy-live", text=_encoded("please copy scene 2"), what="not JSON"),
    Junk(queue="publish", text=_encoded('{"order": 17, "dataset": "archive", "pizza": true}'), what="foreign JSON"),
)


def litter(connection_string: str, junk: Iterable[Junk] = JUNK) -> None:
    """Put it on its queues."""
    with QueueServiceClient.from_connection_string(connection_string) as service:
        for each in junk:
            with service.get_queue_client(each.queue) as queue:
                queue.send_message(each.text, time_to_live=-1)
