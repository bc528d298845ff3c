"""What the blob adapter sends, where no answer of a service shows it."""

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.model.errors import StorageFailedError
from shared.model.settings import BlockCheck
from shared.storage.accounts import Account
from shared.storage.blobs import AzureBlobs, BlobPath, Content
from tests.unit.storage.conftest import Service

_PATH = BlobPath(container="data", name="a")
_BODY = b"some bytes"
_MD5 = base64.b64encode(hashlib.md5(_BODY, usedforsecurity=False).digest()).decode()


async def test_a_block_travels_with_its_crc64(account: Account, service: Service) -> None:
    """The service checks a block's bytes before it keeps them; with an MD5 beside it, it would refuse them."""
    service.answers = [201]

    await AzureBlobs(account.blobs, account.blob_calls).stage(_PATH, (b"1234", b"56789"), block_id="id")

    ((method, target),) = service.requests
    query = {name: value for name, (value,) in parse_qs(urlsplit(target).query).items()}
    assert (method, urlsplit(target).path) == ("PUT", "/account/data/a")
    assert {name: query[name] for name in ("comp", "blockid")} == {"comp": "block", "blockid": "aWQ="}
    sent = {name: service.headers[0].get(name) for name in ("x-ms-content-crc64", "Content-MD5", "Content-Length")}
    # The published check value of CRC-64/NVME, 0xAE8B14860A799888, low byte first.
    assert sent == {"x-ms-content-crc64": "iJh5CoYUi64=", "Content-MD5": None, "Content-Length": "9"}
    assert service.bodies == [b"123456789"]


async def test_a_block_travels_with_its_md5_where_a_setting_says_so(account: Account, service: Service) -> None:
    """Instead of a CRC64: with both, the service would refuse it."""
    service.answers = [201]
    blobs = AzureBlobs(account.blobs, account.blob_calls, block_check=BlockCheck.MD5)

    await blobs.stage(_PATH, (_BODY[:4], _BODY[4:]), block_id="id")

    sent = {name: service.headers[0].get(name) for name in ("x-ms-content-crc64", "Content-MD5", "Content-Length")}
    assert sent == {"x-ms-content-crc64": None, "Content-MD5": _MD5, "Content-Length": "10"}
    assert service.bodies == [_BODY]


async def test_an_id_of_any_characters_is_one_parameter(account: Account, service: Service) -> None:
    """Base64 of it has characters that end a parameter, or mean a space."""
    service.answers = [201]

    await AzureBlobs(account.blobs, account.blob_calls).stage(_PATH, (_BODY,), block_id="~~~???>>")

    query = parse_qs(urlsplit(service.requests[0][1]).query)
    assert query["blockid"] == ["fn5+Pz8/Pj4="]


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
