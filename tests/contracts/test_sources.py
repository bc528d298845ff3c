"""What sources do: over HTTP, and in memory."""

import contextlib
import functools
import hashlib
import re
from base64 import b64encode
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from typing import Any

import pytest
from awscrt.checksums import crc32c, crc64nvme

from shared.egress import Egress
from shared.model.datasets import Allowlist
from shared.model.errors import (
    AssetNotFoundError,
    SluiceError,
    SourceChangedError,
    SourceRefusedError,
    SourceThrottledError,
    SourceUnavailableError,
    TruncatedBodyError,
    UnexpectedStatusError,
    UrlRefusedError,
)
from shared.sources.body import Body, Rest, Sources
from shared.sources.reading import HttpSources
from tests.fakes.raw_server import Answer, Asked, RawServer, chunked, raw_server, reply
from tests.fakes.sources import FakeSources, Unsigned, Version
from tests.unit.model.builders import dataset

_BODY = bytes(range(256)) * 1024
#: As their object stores state them.
_STATED = {
    "md5": f"md5:{hashlib.md5(_BODY).hexdigest()}",
    "crc32c": f"crc32c:{crc32c(_BODY):08x}",
    "crc64nvme": f"crc64nvme:{crc64nvme(_BODY):016x}",
}
_FIRST = 1000
_LAST = len(_BODY) - 1
_DATE = "Tue, 05 Mar 2024 12:00:00 GMT"
_MODIFIED = "modified:Mon, 04 Mar 2024 12:00:00 GMT"
#: Of the app's folder: a catalog's host has to be allowed as well.
_CATALOG = {"kind": "manifest", "url": "file:list.csv"}
_STATUS: dict[type[SluiceError], str] = {
    AssetNotFoundError: "404 Not Found",
    SourceRefusedError: "403 Forbidden",
    SourceThrottledError: "429 Too Many Requests",
    SourceUnavailableError: "503 Service Unavailable",
    UnexpectedStatusError: "418 I'm a teapot",
}


class World:
    """Sources, and a way to say what they serve."""

    def __init__(self, sources: Sources, *, allow: Allowlist, serve: Callable[[str, tuple[Version, ...]], str]) -> None:
        self.sources = sources
        self.allow = allow
        self._serve = serve

    def serve(self, name: str, *versions: Version) -> str:
        """Serve versions, one an opening; returns their href."""
        return self._serve(name, versions)

    def open(self, href: str, *, rest: Rest | None = None) -> contextlib.AbstractAsyncContextManager[Body]:
        """Open an href under this world's allowlist."""
        return self.sources.open(href, dataset=dataset(allow=self.allow, catalog=_CATALOG), rest=rest)


@pytest.fixture(params=["http", "memory"])
async def world(request: pytest.FixtureRequest) -> AsyncGenerator[World]:
    if request.param == "memory":
        yield _memory_world()
        return
    async with raw_server() as server, contextlib.aclosing(Egress()) as egress:
        yield _http_world(server, egress)


async def test_body_is_whole(world: World) -> None:
    """All bytes come, in order, and their number is stated."""
    href = world.serve("/a.bin", Version(body=_BODY))

    async with world.open(href) as body:
        read = await _read(body)

    assert (read, body.length) == (_BODY, len(_BODY))


async def test_empty_body(world: World) -> None:
    """An empty source has the length 0 and no bytes."""
    href = world.serve("/a.bin", Version())

    async with world.open(href) as body:
        read = await _read(body)

    assert (read, body.length) == (b"", 0)


async def test_length_that_is_not_stated(world: World) -> None:
    """Without a stated length there is None, and all bytes come."""
    href = world.serve("/a.bin", Version(body=_BODY, states_length=False))

    async with world.open(href) as body:
        read = await _read(body)

    assert (read, body.length) == (_BODY, None)


@pytest.mark.parametrize("validator", ['etag:"v1"', _MODIFIED, None])
async def test_validator(world: World, validator: str | None) -> None:
    """A source says with what it can be pinned."""
    href = world.serve("/a.bin", Version(body=b"1", validator=validator))

    async with world.open(href) as body:
        assert body.validator == validator


async def test_what_headers_say(world: World) -> None:
    """Media type, encoding and digests come as stated, the bytes as they were sent."""
    href = world.serve("/a.bin", Version(body=_BODY, media_type="image/tiff", encoding="gzip", stated=_STATED))

    async with world.open(href) as body:
        read = await _read(body)

    assert (body.media_type, body.encoding, body.stated, read) == ("image/tiff", "gzip", _STATED, _BODY)


@pytest.mark.parametrize(
    "error",
    [
        AssetNotFoundError("gone"),
        SourceRefusedError("no right"),
        SourceThrottledError("slowly", retry_after=timedelta(seconds=7)),
        SourceUnavailableError("down"),
        UnexpectedStatusError("what?"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_failure_instead_of_a_body(world: World, error: SluiceError) -> None:
    """A source that can't be read raises what its status means, with the patience that it asks for."""
    href = world.serve("/a.bin", Version(error=error))

    with pytest.raises(type(error)) as raised:
        async with world.open(href):
            pass

    assert getattr(raised.value, "retry_after", None) == getattr(error, "retry_after", None)


async def test_nothing_is_there(world: World) -> None:
    """An href that nobody serves isn't found."""
    known = world.serve("/a.bin", Version())

    with pytest.raises(AssetNotFoundError):
        async with world.open(known.replace("a.bin", "b.bin")):
            pass


@pytest.mark.parametrize("states_length", [True, False])
async def test_truncated_body(world: World, *, states_length: bool) -> None:
    """A body that ends early raises; what came until then are its first bytes."""
    href = world.serve("/a.bin", Version(body=_BODY, cut_at=1000, states_length=states_length))
    read = bytearray()

    async with world.open(href) as body:
        with pytest.raises(TruncatedBodyError):
            await _read_into(read, body)

    assert _BODY.startswith(read)


async def test_torn_body(world: World) -> None:
    """A source that is overwritten while it is read gives bytes of both, and no error: only digests tell."""
    href = world.serve("/a.bin", Version(body=b"a" * 1000, torn_at=400, torn_into=b"b" * 1000))

    async with world.open(href) as body:
        read = await _read(body)

    assert (read, body.length) == (b"a" * 400 + b"b" * 600, 1000)


async def test_next_version(world: World) -> None:
    """The next opening sees what the source has become, with another validator."""
    href = world.serve("/a.bin", Version(body=b"1", validator='etag:"1"'), Version(body=b"2", validator='etag:"2"'))
    seen: list[tuple[str | None, bytes]] = []

    for _ in range(3):
        async with world.open(href) as body:
            seen.append((body.validator, await _read(body)))

    assert seen == [('etag:"1"', b"1"), ('etag:"2"', b"2"), ('etag:"2"', b"2")]


async def test_refused_host(world: World) -> None:
    """A host outside the allowlist is refused."""
    world.serve("/a.bin", Version())

    with pytest.raises(UrlRefusedError):
        async with world.open("https://elsewhere.example.com/a.bin"):
            pass


def _rest(**values: Any) -> Rest:
    """All of the body but its first bytes."""
    defaults: dict[str, Any] = {"first": _FIRST, "total": len(_BODY), "validator": 'etag:"v1"'}
    return Rest(**{**defaults, **values})


@pytest.mark.parametrize("validator", ['etag:"v1"', _MODIFIED])
@pytest.mark.parametrize("first", [1, _FIRST, _LAST])
async def test_rest_of_a_version(world: World, validator: str, first: int) -> None:
    """Exactly the bytes from there on, with their number; what is stated of the whole isn't stated of them."""
    href = world.serve("/a.bin", Version(body=_BODY, validator=validator, media_type="image/tiff", stated=_STATED))

    async with world.open(href, rest=_rest(first=first, validator=validator)) as body:
        read = await _read(body)

    assert read == _BODY[first:]
    assert (body.length, body.validator, body.stated) == (len(_BODY) - first, validator, {})


async def test_rest_of_an_encoded_version(world: World) -> None:
    """Ranges count the bytes as they are sent."""
    href = world.serve("/a.bin", Version(body=_BODY, validator='etag:"v1"', encoding="gzip"))

    async with world.open(href, rest=_rest(encoding="gzip")) as body:
        assert await _read(body) == _BODY[_FIRST:]


@pytest.mark.parametrize(
    ("served", "rest"),
    [
        (Version(body=_BODY, validator='etag:"v2"'), _rest()),
        (Version(body=_BODY, validator=None), _rest()),
        (Version(body=_BODY, validator=None), _rest(validator=_MODIFIED)),
        (Version(body=_BODY + b"1", validator='etag:"v1"'), _rest()),
        (Version(body=_BODY[:-1], validator='etag:"v1"'), _rest()),
        (Version(body=_BODY[:_FIRST], validator='etag:"v1"'), _rest()),
        (Version(body=_BODY, validator='etag:"v1"', encoding="gzip"), _rest()),
        (Version(body=_BODY, validator='etag:"v1"', knows_ranges=False), _rest()),
    ],
    ids=["etag", "weak etag", "date", "longer", "shorter", "much shorter", "encoding", "no ranges"],
)
async def test_rest_of_what_has_changed(world: World, served: Version, rest: Rest) -> None:
    """Nothing is appended to a version but itself; a server that knows no ranges can still be read whole."""
    href = world.serve("/a.bin", served)

    with pytest.raises(SourceChangedError):
        async with world.open(href, rest=rest):
            pass
    async with world.open(href) as body:
        assert await _read(body) == served.body


@pytest.mark.parametrize(
    "error", [AssetNotFoundError("gone"), SourceRefusedError("no right"), SourceThrottledError("slowly")]
)
async def test_failure_instead_of_a_rest(world: World, error: SluiceError) -> None:
    """What a status means is the same for a rest: a throttled one isn't taken for a changed one."""
    href = world.serve("/a.bin", Version(error=error))

    with pytest.raises(type(error)):
        async with world.open(href, rest=_rest()):
            pass


async def test_truncated_rest(world: World) -> None:
    """A rest that ends early raises; what came until then are its first bytes."""
    href = world.serve("/a.bin", Version(body=_BODY, validator='etag:"v1"', cut_at=3000))
    read = bytearray()

    async with world.open(href, rest=_rest()) as body:
        with pytest.raises(TruncatedBodyError):
            await _read_into(read, body)

    assert _BODY[_FIRST:].startswith(read)


def _memory_world() -> World:
    sources = FakeSources(chunk_bytes=100_000)

    def serve(name: str, versions: tuple[Version, ...]) -> str:
        href = f"https://data.example.org{name}"
        sources.serve(href, *versions)
        return href

    return World(sources, allow=Allowlist(hosts=("data.example.org",)), serve=serve)


def _http_world(server: RawServer, egress: Egress) -> World:
    def serve(name: str, versions: tuple[Version, ...]) -> str:
        server.answers[name] = tuple(functools.partial(_answer, each) for each in versions)
        return server.url(name)

    allow = Allowlist(
        hosts=("127.0.0.1",), http_hosts=("127.0.0.1",), ports=(server.port,), private_networks=("127.0.0.0/8",)
    )
    return World(HttpSources(egress, Unsigned()), allow=allow, serve=serve)


def _answer(version: Version, asked: Asked) -> Answer:
    """What a server answers for a version: an honest one that may not know ranges."""
    if not version.knows_ranges or version.error is not None or "range" not in asked.headers:
        return Answer(sent=_raw(version))
    kind, _, value = (version.validator or "").partition(":")
    # A server that knows no such condition ignores it.
    if kind == "etag" and asked.headers.get("if-match", value) != value:
        return Answer(sent=reply(status="412 Precondition Failed"))
    found = re.fullmatch(r"bytes=([0-9]+)-([0-9]+)", asked.headers["range"])
    assert found is not None
    first, last = int(found[1]), min(int(found[2]), len(version.body) - 1)
    if first > last:
        return Answer(sent=reply(status="416 Range Not Satisfiable"))
    return Answer(
        sent=reply(
            version.sent[first : last + 1],
            status="206 Partial Content",
            headers={
                **_headers(version),
                "Content-Range": f"bytes {first}-{last}/{len(version.body)}",
                "Content-Length": str(last + 1 - first),
            },
        )
    )


def _raw(version: Version) -> bytes:
    """What a server sends for a version."""
    if version.error is not None:
        patience = version.error.retry_after if isinstance(version.error, SourceThrottledError) else None
        headers = {"Retry-After": f"{patience.seconds}"} if patience else {}
        return reply(status=_STATUS[type(version.error)], headers=headers)
    if not version.states_length:
        return chunked(version.sent, complete=version.cut_at is None, headers=_headers(version))
    return reply(version.sent, headers={**_headers(version), "Content-Length": str(len(version.body))})


def _headers(version: Version) -> dict[str, str]:
    kind, _, validator = (version.validator or "").partition(":")
    stated = {name: b64encode(bytes.fromhex(each.partition(":")[2])).decode() for name, each in version.stated.items()}
    headers = {
        "Date": _DATE,
        "ETag": validator if kind == "etag" else 'W/"weak"',
        "Last-Modified": validator if kind == "modified" else _DATE,
        "Content-Type": version.media_type,
        "Content-Encoding": version.encoding,
        "Content-MD5": stated.get("md5"),
        "x-goog-hash": f"crc32c={stated['crc32c']}" if "crc32c" in stated else None,
        "x-goog-stored-content-encoding": version.encoding,
        "x-amz-checksum-crc64nvme": stated.get("crc64nvme"),
    }
    return {name: value for name, value in headers.items() if value}


async def _read(body: Body) -> bytes:
    read = bytearray()
    await _read_into(read, body)
    return bytes(read)


async def _read_into(read: bytearray, body: Body) -> None:
    async for chunk in body.chunks():
        read += chunk
