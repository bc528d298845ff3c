"""What servers say of files: headers, first bytes, checksum files."""

import contextlib
import gzip
import zlib
from collections.abc import AsyncGenerator
from random import Random
from typing import Any, cast

from shared.egress import Egress
from shared.egress.validators import condition, is_of_version, range_of, strong_validator
from shared.model.checksums import Algorithm, from_hex_or_base64, from_multihash, parse_digest
from shared.model.datasets import Allowlist
from shared.model.errors import (
    AssetNotFoundError,
    AssetTooLargeError,
    ContentMismatchError,
    SourceChangedError,
    SourceRefusedError,
    SourceThrottledError,
    SourceUnavailableError,
    TruncatedBodyError,
    UnexpectedStatusError,
    UrlRefusedError,
)
from shared.model.sidecars import checksum_in
from shared.sources.body import Rest
from shared.sources.content import check_content, stored_media_type
from shared.sources.reading import HttpSources
from tests.fakes.egress import Answer
from tests.fakes.raw_server import Answer as RawAnswer
from tests.fakes.raw_server import raw_server
from tests.fakes.sources import Unsigned
from tests.fuzz.judging import Run
from tests.fuzz.mutating import mutated_bytes, mutated_headers, unwired, wire
from tests.fuzz.nasty import DIGESTS, NUMBERS, TEXTS, TIMES
from tests.fuzz.target import Target
from tests.fuzz.targets.harness import StrictEgress
from tests.unit.model.builders import dataset

_HREF = "https://data.example.org/a.tif"
_STATUSES = ("200", "206", "202", "204", "301", "304", "401", "403", "404", "410", "412", "416", "429", "500", "503")
_OF_SOURCES = (
    *(AssetNotFoundError, SourceRefusedError, SourceThrottledError, SourceUnavailableError, UnexpectedStatusError),
    *(SourceChangedError, TruncatedBodyError, UrlRefusedError),
)
_HEADERS = {
    "ETag": '"1"',
    "Last-Modified": "Sat, 01 Jun 2024 12:00:00 GMT",
    "Date": "Sat, 01 Jun 2024 13:00:00 GMT",
    "Content-Length": "9",
    "Content-Range": "bytes 3-8/9",
    "Content-Type": "image/tiff",
    "Content-Encoding": "identity",
    "Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA==",
    "x-amz-checksum-crc32c": "AAAAAA==",
    "x-amz-checksum-type": "FULL_OBJECT",
    "x-goog-hash": "crc32c=AAAAAA==,md5=AAAAAAAAAAAAAAAAAAAAAA==",
    "x-amz-request-id": "1",
    "Retry-After": "5",
    "Location": "/a",
}
_VALUES = (
    *("bytes 3-8/9", "bytes 3-8/*", "bytes 8-3/9", "bytes 3-8/" + "9" * 20, "bytes " + "9" * 19 + "-" * 3, "bytes */9"),
    *('W/"1"', '""', '"a"b"', '"' + "a" * 600 + '"', '"\u00e9"', "*", '"' + "0" * 32 + '"', '"' + "0" * 32 + '-3"'),
    *("gzip", "br, gzip", "identity, gzip", "GZIP", "aws-chunked", "chunked", "0", "-1", "1e3", "\u0661", "9" * 400),
    *("crc32c=", "md5=,", "=,=,=", ",".join(["crc32c=AAAAAA=="] * 500), "crc32c=AAAAAA==;md5", "COMPOSITE", "86400"),
    *(*TIMES, *TEXTS[:40], *DIGESTS),
)
_FIRST = (
    b"II*\0" + bytes(40),
    b"<!DOCTYPE html><html><head><title>404</title></head></html>",
    b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    b"\xef\xbb\xbf<html>",
    "<html><body>".encode("utf-16"),
    b"\x89HDF\r\n\x1a\n" + bytes(20),
    b'{"a": 1}',
    b"PAR1",
    gzip.compress(b"<html>" * 10, mtime=0),
    # A bomb: ten megabytes in ten kilobytes.
    gzip.compress(b"<" + b" " * 10_000_000, mtime=0)[:20_000],
    zlib.compress(bytes(100_000)),
    b"<!--" * 5000,
    b"<?xml" + b" " * 20_000,
    b" " * 30_000 + b"<html>",
    b"<!-- -->" * 3000 + b"<x>",
)
_SIDECARS = (
    b"d41d8cd98f00b204e9800998ecf8427e  a.tif\n",
    b"SHA256 (a.tif) = " + b"0" * 64 + b"\n",
    b"d41d8cd98f00b204e9800998ecf8427e *a.tif\n" * 900,
    b"# a\n\n" + b"0" * 64 + b"  b.tif\n" + b"1" * 64 + b"  a.tif\n",
    b"AAAAAAAAAAAAAAAAAAAAAA==",
    b"(" * 20_000 + b"a.tif) = " + b"0" * 32,
    b"MD5 (" + b") = " * 8000,
)


async def _heads(case: bytes) -> None:
    """A file whole, and the rest of one."""
    headers, body = unwired(case)
    status = headers.pop("Status", "200")
    answer = Answer(status=int(status) if status in _STATUSES else 200, headers=headers, chunks=(body,))
    sources = HttpSources(cast("Egress", StrictEgress(lambda _: answer)), Unsigned())
    rest = Rest(first=3, total=9, validator='etag:"1"') if len(case) % 2 else None
    if found := strong_validator(headers):
        condition(found)
        is_of_version(headers, found)
    range_of(headers)
    async with sources.open(_HREF, dataset=_DATASET, rest=rest) as opened:
        stored_media_type(opened.media_type, href=_HREF)
        async for _ in opened.chunks():
            pass


_DATASET = dataset()


@contextlib.asynccontextmanager
async def _opened_wire() -> AsyncGenerator[Run]:
    """The bytes of an answer, head and all, through the real client and a real socket."""
    async with raw_server() as server, contextlib.aclosing(Egress()) as egress:
        allow = Allowlist(
            hosts=("127.0.0.1",), http_hosts=("127.0.0.1",), ports=(server.port,), private_networks=("127.0.0.1/32",)
        )
        catalog = {"kind": "manifest", "url": server.url("/list")}
        parts: dict[str, Any] = {"allow": allow.model_dump(), "catalog": catalog}
        described = dataset(**parts)
        sources = HttpSources(egress, Unsigned())

        async def run(case: bytes) -> None:
            server.asked.clear()
            server.answers["/a"] = (RawAnswer(sent=case),)
            async with sources.open(server.url("/a"), dataset=described) as opened:
                async for _ in opened.chunks():
                    pass

        yield run


async def _first_bytes(case: bytes) -> None:
    headers, body = unwired(case)
    href = headers.get("Href", _HREF)
    media_type, encoding = headers.get("Content-Type"), headers.get("Content-Encoding")
    stored_media_type(media_type, href=href)
    check_content(body, media_type=media_type, href=href, encoding=encoding)


async def _digests(case: bytes) -> None:
    text = case.decode("utf-8", "surrogateescape" if len(case) % 2 else "replace")
    for read in (parse_digest, from_multihash):
        with contextlib.suppress(ValueError):
            read(text)
    for algorithm in Algorithm:
        with contextlib.suppress(ValueError):
            from_hex_or_base64(algorithm, text)
    checksum_in(text, href=_HREF, template="{href}.md5")


def _made_heads(chance: Random) -> bytes:
    spoilt = mutated_headers(chance, _HEADERS, values=_VALUES)
    kept = [each for each in spoilt if each[0].lower() not in {"retry-after", "location"} or chance.random() < 0.2]
    status = chance.choice(("200", "206", "206", *_STATUSES))
    return wire([("Status", status), *kept], chance.choice((b"", b"345678", b"345678", b"012345678", b"3456789")))


def _made_wire(chance: Random) -> bytes:
    spoilt = mutated_headers(chance, _HEADERS, values=_VALUES)
    kept = [each for each in spoilt if each[0].lower() not in {"retry-after", "location"} or chance.random() < 0.2]
    lines = [f"HTTP/1.1 {chance.choice(_STATUSES)} OK", *(f"{name}: {value}" for name, value in kept), "", ""]
    sent = "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"012345678"
    return mutated_bytes(chance, sent) if chance.random() < 0.3 else sent


def _made_first(chance: Random) -> bytes:
    headers = {"Href": _HREF, "Content-Type": "image/tiff", "Content-Encoding": chance.choice(("", "gzip", "x-gzip"))}
    body = chance.choice(_FIRST)
    return wire(
        mutated_headers(chance, headers, values=_VALUES), mutated_bytes(chance, body) if chance.random() < 0.8 else body
    )


def _made_digest(chance: Random) -> bytes:
    if chance.random() < 0.3:
        return chance.choice((*DIGESTS, *NUMBERS, *TEXTS)).encode("utf-8", "surrogatepass")
    return mutated_bytes(chance, chance.choice(_SIDECARS))


TARGETS = (
    Target.of("source-heads", make=_made_heads, run=_heads, allowed=_OF_SOURCES),
    Target(
        name="source-wire", make=_made_wire, opened=_opened_wire, allowed=(*_OF_SOURCES, AssetTooLargeError), share=0.2
    ),
    Target.of("first-bytes", make=_made_first, run=_first_bytes, allowed=(ContentMismatchError,)),
    Target.of("digests", make=_made_digest, run=_digests, allowed=(ValueError,)),
)
