"""Checksums that S3 states to those who ask for them: by moto, whose S3 is asked as AWS's is, and by one that lies."""

import contextlib
import hashlib
from base64 import b64encode
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from shared.copying import Engine, MemoryBudget
from shared.copying.job import Job
from shared.egress import Egress
from shared.model.checksums import Algorithm, digest, new_hash
from shared.model.datasets import Dataset
from shared.model.errors import ChecksumMismatchError
from shared.sources.credentials import Credentials
from shared.sources.reading import HttpSources
from shared.sources.tokens import Tokens
from tests.fakes import MemoryBlobs
from tests.fakes.catalogs import as_before
from tests.fakes.raw_server import Answer, RawServer, reply
from tests.integration.moto_server import moto_s3
from tests.unit.model.builders import asset, dataset

#: All servers of moto's in one process have the same buckets.
_BUCKET = "checksums"
_BLOCK = 64 * 1024
_BODY = b"II*\0" + bytes(range(251)) * 1000
_PART = 5 * 1024 * 1024
_PARTS = (bytes(_PART), b"end")
_ALGORITHMS = [Algorithm.CRC32, Algorithm.CRC32C, Algorithm.CRC64NVME, Algorithm.SHA1, Algorithm.SHA256]
_KEYS = {"access_key_id_setting": "SOURCE_ID", "secret_access_key_setting": "SOURCE_SECRET"}
_WAYS = pytest.mark.parametrize("keys", [_KEYS, {}], ids=["keys", "anonymous"])


@pytest.fixture(scope="module")
def s3() -> Generator[str]:
    """An S3 of moto's with one object for each algorithm, and some that were put in parts; yields its endpoint."""
    with moto_s3(region="us-east-1") as (endpoint, client):
        client.create_bucket(Bucket=_BUCKET)
        for each in _ALGORITHMS:
            name = each.upper()
            client.put_object(Bucket=_BUCKET, Key=f"{each}.tif", Body=_BODY, ChecksumAlgorithm=name, ACL="public-read")
        _put_in_parts(client, "whole.bin", algorithm="CRC64NVME", kind="FULL_OBJECT")
        _put_in_parts(client, "parts.bin", algorithm="CRC32C", kind="COMPOSITE")
        yield endpoint


def _put_in_parts(client: Any, key: str, *, algorithm: str, kind: str) -> None:
    place = {"Bucket": _BUCKET, "Key": key}
    upload = client.create_multipart_upload(**place, ChecksumAlgorithm=algorithm, ChecksumType=kind, ACL="public-read")[
        "UploadId"
    ]
    parts: list[dict[str, object]] = []
    for number, body in enumerate(_PARTS, start=1):
        put = client.upload_part(**place, UploadId=upload, PartNumber=number, Body=body, ChecksumAlgorithm=algorithm)
        parts.append({"PartNumber": number, "ETag": put["ETag"]})
    client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": parts})


@pytest.fixture
async def sources() -> AsyncGenerator[HttpSources]:
    async with contextlib.aclosing(Egress()) as egress:
        secrets = {"SOURCE_ID": SecretStr("AKID"), "SOURCE_SECRET": SecretStr("s3cr3t")}
        signing = Credentials(http=egress, secrets=secrets, identity=_identity, tokens=Tokens(_now), clock=_now)
        yield HttpSources(egress, signing)


def _now() -> datetime:
    return datetime.now(UTC)


async def _identity() -> tuple[str, datetime]:
    raise AssertionError("nobody asks for the app's identity")


def _dataset(endpoint: str, **source: str) -> Dataset:
    port = int(endpoint.rpartition(":")[2])
    return dataset(
        catalog={"kind": "manifest", "url": "file:list.csv"},
        allow={
            "hosts": ["127.0.0.1"],
            "http_hosts": ["127.0.0.1"],
            "ports": [port],
            "private_networks": ["127.0.0.1/32"],
        },
        source={"kind": "s3", "endpoint": endpoint, **source},
    )


def _engine(sources: HttpSources, blobs: MemoryBlobs) -> Engine:
    return Engine(
        blobs=blobs,
        sources=sources,
        budget=MemoryBudget(4 * _BLOCK),
        block_size=_BLOCK,
        clock=_now,
        describe=as_before,
    )


def _job(href: str, described: Dataset) -> Job:
    return Job(
        dataset_name="s2",
        dataset=described,
        asset=asset(href=href),
        cause="run-1",
        asked_at=_now(),
        entry=None,
        deadline=_now() + timedelta(hours=1),
    )


def _checksum(algorithm: Algorithm, body: bytes) -> str:
    computed = new_hash(algorithm)
    computed.update(body)
    return digest(algorithm, computed.digest())


@_WAYS
@pytest.mark.parametrize("algorithm", _ALGORITHMS)
async def test_s3_states_the_checksum_that_was_put(
    sources: HttpSources, s3: str, algorithm: Algorithm, keys: dict[str, str]
) -> None:
    """To those who ask for it, whether they sign or not."""
    async with sources.open(f"s3://{_BUCKET}/{algorithm}.tif", dataset=_dataset(s3, **keys)) as body:
        assert body.stated[algorithm] == _checksum(algorithm, _BODY)


@_WAYS
async def test_parts_with_a_checksum_of_the_whole(sources: HttpSources, s3: str, keys: dict[str, str]) -> None:
    """A CRC can be made of those of parts: S3 states it of the whole."""
    async with sources.open(f"s3://{_BUCKET}/whole.bin", dataset=_dataset(s3, **keys)) as body:
        assert body.stated == {"crc64nvme": _checksum(Algorithm.CRC64NVME, b"".join(_PARTS))}


@_WAYS
async def test_parts_with_a_checksum_of_checksums(sources: HttpSources, s3: str, keys: dict[str, str]) -> None:
    """What S3 states of them isn't a checksum of the bytes."""
    async with sources.open(f"s3://{_BUCKET}/parts.bin", dataset=_dataset(s3, **keys)) as body:
        assert body.stated == {}


async def test_copy_is_verified(sources: HttpSources, s3: str) -> None:
    """The row of a copy names the CRC that the bytes were compared with."""
    blobs = MemoryBlobs()
    job = _job(f"s3://{_BUCKET}/crc64nvme.tif", _dataset(s3, **_KEYS))

    outcome = await _engine(sources, blobs).copy(job)

    assert f"source {_checksum(Algorithm.CRC64NVME, _BODY)}" in outcome.row.verified_by.split(", ")
    assert f"sha256:{hashlib.sha256(_BODY).hexdigest()}" in outcome.row.digests
    assert blobs.bodies[job.path] == _BODY


@pytest.mark.parametrize("algorithm", _ALGORITHMS)
async def test_wrong_checksum(sources: HttpSources, server: RawServer, algorithm: Algorithm) -> None:
    """Bytes that aren't those that were put never become a blob."""
    wrong = _checksum(algorithm, _BODY[:-1] + b"?")
    stated = b64encode(bytes.fromhex(wrong.partition(":")[2])).decode()
    headers = {f"x-amz-checksum-{algorithm}": stated, "x-amz-checksum-type": "FULL_OBJECT"}
    server.answers["/bucket/a.tif"] = (Answer(sent=reply(_BODY, headers=headers)),)
    blobs = MemoryBlobs()

    with pytest.raises(ChecksumMismatchError, match=f"the source states {wrong}"):
        await _engine(sources, blobs).copy(_job("s3://bucket/a.tif", _dataset(server.url(""))))

    assert blobs.bodies == {}
    assert [each.headers["x-amz-checksum-mode"] for each in server.asked] == ["ENABLED", "ENABLED"]
