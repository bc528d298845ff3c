import contextlib

import pytest

from functions_host.connections import (
    ByConnectionString,
    ByIdentity,
    MalformedConnectionError,
    MissingConnectionError,
    StorageClients,
    resolve_connection,
)
from functions_host.settings import Settings, UnresolvedSettingError

KEY = "a2V5"
ACCOUNT = f"DefaultEndpointsProtocol=https;AccountName=one;AccountKey={KEY};EndpointSuffix=core.windows.net"


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (("ConnectionStrings:AzureWebJobsX", "AzureWebJobsX", "ConnectionStrings:X", "X"), 0),
        (("AzureWebJobsX", "ConnectionStrings:X", "X"), 0),
        (("ConnectionStrings:X", "X"), 0),
        (("X",), 0),
    ],
)
def test_order_of_look_up(present: tuple[str, ...], expected: int) -> None:
    """'ConnectionStrings:AzureWebJobs{c}, AzureWebJobs{c}, ConnectionStrings:{c}, {c}'."""
    settings = Settings(environment={name: name for name in present})

    assert resolve_connection(settings, "X") == ByConnectionString(connection_string=present[expected])


@pytest.mark.parametrize("connection", [None, "", "Storage", "AzureWebJobsStorage"])
def test_no_connection_means_the_hosts_storage(connection: str | None) -> None:
    """'empty = "Storage" (AzureWebJobsStorage)'; the full name is found as it stands."""
    settings = Settings(environment={"AzureWebJobsStorage": "text"})

    assert resolve_connection(settings, connection) == ByConnectionString(connection_string="text")


def test_settings_in_the_name_are_resolved() -> None:
    """'`%x%` resolved'."""
    settings = Settings(environment={"WHERE": "X", "X": "text"})

    assert resolve_connection(settings, "%WHERE%") == ByConnectionString(connection_string="text")
    with pytest.raises(UnresolvedSettingError):
        resolve_connection(settings, "%nowhere%")


def test_connection_string_wins() -> None:
    """'The section's value is a connection string (wins)'."""
    settings = Settings(environment={"X": "text", "X__accountName": "one"})

    assert resolve_connection(settings, "X") == ByConnectionString(connection_string="text")


def test_account_name_beats_the_address() -> None:
    """'`{c}__accountName` (https://{a}.queue.core.windows.net, beats the URI)'."""
    settings = Settings(environment={"X__accountName": "one", "X__queueServiceUri": "https://other"})

    assert resolve_connection(settings, "X") == ByIdentity(
        queue_uri="https://one.queue.core.windows.net", blob_uri="https://one.blob.core.windows.net"
    )


def test_addresses_and_credential() -> None:
    """'`{c}__queueServiceUri` (blobServiceUri ..)', and the four credential settings."""
    settings = Settings(
        environment={
            "AzureWebJobsX__queueServiceUri": "https://q",
            "AzureWebJobsX__blobServiceUri": "https://b",
            "AzureWebJobsX__credential": "ManagedIdentity",
            "AzureWebJobsX__clientId": "client",
            "AzureWebJobsX__tenantId": "tenant",
            "AzureWebJobsX__clientSecret": "secret",
        }
    )

    assert resolve_connection(settings, "X") == ByIdentity(
        queue_uri="https://q",
        blob_uri="https://b",
        managed_identity=True,
        client_id="client",
        tenant_id="tenant",
        client_secret="secret",
    )


@pytest.mark.parametrize(
    ("connection", "shown"), [("X", "AzureWebJobsX"), (None, "AzureWebJobsStorage"), ("AzureWebJobsY", "AzureWebJobsY")]
)
def test_missing_connection(connection: str | None, shown: str) -> None:
    """'Storage account connection string 'AzureWebJobs..' does not exist. ..'."""
    with pytest.raises(MissingConnectionError) as caught:
        resolve_connection(Settings(environment={}), connection)

    assert str(caught.value) == (
        f"Storage account connection string '{shown}' does not exist. Make sure that it is a defined App Setting."
    )


def test_secrets_are_not_shown() -> None:
    """Neither a connection string nor a client secret stands in a log by accident."""
    by_identity = ByIdentity(queue_uri=None, blob_uri=None, client_secret="hidden")

    assert "hidden" not in repr((ByConnectionString(connection_string="hidden"), by_identity))


@pytest.mark.parametrize(
    "connection",
    [
        pytest.param(ByConnectionString(connection_string=ACCOUNT), id="connection string"),
        pytest.param(
            ByIdentity(queue_uri="https://one.queue.core.windows.net", blob_uri="https://one.blob.core.windows.net"),
            id="default credential",
        ),
        pytest.param(
            ByIdentity(
                queue_uri="https://one.queue.core.windows.net",
                blob_uri="https://one.blob.core.windows.net",
                managed_identity=True,
            ),
            id="managed identity",
        ),
        pytest.param(
            ByIdentity(
                queue_uri="https://one.queue.core.windows.net",
                blob_uri="https://one.blob.core.windows.net",
                client_id="c",
                tenant_id="t",
                client_secret="s",
            ),
            id="client secret",
        ),
    ],
)
async def test_clients(connection: ByConnectionString | ByIdentity) -> None:
    """Each kind of connection gives clients of its account, one for each service."""
    async with contextlib.AsyncExitStack() as stack:
        clients = StorageClients(stack)

        queues, blobs = await clients.queues(connection), await clients.blobs(connection)

        assert (queues.primary_hostname, blobs.primary_hostname) == (
            "one.queue.core.windows.net",
            "one.blob.core.windows.net",
        )
        assert await clients.queues(connection) is queues
        assert await clients.blobs(connection) is blobs


async def test_service_without_address() -> None:
    """A connection that gives the blob service's address alone can't be a queue trigger's."""
    async with contextlib.AsyncExitStack() as stack:
        with pytest.raises(MissingConnectionError):
            await StorageClients(stack).queues(ByIdentity(queue_uri=None, blob_uri="https://b"))


async def test_malformed_connection_string() -> None:
    """A connection string that can't be read is the function's trouble, not the host's."""
    async with contextlib.AsyncExitStack() as stack:
        clients = StorageClients(stack)
        with pytest.raises(MalformedConnectionError):
            await clients.queues(ByConnectionString(connection_string="no connection string"))
        with pytest.raises(MalformedConnectionError):
            await clients.blobs(ByConnectionString(connection_string="no connection string"))
