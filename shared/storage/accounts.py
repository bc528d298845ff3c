"""The clients of the data account: opened once per process, closed together.

They retry what the service or the network did (5xx, 408, 429, no connection, no answer), with a back-off that was
chosen: as shipped, the blob and queue clients wait about 19 seconds before they try again. Nobody above them retries a
call; what outlives their tries is StorageFailedError, and the queue's business.
"""

import contextlib
import dataclasses
import io
import random
from collections.abc import AsyncGenerator
from typing import Any, cast, override

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.transport import AioHttpTransport
from azure.data.tables.aio import TableServiceClient
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential
from azure.storage.blob.aio import BlobServiceClient, ExponentialRetry
from azure.storage.queue.aio import QueueServiceClient

from shared.model.settings import Settings

# By kind of failure and in all.
_COUNTS = dict.fromkeys(("retry_total", "retry_connect", "retry_read", "retry_status"), 4)
# The longest first wait; it doubles. All together at most 15 seconds.
_WAIT_SECONDS = 1.0
_CONNECT_SECONDS = 10
# Silence, not duration: a block may take longer than that.
_READ_SECONDS = 60
_READ_CHUNK_BYTES = 256 * 1024
# aiohttp warns above this.
_WRITTEN_AT_ONCE = 1024 * 1024
# The limit of Put Blob: below it the SDK must not cut a body into blocks with ids of its own.
_MAX_PUT_BYTES = 5000 * 1024 * 1024


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The clients of one storage account."""

    blobs: BlobServiceClient
    queues: QueueServiceClient
    tables: TableServiceClient


@contextlib.asynccontextmanager
async def open_account(settings: Settings, *, chance: random.Random | None = None) -> AsyncGenerator[Account]:
    """Open the account of the settings until the block ends. Sends nothing by itself.

    ``chance`` spreads the back-off: at each wait, but for tables, whose SDK has no jitter, once per process.
    """
    options = _Options(chance or random.SystemRandom())
    async with contextlib.AsyncExitStack() as open_things:
        if settings.storage_connection is not None:
            account = _by_connection_string(settings.storage_connection, options=options)
        else:
            credential = await open_things.enter_async_context(_credential(settings))
            account = _by_identity(settings, credential, options=options)
        for client in (account.blobs, account.queues, account.tables):
            open_things.push_async_callback(client.close)
        yield account


def _by_connection_string(connection: str, *, options: "_Options") -> Account:
    return Account(
        blobs=BlobServiceClient.from_connection_string(connection, **options.for_blobs()),
        queues=QueueServiceClient.from_connection_string(connection, **options.for_queues()),
        tables=TableServiceClient.from_connection_string(connection, **options.for_tables()),
    )


def _by_identity(settings: Settings, credential: AsyncTokenCredential, *, options: "_Options") -> Account:
    blobs, queues, tables = settings.blob_service_uri, settings.queue_service_uri, settings.table_service_uri
    assert blobs is not None
    assert queues is not None
    assert tables is not None
    return Account(
        blobs=BlobServiceClient(blobs, credential, **options.for_blobs()),
        queues=QueueServiceClient(queues, credential, **options.for_queues()),
        tables=TableServiceClient(tables, credential=credential, **options.for_tables()),
    )


def _credential(settings: Settings) -> DefaultAzureCredential | ManagedIdentityCredential:
    if settings.client_id is not None:
        return ManagedIdentityCredential(client_id=settings.client_id)
    return DefaultAzureCredential()


class _Options:
    """Keyword arguments for the clients; each has a transport of its own."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def for_blobs(self) -> dict[str, Any]:
        return {**self.for_queues(), "max_single_put_size": _MAX_PUT_BYTES}

    def for_queues(self) -> dict[str, Any]:
        return {"transport": _transport(), "retry_policy": _Retries(self._chance)}

    def for_tables(self) -> dict[str, Any]:
        # azure-core's policy does not wait before its first retry, then 2, 4 and 8 times its factor.
        factor = self._chance.uniform(_WAIT_SECONDS / 2, _WAIT_SECONDS)
        return {"transport": _transport(), "retry_backoff_factor": factor, **_COUNTS}


class _Retries(ExponentialRetry):
    """Waits anything up to a bound that doubles.

    For both kinds of client: azure.storage.queue.aio exports no policy, and has the same class inside.
    """

    def __init__(self, chance: random.Random) -> None:
        super().__init__(**_COUNTS)
        self._chance = chance

    @override
    def get_backoff_time(self, settings: dict[str, Any]) -> float:
        return self._chance.uniform(0, _WAIT_SECONDS * 2 ** (settings["count"] - 1))


class _Transport(AioHttpTransport):
    """Sends large bodies piece by piece: aiohttp writes bytes at one go, which holds the event loop up."""

    async def send(self, request: Any, **config: Any) -> object:
        """Send a request; a later try of it begins with the whole body again."""
        body = request.data
        if isinstance(body, bytes) and len(body) > _WRITTEN_AT_ONCE:
            request.data = io.BytesIO(body)
        try:
            return cast("object", await super().send(request, **config))
        finally:
            request.data = body


def _transport() -> AioHttpTransport:
    # Without a look at proxy variables and .netrc for every request: that took half of a call's time, and no request
    # may leave by a proxy that the environment names. An injected transport has long time-outs unless they are set.
    return _Transport(
        use_env_settings=False,
        connection_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        connection_data_block_size=_READ_CHUNK_BYTES,
    )
