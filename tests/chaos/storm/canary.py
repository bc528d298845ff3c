"""Secrets must rest nowhere: who keeps what is searched for them, on its way there and at the end."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient, QueueServiceClient

from demo.azurite import KEY, Azurite
from tests.chaos.standing import CONTAINER
from tests.chaos.storm.plan import CANARY

_PEEK = 32


def secrets_in(text: str | bytes) -> bool:
    """Whether there is a source's secret or the account's key, as it is or in Base64 at any of its three offsets."""
    found = text if isinstance(text, str) else text.decode("utf-8", "replace")
    return any(each in found for each in _LOOKED_FOR)


def search(storage: Azurite, logs: Iterable[Path]) -> list[str]:
    """Where a secret rests: in the messages of all queues, all tables, blobs' metadata, kept pages, and logs."""
    places = (*_messages(storage), *_entities(storage), *_blobs(storage), *_logs(logs))
    return [where for where, text in places if secrets_in(text)]


def _looked_for() -> Iterator[str]:
    for secret in (CANARY, KEY):
        yield secret
        for offset in range(3):
            # Only those characters that hang on the secret alone.
            encoded = base64.b64encode(b"\0" * offset + secret.encode()).decode()
            yield encoded[(offset * 8 + 5) // 6 : (offset + len(secret)) * 8 // 6]


_LOOKED_FOR = tuple(_looked_for())


def _messages(storage: Azurite) -> Iterator[tuple[str, str]]:
    with QueueServiceClient.from_connection_string(storage.connection_string) as service:
        names = [each.name for each in service.list_queues()]
    for name in names:
        with QueueClient.from_connection_string(storage.connection_string, name) as queue:
            for each in queue.peek_messages(_PEEK):
                yield f"queue {name}", str(each.content)


def _entities(storage: Azurite) -> Iterator[tuple[str, str]]:
    with TableServiceClient.from_connection_string(storage.connection_string) as service:
        for table in [each.name for each in service.list_tables()]:
            for entity in service.get_table_client(table).list_entities():
                yield f"table {table}", json.dumps(dict(cast("Mapping[str, Any]", entity)), default=str)


def _blobs(storage: Azurite) -> Iterator[tuple[str, str]]:
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        for container in [str(each.name) for each in service.list_containers()]:
            client = service.get_container_client(container)
            for each in client.list_blobs(include=["metadata"]):
                where = f"blob {container}/{each.name}"
                yield f"{where}: metadata", json.dumps(each.metadata or {})
                # Assets are what the source gave, and it may say what it likes.
                if container != CONTAINER or "/items/" in str(each.name):
                    found: Any = client.download_blob(str(each.name))
                    yield where, str(found.readall())


def _logs(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    for each in paths:
        yield f"log {each.name}", each.read_text(encoding="utf-8", errors="replace")
