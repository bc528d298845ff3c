"""Messages are worked in the test's own process, without a host."""

import base64
from collections.abc import Awaitable, Callable

import pytest

from shared.clients import App
from shared.model.messages import Queue
from shared.storage.accounts import Account

type _Deliver = Callable[[bytes], Awaitable[None]]


async def drain(app: App, account: Account) -> None:
    """Work all messages, as the host does, until there are none."""

    async def copy(body: bytes) -> None:
        await app.copying.deliver(body, lane=Queue.COPY)

    deliveries: dict[Queue, _Deliver] = {
        Queue.DISCOVER: app.discovery.deliver,
        Queue.COPY: copy,
    }
    for _ in range(100):
        idle = True
        for queue, deliver in deliveries.items():
            client = account.queues.get_queue_client(queue.value)
            async for message in client.receive_messages(max_messages=32, visibility_timeout=60):
                idle = False
                await deliver(base64.b64decode(message.content))
                await client.delete_message(message)
        if idle:
            return
    pytest.fail("there are messages still")


async def blobs(account: Account, container: str) -> dict[str, bytes]:
    """All blobs of a container, by name."""
    client = account.blobs.get_container_client(container)
    return {each.name: await (await client.download_blob(each.name)).readall() async for each in client.list_blobs()}
