"""Checksums that an answer's headers state of its bytes."""

import contextlib
import re
from collections.abc import Iterator, Mapping

from shared.model.checksums import Algorithm, from_hex_or_base64

_MD5_ETAG = re.compile(r'"([0-9a-f]{32})"')
_PARTS_ETAG = re.compile(r'"[0-9a-f]{32}-[0-9]{1,5}"')
_S3 = (Algorithm.SHA256, Algorithm.SHA1, Algorithm.CRC64NVME, Algorithm.CRC32C, Algorithm.CRC32)
_GOOGLE = {Algorithm.MD5.value: Algorithm.MD5, Algorithm.CRC32C.value: Algorithm.CRC32C}


def content_coding(text: str) -> str | None:
    """The Content-Encoding that a header names, or None for the bytes as they are."""
    coding = text.strip().lower()
    return None if coding in {"", "identity"} else coding


def stated_checksums(headers: Mapping[str, str]) -> dict[str, str]:
    """Checksums of the whole, by algorithm, the first that is stated of each; what can't be read is left out.

    ``Content-MD5: Q2h…==`` · ``x-amz-checksum-crc32c: n03x6A==`` · ``x-goog-hash: crc32c=n03x6A==,md5=Ojk…==`` ·
    ``ETag: "5d41…"`` of S3
    """
    stated: dict[str, str] = {}
    for algorithm, text in _found(headers):
        if text and algorithm not in stated:
            with contextlib.suppress(ValueError):
                stated[algorithm.value] = from_hex_or_base64(algorithm, text.strip())
    return stated


def _found(headers: Mapping[str, str]) -> Iterator[tuple[Algorithm, str]]:
    yield Algorithm.MD5, headers.get("Content-MD5", "")
    yield from _googles(headers)
    yield from _s3s(headers)
    yield Algorithm.MD5, _s3_md5(headers)


def _googles(headers: Mapping[str, str]) -> Iterator[tuple[Algorithm, str]]:
    """Those of the stored object, unless that was unpacked on the way (decompressive transcoding).

    https://cloud.google.com/storage/docs/transcoding
    """
    stored = content_coding(headers.get("x-goog-stored-content-encoding", ""))
    if stored != content_coding(headers.get("Content-Encoding", "")):
        return
    for each in headers.get("x-goog-hash", "").split(","):
        name, _, value = each.strip().partition("=")
        if algorithm := _GOOGLE.get(name):
            yield algorithm, value


def _s3s(headers: Mapping[str, str]) -> Iterator[tuple[Algorithm, str]]:
    """Those of the whole object: one of an upload in parts may be a checksum of the parts' checksums.

    Its type is COMPOSITE then, and its text ends with the number of parts (``n03x6A==-3``); some servers of S3's kind
    say neither. https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
    """
    whole = "COMPOSITE" if _PARTS_ETAG.fullmatch(headers.get("ETag", "")) else "FULL_OBJECT"
    if headers.get("x-amz-checksum-type", whole).strip() == "FULL_OBJECT":
        yield from ((each, headers.get(f"x-amz-checksum-{each}", "")) for each in _S3)


def _s3_md5(headers: Mapping[str, str]) -> str:
    """The ETag of an object in S3 that was put at once and is encrypted with no key of its owner's, if at all.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html (ETag); that of a directory bucket means nothing.
    """
    etag = _MD5_ETAG.fullmatch(headers.get("ETag", ""))
    is_md5 = (
        "x-amz-request-id" in headers
        and headers.get("x-amz-server-side-encryption", "AES256") == "AES256"
        and "x-amz-server-side-encryption-customer-algorithm" not in headers
        and headers.get("x-amz-storage-class") != "EXPRESS_ONEZONE"
    )
    return etag[1] if etag and is_md5 else ""
