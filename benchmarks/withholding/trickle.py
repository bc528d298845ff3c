"""A trickle of live assets: copy requests to the queue ``copy-live``, as an event makes them."""

import base64
import contextlib
import random
import threading
import uuid
from collections.abc import Generator, Sequence
from datetime import UTC, datetime

from azure.storage.queue import QueueClient

from benchmarks.withholding.folder import LIVE, href_of
from benchmarks.withholding.plan import FILE_BYTES, KEYS, Plan
from shared.model.assets import Asset
from shared.model.messages import CopyRequest, Queue

_END_SECONDS = 30.0


@contextlib.contextmanager
def trickling(plan: Plan, *, connection_string: str, ports: Sequence[int]) -> Generator[None]:
    """Send live assets until the block ends, at moments drawn from the plan's seed."""
    over = threading.Event()
    chance = random.Random(plan.live_stream.seed)

    def send() -> None:
        number = 0
        with QueueClient.from_connection_string(connection_string, Queue.COPY_LIVE.value) as queue:
            while not over.wait(plan.live_seconds * chance.uniform(0.5, 1.5)):
                queue.send_message(live_message(number, ports=ports), time_to_live=-1)
                number += 1

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    try:
        yield
    finally:
        over.set()
        sender.join(_END_SECONDS)


def live_message(number: int, *, ports: Sequence[int]) -> str:
    """The text of a message that asks for one live asset."""
    item, key = f"live-{number:06}", KEYS[0]
    href = href_of(LIVE, item, key, ports=ports)
    asset = Asset(item=item, key=href, href=href, name=f"{LIVE}/{item}.bin", size=FILE_BYTES)
    cause = f"event-{uuid.uuid4().hex}"
    request = CopyRequest(dataset=LIVE, cause=cause, asked_at=datetime.now(UTC), assets=(asset,))
    return base64.b64encode(request.encode().encode()).decode()
