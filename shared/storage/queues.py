"""Queues: messages that never expire."""

import logging
import math
from datetime import timedelta
from typing import Protocol

from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from shared.model.errors import MalformedRequestError
from shared.model.messages import Queue
from shared.redaction import told
from shared.storage.answers import translated

logger = logging.getLogger(__name__)

NOW = timedelta(0)
# Azure's default is seven days, and then the message is gone
# (https://learn.microsoft.com/rest/api/storageservices/put-message).
_NEVER_EXPIRES = -1


class Queues(Protocol):
    """The queues of the data account."""

    async def send(self, queue: str, body: str, *, delay: timedelta = NOW) -> None:
        """Send a message that never expires, visible after the delay (seven days at most).

        Returns once the service has accepted it. A send whose answer was lost is sent again by the caller: a duplicate
        is legal, a gap isn't. Raises StorageFailedError.
        """
        ...

    async def count(self, queue: str) -> int:
        """How many messages stand in a queue, visible or not: approximate. Raises StorageFailedError."""
        ...


class AzureQueues:
    """Queues in Azure Storage, in Base64 as the queue trigger expects it."""

    def __init__(self, service: QueueServiceClient) -> None:
        self._service = service
        self._clients: dict[str, QueueClient] = {}

    async def send(self, queue: str, body: str, *, delay: timedelta = NOW) -> None:
        """Put Message; the delay is rounded up to seconds."""
        with translated(f"queue {queue}: send"):
            await put_message(self._client(queue), body, delay=delay)

    async def count(self, queue: str) -> int:
        """Get Queue Metadata."""
        with translated(f"queue {queue}: count"):
            properties = await self._client(queue).get_queue_properties()
        return properties.approximate_message_count or 0

    def _client(self, queue: str) -> QueueClient:
        if queue not in self._clients:
            self._clients[queue] = self._service.get_queue_client(queue, message_encode_policy=TextBase64EncodePolicy())
        return self._clients[queue]


async def put_message(client: QueueClient, body: str, *, delay: timedelta = NOW) -> None:
    """Send a message that never expires: there is no other call that sends. Raises what the SDK does."""
    seconds = math.ceil(delay.total_seconds())
    await client.send_message(body, time_to_live=_NEVER_EXPIRES, visibility_timeout=seconds)


async def refuse(body: bytes, error: MalformedRequestError, *, queue: Queue, queues: Queues) -> None:
    """Put a message that isn't one of ours into its queue's poison queue, as it is."""
    await queues.send(queue.poison, body.decode("utf-8", "backslashreplace"))
    extra = {"action": "message_refused", "queue": queue.value, "error": told(error, limit=500)}
    logger.warning("message refused", extra=extra)
