"""What the blob adapter sends, where no answer of a service shows it."""

import base64
import hashlib

import pytest

from shared.model.errors import StorageFailedError
from shared.storage.accounts import Account
from shared.storage.blobs import AzureBlobs, BlobPath, Content
from tests.unit.storage.conftest import Service

_PATH = BlobPath(container="data", name="a")
_BODY = b"some bytes"
_MD5 = base64.b64encode(hashlib.md5(_BODY, usedforsecurity=False).digest()).decode()


async def test_a_block_travels_with_its_md5(account: Account, service: Service) -> None:
    """The service checks a block's bytes before it keeps them."""
    service.answers = [201]

    await AzureBlobs(account.blobs, account.blob_calls).stage(_PATH, (_BODY,), block_id="id")

    assert [each["Content-MD5"] for each in service.headers] == [_MD5]


async def test_a_blob_travels_with_its_md5(account: Account, service: Service) -> None:
    """The service checks a blob's bytes and keeps their MD5; a first write has to find an empty place."""
    service.answers = [400]

    with pytest.raises(StorageFailedError):
        await AzureBlobs(account.blobs, account.blob_calls).put(
            _PATH, (_BODY,), content=Content(md5=None, media_type="text/plain", metadata={})
        )

    sent = service.headers[0]
    assert {name: sent.get(name) for name in ("Content-MD5", "x-ms-blob-content-md5", "If-None-Match")} == {
        "Content-MD5": _MD5,
        "x-ms-blob-content-md5": _MD5,
        "If-None-Match": "*",
    }
