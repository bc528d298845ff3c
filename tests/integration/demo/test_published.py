import hashlib
import json
import time
import uuid
from collections.abc import Generator
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from demo.azurite import Azurite
from demo.published import HrefFact, PublishedFact, Reader, read_published

BODY = b"bytes of an asset"
SECONDS = 20


@pytest.fixture
def container(storage: Azurite) -> Generator[ContainerClient]:
    """A container with one asset's blob, whose name has a percent sign."""
    name = f"c-{uuid.uuid4().hex}"
    with ContainerClient.from_connection_string(storage.connection_string, name) as client:
        client.create_container()
        client.upload_blob("one/quality%20mask", BODY)
        yield client


def publish(container: ContainerClient, href: str) -> dict[str, Any]:
    document: dict[str, Any] = {"assets": {"mask": {"href": href, "file:size": len(BODY)}}, "links": []}
    container.upload_blob("items/one.json", json.dumps(document))
    return document


def test_hrefs_are_followed(storage: Azurite, container: ContainerClient) -> None:
    """What stands at an item's hrefs is read and hashed."""
    href = f"{container.url}/one/quality%2520mask"
    document = publish(container, href)

    found = read_published(storage.connection_string, container=container.container_name)

    fact = HrefFact(status=200, length=len(BODY), sha256=hashlib.sha256(BODY).hexdigest())
    assert found == {"items/one.json": PublishedFact(document=document, hrefs={href: fact})}


@pytest.mark.parametrize(("name", "objections"), [("quality%2520mask", 0), ("image", 1)])
def test_a_reader_while_items_are_published(
    storage: Azurite, container: ContainerClient, name: str, objections: int
) -> None:
    """An item whose asset isn't there when the item is seen is noticed."""
    reader = Reader(storage.connection_string, container=container.container_name)

    with reader.reading():
        publish(container, f"{container.url}/one/{name}")
        deadline = time.monotonic() + SECONDS
        while not reader.seen and time.monotonic() < deadline:
            time.sleep(0.02)

    assert (reader.seen, len(reader.objections)) == (1, objections)
