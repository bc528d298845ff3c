"""From a binding's ``connection`` to storage clients.

Sources: azure-sdk-for-net StorageClientProvider.cs; azure-webjobs-sdk IConfigurationExtensions.cs.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.identity.aio import ClientSecretCredential, DefaultAzureCredential, ManagedIdentityCredential
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from functions_host.settings import Settings

# As the .NET clients retry: three times, 0.8 s at first. (This library's own default begins with 15 s.)
_RETRIES: Mapping[str, Any] = {"retry_total": 3, "initial_backoff": 1, "increment_base": 2}


class MissingConnectionError(LookupError):
    """A binding's connection is defined nowhere: its function does not start."""


class MalformedConnectionError(ValueError):
    """A connection string can't be read: its function does not start."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ByConnectionString:
    """A connection with a key or a signature in it."""

    connection_string: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ByIdentity:
    """A connection by service addresses, with an identity of Microsoft Entra ID."""

    queue_uri: str | None
    blob_uri: str | None
    managed_identity: bool = False
    client_id: str | None = None
    tenant_id: str | None = None
    client_secret: str | None = dataclasses.field(default=None, repr=False)


type Connection = ByConnectionString | ByIdentity


def resolve_connection(settings: Settings, connection: str | None) -> Connection:
    """Look a binding's connection up; none given means ``AzureWebJobsStorage``.

    Raises:
        MissingConnectionError: there is neither a connection string nor an account.
        UnresolvedSettingError: the name holds a ``%Setting%`` that doesn't exist.
    """
    name = settings.resolve(connection or "Storage")
    for place in (f"ConnectionStrings:AzureWebJobs{name}", f"AzureWebJobs{name}", f"ConnectionStrings:{name}", name):
        connection_string = settings.get(place)
        if connection_string is not None:
            return ByConnectionString(connection_string=connection_string)
        by_identity = _by_identity(settings, place)
        if by_identity is not None:
            return by_identity
    shown = name if name.lower().startswith("azurewebjobs") else f"AzureWebJobs{name}"
    raise MissingConnectionError(
        f"Storage account connection string '{shown}' does not exist. Make sure that it is a defined App Setting."
    )


class StorageClients:
    """Storage clients, one for each connection and service, closed by the stack they are given."""

    def __init__(self, stack: contextlib.AsyncExitStack) -> None:
        self._stack = stack
        self._queues: dict[Connection, QueueServiceClient] = {}
        self._blobs: dict[Connection, BlobServiceClient] = {}
        self._credentials: dict[ByIdentity, AsyncTokenCredential] = {}

    async def queues(self, connection: Connection) -> QueueServiceClient:
        """The client of a connection's queues.

        Raises:
            MissingConnectionError: the connection names no queue service.
            MalformedConnectionError: the connection string can't be read.
        """
        if connection not in self._queues:
            if isinstance(connection, ByConnectionString):
                client = _opened(QueueServiceClient.from_connection_string, connection)
            else:
                uri, credential = _address(connection.queue_uri, "queueServiceUri"), await self._credential(connection)
                client = QueueServiceClient(uri, credential=credential, **_RETRIES)
            self._queues[connection] = await self._stack.enter_async_context(client)
        return self._queues[connection]

    async def blobs(self, connection: Connection) -> BlobServiceClient:
        """The client of a connection's blobs.

        Raises:
            MissingConnectionError: the connection names no blob service.
            MalformedConnectionError: the connection string can't be read.
        """
        if connection not in self._blobs:
            if isinstance(connection, ByConnectionString):
                client = _opened(BlobServiceClient.from_connection_string, connection)
            else:
                uri, credential = _address(connection.blob_uri, "blobServiceUri"), await self._credential(connection)
                client = BlobServiceClient(uri, credential=credential, **_RETRIES)
            self._blobs[connection] = await self._stack.enter_async_context(client)
        return self._blobs[connection]

    async def _credential(self, connection: ByIdentity) -> AsyncTokenCredential:
        if connection not in self._credentials:
            self._credentials[connection] = await self._stack.enter_async_context(_new_credential(connection))
        return self._credentials[connection]


def _opened[Client](make: Callable[..., Client], connection: ByConnectionString) -> Client:
    try:
        return make(connection.connection_string, **_RETRIES)
    except ValueError as error:
        raise MalformedConnectionError(f"The connection string can't be read: {error}") from error


def _by_identity(settings: Settings, place: str) -> ByIdentity | None:
    account = settings.get(f"{place}:accountName")
    queue_uri = settings.get(f"{place}:queueServiceUri")
    blob_uri = settings.get(f"{place}:blobServiceUri")
    if account is not None:
        queue_uri = f"https://{account}.queue.core.windows.net"
        blob_uri = f"https://{account}.blob.core.windows.net"
    if queue_uri is None and blob_uri is None:
        return None
    return ByIdentity(
        queue_uri=queue_uri,
        blob_uri=blob_uri,
        managed_identity=(settings.get(f"{place}:credential") or "").lower() == "managedidentity",
        client_id=settings.get(f"{place}:clientId"),
        tenant_id=settings.get(f"{place}:tenantId"),
        client_secret=settings.get(f"{place}:clientSecret"),
    )


def _address(uri: str | None, setting: str) -> str:
    if uri is None:
        raise MissingConnectionError(f"The connection has neither accountName nor {setting}.")
    return uri


def _new_credential(connection: ByIdentity) -> AsyncTokenCredential:
    if connection.managed_identity:
        return ManagedIdentityCredential(client_id=connection.client_id)
    if connection.tenant_id and connection.client_id and connection.client_secret:
        return ClientSecretCredential(connection.tenant_id, connection.client_id, connection.client_secret)
    return DefaultAzureCredential(managed_identity_client_id=connection.client_id)
