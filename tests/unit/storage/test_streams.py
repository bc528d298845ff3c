"""Streams of blobs where the service or the SDK fails: what a reader is told."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ServiceResponseError
from azure.storage.blob.aio import BlobServiceClient
from pytest_mock import MockerFixture

from shared.model.errors import AssetNotFoundError, SluiceError, SourceChangedError, StorageFailedError
from shared.storage.blobs import BlobPath
from shared.storage.streams import open_stream
from tests.unit.storage.test_failing_calls import answer

_PATH = BlobPath(container="data", name="manifest.csv")


def _service(mocker: MockerFixture, download: Any) -> BlobServiceClient:
    service = mocker.create_autospec(BlobServiceClient, instance=True)
    service.get_blob_client.return_value.download_blob = mocker.AsyncMock(side_effect=[download])
    return service


async def _stream(chunks: Sequence[bytes | Exception]) -> AsyncIterator[bytes]:
    for each in chunks:
        if isinstance(each, Exception):
            raise each
        yield each


def _download(mocker: MockerFixture, *chunks: bytes | Exception, size: int) -> Any:
    properties = mocker.Mock(etag='"1"', content_range=f"bytes 0-{size - 1}/{size}")
    return mocker.Mock(size=size, chunks=lambda: _stream(chunks), properties=properties)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(404, AssetNotFoundError), (416, SourceChangedError), (500, StorageFailedError), (403, StorageFailedError)],
)
async def test_what_an_answer_means(mocker: MockerFixture, status: int, expected: type[SluiceError]) -> None:
    """Only 404 is absence, and only 416 says that the blob has become shorter."""
    service = _service(mocker, answer(mocker, status))

    with pytest.raises(expected) as raised:
        await open_stream(service, _PATH, offset=5)

    assert type(raised.value) is expected


@pytest.mark.parametrize("error", [ServiceResponseError("no answer"), OSError("reset"), HttpResponseError("412")])
async def test_a_stream_that_breaks_off_is_a_failure(mocker: MockerFixture, error: Exception) -> None:
    """The SDK's error stands behind ours."""
    stream = await open_stream(_service(mocker, _download(mocker, b"a,b\n", error, size=8)), _PATH, offset=0)

    with pytest.raises(StorageFailedError) as raised:
        [each async for each in stream.chunks]

    assert raised.value.__cause__ is error


@pytest.mark.parametrize("size", [9, 7])
async def test_bytes_are_counted(mocker: MockerFixture, size: int) -> None:
    """A manifest that ended early without an error would drop the assets that it no longer names."""
    stream = await open_stream(_service(mocker, _download(mocker, b"a,b\n", b"c,d\n", size=size)), _PATH, offset=0)

    with pytest.raises(StorageFailedError, match=f"8 bytes came of {size}"):
        [each async for each in stream.chunks]
