"""The clients against a service that fails first and then answers."""

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

from shared.model.settings import Settings
from shared.storage.accounts import Account, open_account
from shared.storage.blobs import AzureBlobs, BlobPath
from shared.storage.entities import AGAIN
from tests.unit.storage.conftest import DROPPED, Service

_URIS: dict[str, Any] = {
    "blob_service_uri": "https://a.blob.core.windows.net",
    "queue_service_uri": "https://a.queue.core.windows.net",
    "table_service_uri": "https://a.table.core.windows.net",
}


@pytest.mark.parametrize("fault", [503, 500, DROPPED])
async def test_a_large_body_is_sent_whole_at_every_try(
    account: Account, service: Service, waits: list[float], fault: int
) -> None:
    """A try after a fault begins with the first byte again, after a short wait."""
    pieces = [bytes(range(256)) * 4096, b"", b"end"]
    service.answers = [fault, fault, 201]

    await AzureBlobs(account.blobs, account.blob_calls).stage(BlobPath(container="c", name="b"), pieces, block_id="id")

    assert service.bodies == [b"".join(pieces)] * 3
    assert len(waits) == 2
    assert all(0 <= wait <= 2 for wait in waits)


@pytest.mark.parametrize("fault", [503, DROPPED])
async def test_an_insert_whose_answer_was_lost_is_repeated(
    account: Account, service: Service, waits: list[float], fault: int
) -> None:
    """A table's POST is repeated too, which azure-core by itself does after an error status only."""
    service.answers = [fault, fault, 204]

    await account.tables.get_table_client("t").create_entity({"PartitionKey": "p", "RowKey": "r"}, **AGAIN)

    assert len(service.bodies) == 3
    assert len(waits) == 1
    assert 1 <= waits[0] <= 2


async def test_tries_come_to_an_end(account: Account, service: Service, waits: list[float]) -> None:
    """Five tries within 15 seconds, then the error: the rest is the queue's business."""
    service.answers = [503] * 9

    with pytest.raises(HttpResponseError):
        await account.queues.get_queue_client("q").get_queue_properties()

    assert len(service.bodies) == 5
    assert len(waits) == 4
    assert sum(waits) <= 15


async def test_proxies_of_the_environment_are_ignored(
    account: Account, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request leaves by a proxy that the environment names."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    service.answers = [201]

    await account.blobs.get_blob_client("c", "b").stage_block("id", b"body")

    assert service.bodies == [b"body"]


async def test_an_identity_of_its_own_opens_the_account() -> None:
    """A client id names the managed identity to use, and no other is looked for."""
    async with open_account(Settings(**_URIS, client_id="00000000-0000-0000-0000-000000000001")) as account:
        assert isinstance(account.blobs.credential, ManagedIdentityCredential)
        assert (account.blobs.account_name, account.queues.account_name, account.tables.account_name) == ("a", "a", "a")


async def test_without_a_client_id_the_surroundings_decide() -> None:
    """A developer's own sign-in, or the one identity of an app."""
    async with open_account(Settings(**_URIS)) as account:
        assert isinstance(account.queues.credential, DefaultAzureCredential)


async def test_azurite_has_a_short_connection_string() -> None:
    """UseDevelopmentStorage=true is Azurite on its default ports."""
    async with open_account(Settings(storage_connection="UseDevelopmentStorage=true")) as account:
        assert account.tables.url == "http://127.0.0.1:10002/devstoreaccount1"
        assert account.blobs.url.rstrip("/") == "http://127.0.0.1:10000/devstoreaccount1"
