"""The clients of the data account: opened once per process, closed together.

They retry what the service or the network did (5xx, 408, 429, no connection, no answer), with a back-off that was
chosen: as shipped, the blob and queue clients wait about 19 seconds before they try again. Nobody above them retries a
call; what outlives their tries is StorageFailedError, and the queue's business. What is asked for every asset goes by
calls of our own, with the same retries and credentials.
"""

import contextlib
import dataclasses
import functools
import random
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import Any, override

from azure.core import AsyncPipelineClient
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy, AsyncRetryPolicy
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.data.tables.aio import TableServiceClient
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential
from azure.storage.blob.aio import BlobServiceClient, ExponentialRetry
from azure.storage.queue.aio import QueueServiceClient

from shared.model.settings import Settings
from shared.storage.calls import BLOB_VERSION, TABLE_VERSION, Calls, Client
from shared.storage.signatures import Signature, blob_signature, table_signature

# By kind of failure and in all.
_COUNTS = dict.fromkeys(("retry_total", "retry_connect", "retry_read", "retry_status"), 4)
# The longest first wait; it doubles. All together at most 15 seconds.
_WAIT_SECONDS = 1.0
_MAX_WAIT_SECONDS = 15.0
_CONNECT_SECONDS = 10
# Silence, not duration: a block may take longer than that.
_READ_SECONDS = 60
_READ_CHUNK_BYTES = 256 * 1024
_SCOPE = "https://storage.azure.com/.default"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The clients of one storage account."""

    blobs: BlobServiceClient
    queues: QueueServiceClient
    tables: TableServiceClient
    #: Put Blob and Put Block.
    blob_calls: Calls
    #: The ledger.
    table_calls: Calls


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
            credential = await open_things.enter_async_context(credential_of(settings))
            account = _by_identity(settings, credential, options=options)
        for each in (account.blobs, account.queues, account.tables, account.blob_calls, account.table_calls):
            open_things.push_async_callback(each.close)
        yield account


def _by_connection_string(connection: str, *, options: "_Options") -> Account:
    blobs = BlobServiceClient.from_connection_string(connection, **options.for_blobs())
    tables = TableServiceClient.from_connection_string(connection, **options.for_tables())
    # The one of the clients whose credential is public: the key, unless the string has a signature instead.
    key = tables.credential if isinstance(tables.credential, AzureNamedKeyCredential) else None
    return Account(
        blobs=blobs,
        queues=QueueServiceClient.from_connection_string(connection, **options.for_queues()),
        tables=tables,
        blob_calls=_signed_calls(blobs.url, blob_signature, key, version=BLOB_VERSION, options=options),
        table_calls=_signed_calls(tables.url, table_signature, key, version=TABLE_VERSION, options=options),
    )


def _signed_calls(
    url: str,
    sign: Callable[[AzureNamedKeyCredential, bool, datetime], str],
    key: AzureNamedKeyCredential | None,
    *,
    version: str,
    options: "_Options",
) -> Calls:
    address, _, given = url.partition("?")
    secure = address.startswith("https:")
    signature = Signature(functools.partial(sign, key, secure)) if key else lambda: given
    return Calls(options.for_calls(address), address.rstrip("/"), version=version, signature=signature)


def _by_identity(settings: Settings, credential: AsyncTokenCredential, *, options: "_Options") -> Account:
    blobs, queues, tables = settings.blob_service_uri, settings.queue_service_uri, settings.table_service_uri
    assert blobs is not None
    assert queues is not None
    assert tables is not None

    def calls(url: str, version: str) -> Calls:
        client = options.for_calls(url, AsyncBearerTokenCredentialPolicy(credential, _SCOPE))
        return Calls(client, url.rstrip("/"), version=version, signature=lambda: "")

    return Account(
        blobs=BlobServiceClient(blobs, credential, **options.for_blobs()),
        queues=QueueServiceClient(queues, credential, **options.for_queues()),
        tables=TableServiceClient(tables, credential=credential, **options.for_tables()),
        blob_calls=calls(blobs, BLOB_VERSION),
        table_calls=calls(tables, TABLE_VERSION),
    )


def credential_of(settings: Settings) -> DefaultAzureCredential | ManagedIdentityCredential:
    """The app's identity, not open yet."""
    if settings.client_id is not None:
        return ManagedIdentityCredential(client_id=settings.client_id)
    return DefaultAzureCredential()


class _Options:
    """Keyword arguments for the clients; each has a transport of its own."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def for_calls(self, url: str, *policies: Any) -> Client:
        return AsyncPipelineClient(url, transport=_transport(), policies=[_CallRetries(self._chance), *policies])

    def for_blobs(self) -> dict[str, Any]:
        return self.for_queues()

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


class _CallRetries(AsyncRetryPolicy[HttpRequest, AsyncHttpResponse]):
    """The same for calls of our own; what a service asks for in Retry-After is kept to, within the same bound."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(**_COUNTS)
        self._chance = chance

    @override
    def get_backoff_time(self, settings: dict[str, Any]) -> float:
        return self._chance.uniform(0, _WAIT_SECONDS * 2 ** (len(settings["history"]) - 1))

    @override
    def get_retry_after(self, response: PipelineResponse[Any, Any]) -> float | None:
        asked = super().get_retry_after(response)
        return None if asked is None else min(asked, _MAX_WAIT_SECONDS)


def _transport() -> AioHttpTransport:
    # Without a look at proxy variables and .netrc for every request: that took half of a call's time, and no request
    # may leave by a proxy that the environment names. An injected transport has long time-outs unless they are set.
    return AioHttpTransport(
        use_env_settings=False,
        connection_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        connection_data_block_size=_READ_CHUNK_BYTES,
    )
