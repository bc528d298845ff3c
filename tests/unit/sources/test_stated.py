"""Checksums in the headers of object stores, honest ones and others."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping

import pytest
from multidict import CIMultiDict

from shared.model.checksums import Algorithm, new_hash
from shared.sources.stated import stated_checksums

_BODY = b"some bytes"
_SHA256 = hashlib.sha256(_BODY).digest()
_MD5_ETAG = f'"{hashlib.md5(_BODY).hexdigest()}"'


def _value(algorithm: Algorithm) -> bytes:
    computed = new_hash(algorithm)
    computed.update(_BODY)
    return computed.digest()


def _written(*algorithms: Algorithm) -> dict[str, str]:
    return {each.value: f"{each}:{_value(each).hex()}" for each in algorithms}


def _base64(algorithm: Algorithm) -> str:
    return b64encode(_value(algorithm)).decode()


_CRC32 = _base64(Algorithm.CRC32)
_CRC32C = _base64(Algorithm.CRC32C)
_CRC64 = _base64(Algorithm.CRC64NVME)
_MD5 = _base64(Algorithm.MD5)


@pytest.mark.parametrize(
    "algorithm", [Algorithm.SHA256, Algorithm.SHA1, Algorithm.CRC64NVME, Algorithm.CRC32C, Algorithm.CRC32]
)
@pytest.mark.parametrize("kind", [{}, {"X-Amz-Checksum-Type": "FULL_OBJECT"}], ids=["no type", "type"])
@pytest.mark.parametrize("etag", [{}, {"ETag": _MD5_ETAG}, {"ETag": '"v-1"'}], ids=["no etag", "md5", "any"])
def test_s3(algorithm: Algorithm, kind: Mapping[str, str], etag: Mapping[str, str]) -> None:
    """S3 states one checksum of the whole object, in Base64."""
    headers = CIMultiDict({f"X-Amz-Checksum-{algorithm.upper()}": f" {_base64(algorithm)} ", **kind, **etag})

    assert stated_checksums(headers) == _written(algorithm)


def test_s3_parts_with_a_checksum_of_the_whole() -> None:
    """An upload in parts may have one, and says so."""
    headers = {
        "x-amz-checksum-crc64nvme": _CRC64,
        "x-amz-checksum-type": "FULL_OBJECT",
        "ETag": f'{_MD5_ETAG[:-1]}-3"',
    }

    assert stated_checksums(CIMultiDict(headers)) == _written(Algorithm.CRC64NVME)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-checksum-crc32c": f"{_CRC32C}-3", "x-amz-checksum-type": "COMPOSITE"},
        {"x-amz-checksum-crc32c": f"{_CRC32C}-3"},
        {"x-amz-checksum-crc32": f"{_CRC32}-10000"},
        {"x-amz-checksum-sha256": f"{b64encode(_SHA256).decode()}-3"},
        {"x-amz-checksum-crc32c": _CRC32C, "x-amz-checksum-type": "COMPOSITE"},
        {"x-amz-checksum-crc32c": _CRC32C, "x-amz-checksum-type": "SOMETHING_NEW"},
        {"x-amz-checksum-crc32c": _CRC32C, "x-amz-checksum-type": "FULL_OBJECT, COMPOSITE"},
        {"x-amz-checksum-crc32c": _CRC32C, "ETag": f'{_MD5_ETAG[:-1]}-3"'},
    ],
    ids=["said twice", "number", "large number", "sha256", "type", "unknown type", "two types", "etag"],
)
def test_s3_checksums_of_checksums(headers: Mapping[str, str]) -> None:
    """A checksum of the parts' checksums isn't one of the bytes, by whatever it can be known."""
    assert stated_checksums(CIMultiDict(headers)) == {}


@pytest.mark.parametrize(
    "text",
    [f"crc32c={_CRC32C},md5={_MD5}", f"md5={_MD5}, crc32c={_CRC32C}", f" crc32c={_CRC32C} ,,sha9=AAAA, md5={_MD5}"],
)
def test_google(text: str) -> None:
    """Google states a CRC32C of each object, and an MD5 of those that weren't composed."""
    assert stated_checksums(CIMultiDict({"X-Goog-Hash": text})) == _written(Algorithm.CRC32C, Algorithm.MD5)


def test_google_composed() -> None:
    """A composed object has a CRC32C alone."""
    assert stated_checksums(CIMultiDict({"x-goog-hash": f"crc32c={_CRC32C}"})) == _written(Algorithm.CRC32C)


@pytest.mark.parametrize("sent", [{}, {"Content-Encoding": "br"}], ids=["plain", "other"])
def test_google_unpacked(sent: Mapping[str, str]) -> None:
    """What is sent isn't what is stored: neither checksum is of these bytes."""
    headers = {"x-goog-hash": f"crc32c={_CRC32C},md5={_MD5}", "x-goog-stored-content-encoding": "gzip", **sent}

    assert stated_checksums(CIMultiDict(headers)) == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"x-goog-hash": ""},
        {"x-goog-hash": "crc32c"},
        {"x-goog-hash": "crc32c="},
        {"x-goog-hash": f"xcrc32c={_CRC32C}"},
        {"x-goog-hash": f"CRC32C={_CRC32C}"},
        {"x-goog-hash": f"crc32={_CRC32}"},
        {"x-goog-hash": "crc32c=AAAAAA"},
        {"x-goog-hash": "crc32c=AAAAAAA="},
        {"x-goog-hash": "crc32c=AAAAAA==,"[:-2]},
        {"x-goog-hash": "crc32c=AA-_AA=="},
        {"x-goog-hash": "crc32c=A=AAAA=="},
        {"x-goog-hash": "," * 8000},
        {"x-amz-checksum-crc32c": ""},
        {"x-amz-checksum-crc32c": "zzzzzzzz"},
        {"x-amz-checksum-crc32c": f"{_CRC32C}, {_CRC32C}"},
        {"x-amz-checksum-crc32c": _CRC64},
        {"x-amz-checksum-crc64nvme": _CRC32C},
        {"x-amz-checksum-crc64nvme": "\u00e4" * 12},
        {"x-amz-checksum-crc64nvme": "\u0661" * 16},
        {"x-amz-checksum-crc32c": "A" * 100_000},
        {"x-amz-checksum-sha512": b64encode(hashlib.sha512(_BODY).digest()).decode()},
        {"Content-MD5": "no Base64"},
    ],
)
def test_what_can_not_be_read(headers: Mapping[str, str]) -> None:
    """It states nothing, and is no reason to fail."""
    assert stated_checksums(CIMultiDict(headers)) == {}


def test_all_at_once() -> None:
    """Each algorithm once, by the plainest of those who state it; one that can't be read hides no other."""
    headers = {
        "Content-MD5": "?",
        "x-goog-hash": f"md5={_MD5},crc32c={_CRC32C}",
        "x-amz-checksum-crc32c": "AAAAAA==",
        "x-amz-checksum-crc64nvme": _CRC64,
        "x-amz-request-id": "1",
        "ETag": f'"{"0" * 32}"',
    }

    assert stated_checksums(CIMultiDict(headers)) == _written(Algorithm.MD5, Algorithm.CRC32C, Algorithm.CRC64NVME)
