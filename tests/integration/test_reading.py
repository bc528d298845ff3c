"""What the headers of a source say."""

import contextlib
import hashlib
from base64 import b64encode
from collections.abc import Mapping

import pytest

from shared.egress import Egress
from shared.model.datasets import Allowlist
from shared.model.errors import UnexpectedStatusError
from shared.sources.body import Body
from shared.sources.reading import HttpSources
from tests.fakes.raw_server import Answer, RawServer, chunked, reply
from tests.fakes.sources import Unsigned
from tests.unit.model.builders import dataset

_DATE = "Tue, 05 Mar 2024 12:00:00 GMT"
_SETTLED = "Tue, 05 Mar 2024 11:59:00 GMT"
_FRESH = "Tue, 05 Mar 2024 11:59:01 GMT"
_BODY = b"body"
_MD5 = hashlib.md5(_BODY).digest()
_SHA1 = hashlib.sha1(_BODY).digest()
_SHA256 = hashlib.sha256(_BODY).digest()
_CRC32C = bytes.fromhex("9f4df1e8")


def _base64(digest: bytes) -> str:
    return b64encode(digest).decode()


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"ETag": '"v1"'}, 'etag:"v1"'),
        (
            {"ETag": '"d41d8cd98f00b204e9800998ecf8427e-3"', "Last-Modified": _SETTLED},
            'etag:"d41d8cd98f00b204e9800998ecf8427e-3"',
        ),
        ({"ETag": 'W/"v1"'}, None),
        ({"ETag": "v1"}, None),
        ({"ETag": '""'}, None),
        ({"ETag": '"a" "b"'}, None),
        ({"ETag": '"\u00e4"'}, None),
        ({"ETag": f'"{"a" * 513}"'}, None),
        ({"ETag": 'W/"v1"', "Last-Modified": _SETTLED}, f"modified:{_SETTLED}"),
        ({"Last-Modified": _SETTLED}, f"modified:{_SETTLED}"),
        # A second change within the same second would look the same.
        ({"Last-Modified": _FRESH}, None),
        ({"Last-Modified": _SETTLED, "Date": "now"}, None),
        ({"Last-Modified": "yesterday"}, None),
        # Neither a header nor a blob's metadata could hold these.
        ({"Last-Modified": f"{_SETTLED} \u00e4"}, None),
        ({"Last-Modified": f"{_SETTLED} {'a' * 64}"}, None),
        ({}, None),
    ],
)
async def test_validator(server: RawServer, headers: Mapping[str, str], validator: str | None) -> None:
    """A strong ETag pins a version, else a Last-Modified that is a minute older than the answer."""
    body = await _opened(server, {"Date": _DATE, **headers})

    assert body.validator == validator


@pytest.mark.parametrize(
    ("headers", "stated"),
    [
        ({"Content-MD5": _base64(_MD5)}, {"md5": _MD5}),
        ({"Content-MD5": f" {_base64(_MD5)} "}, {"md5": _MD5}),
        ({"x-goog-hash": f"crc32c=n03x6A==,md5={_base64(_MD5)}"}, {"crc32c": _CRC32C, "md5": _MD5}),
        ({"Content-MD5": _base64(_MD5), "x-goog-hash": "md5=AAAAAAAAAAAAAAAAAAAAAA=="}, {"md5": _MD5}),
        # Google's servers send two lines.
        (
            {"x-goog-hash": "crc32c=n03x6A==", "X-Goog-Hash": f"md5={_base64(_MD5)}"},
            {"crc32c": _CRC32C, "md5": _MD5},
        ),
        ({"x-amz-checksum-sha256": _base64(_SHA256)}, {"sha256": _SHA256}),
        (
            {"x-amz-checksum-sha1": _base64(_SHA1), "Content-MD5": _base64(_MD5)},
            {"sha1": _SHA1, "md5": _MD5},
        ),
        # Digests of digests of parts, of nothing.
        ({"x-amz-checksum-sha256": f"{_base64(_SHA256)}-3"}, {}),
        ({"Content-MD5": "no Base64"}, {}),
        ({"Content-MD5": _base64(_SHA1)}, {}),
        ({"ETag": f'"{_MD5.hex()}"'}, {}),
        # Google unpacked what it stores: the digest is of other bytes.
        ({"x-goog-hash": f"md5={_base64(_MD5)}", "x-goog-stored-content-encoding": "gzip"}, {}),
        (
            {
                "x-goog-hash": f"md5={_base64(_MD5)}",
                "x-goog-stored-content-encoding": "gzip",
                "Content-Encoding": "gzip",
            },
            {"md5": _MD5},
        ),
        ({"x-goog-hash": f"md5={_base64(_MD5)}", "x-goog-stored-content-encoding": "identity"}, {"md5": _MD5}),
    ],
)
async def test_stated_digests(server: RawServer, headers: Mapping[str, str], stated: Mapping[str, bytes]) -> None:
    """Digests of the whole that a server states are taken over; whatever isn't one of these bytes is left out."""
    body = await _opened(server, headers)

    assert body.stated == {name: f"{name}:{value.hex()}" for name, value in stated.items()}


_S3 = {"ETag": f'"{_MD5.hex()}"', "X-Amz-Request-Id": "0A49CE4060975EAC"}


@pytest.mark.parametrize(
    ("headers", "is_stated"),
    [
        (_S3, True),
        ({**_S3, "x-amz-server-side-encryption": "AES256"}, True),
        ({**_S3, "x-amz-storage-class": "STANDARD_IA"}, True),
        # Put in parts, weak, in upper case: not as S3 writes an MD5.
        ({**_S3, "ETag": f'"{_MD5.hex()}-2"'}, False),
        ({**_S3, "ETag": f'W/"{_MD5.hex()}"'}, False),
        ({**_S3, "ETag": f'"{_MD5.hex().upper()}"'}, False),
        # Encrypted with a key of its own, or in a bucket of another kind: the ETag says nothing of the bytes.
        ({**_S3, "x-amz-server-side-encryption": "aws:kms"}, False),
        ({**_S3, "x-amz-server-side-encryption": "aws:kms:dsse"}, False),
        ({**_S3, "x-amz-server-side-encryption-customer-algorithm": "AES256"}, False),
        ({**_S3, "x-amz-storage-class": "EXPRESS_ONEZONE"}, False),
    ],
)
async def test_etag_of_s3(server: RawServer, headers: Mapping[str, str], *, is_stated: bool) -> None:
    """An ETag of S3 is the MD5 of an object that was put at once, and of no other."""
    body = await _opened(server, headers)

    assert body.stated == ({"md5": f"md5:{_MD5.hex()}"} if is_stated else {})


async def test_stated_digest_before_etag(server: RawServer) -> None:
    """Content-MD5 is plainer than an ETag."""
    body = await _opened(server, {**_S3, "Content-MD5": _base64(_SHA1[:16])})

    assert body.stated == {"md5": f"md5:{_SHA1[:16].hex()}"}


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("gzip", "gzip"), ("GZIP", "gzip"), ("identity", None), ("", None), ("deflate, gzip", "deflate, gzip")],
)
async def test_encoding(server: RawServer, text: str, encoding: str | None) -> None:
    """An encoding is named in lower case, and identity is none."""
    body = await _opened(server, {"Content-Encoding": text})

    assert body.encoding == encoding


async def test_encodings_in_two_lines(server: RawServer) -> None:
    """What was packed twice says so, in however many lines."""
    body = await _opened(server, {"Content-Encoding": "gzip", "content-encoding": "br"})

    assert body.encoding == "gzip, br"


async def test_headers_that_are_missing(server: RawServer) -> None:
    """A server that says nothing is taken at its word."""
    server.answers["/a"] = (Answer(sent=chunked(_BODY)),)

    body = await _opened(server, None)

    assert (body.length, body.validator, body.media_type, body.encoding, body.stated) == (None, None, None, None, {})


@pytest.mark.parametrize(
    ("text", "media_type"), [("image/tiff; application=geotiff", "image/tiff; application=geotiff"), ("", None)]
)
async def test_media_type(server: RawServer, text: str, media_type: str | None) -> None:
    """The media type is as the server says, parameters included."""
    body = await _opened(server, {"Content-Type": text})

    assert body.media_type == media_type


@pytest.mark.parametrize("status", ["203 Transformed", "204 No Content", "206 Partial Content"])
async def test_success_that_is_not_the_whole(server: RawServer, status: str) -> None:
    """A success without the whole source, as it is, is no source."""
    server.answers["/a"] = (Answer(sent=reply(status=status)),)

    with pytest.raises(UnexpectedStatusError):
        await _opened(server, None)


async def _opened(server: RawServer, headers: Mapping[str, str] | None) -> Body:
    if headers is not None:
        server.answers["/a"] = (Answer(sent=reply(_BODY, headers=headers)),)
    allow = Allowlist(
        hosts=("127.0.0.1",), http_hosts=("127.0.0.1",), ports=(server.port,), private_networks=("127.0.0.1/32",)
    )
    ours = dataset(allow=allow, catalog={"kind": "manifest", "url": "file:list.csv"})
    async with contextlib.AsyncExitStack() as stack:
        sources = HttpSources(await stack.enter_async_context(contextlib.aclosing(Egress())), Unsigned())
        return await stack.enter_async_context(sources.open(server.url("/a"), dataset=ours))
