"""What sources do: over HTTP, and in memory."""

import contextlib
import hashlib
from base64 import b64encode
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta

import pytest

from shared.egress import Egress
from shared.model.datasets import Allowlist
from shared.model.errors import (
    AssetNotFoundError,
    SluiceError,
    SourceRefusedError,
    SourceThrottledError,
    SourceUnavailableError,
    TruncatedBodyError,
    UnexpectedStatusError,
    UrlRefusedError,
)
from shared.sources.body import Body, Sources
from shared.sources.reading import HttpSources
from shared.sources.signing import Unsigned
from tests.fakes.raw_server import Answer, RawServer, chunked, raw_server, reply
from tests.fakes.sources import FakeSources, Version
from tests.unit.model.builders import dataset

_BODY = bytes(range(256)) * 1024
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

    def open(self, href: str) -> contextlib.AbstractAsyncContextManager[Body]:
        """Open an href under this world's allowlist."""
        return self.sources.open(href, dataset=dataset(allow=self.allow, catalog=_CATALOG))


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
    stated = {"md5": f"md5:{hashlib.md5(_BODY).hexdigest()}"}
    href = world.serve("/a.bin", Version(body=_BODY, media_type="image/tiff", encoding="gzip", stated=stated))

    async with world.open(href) as body:
        read = await _read(body)

    assert (body.media_type, body.encoding, body.stated, read) == ("image/tiff", "gzip", stated, _BODY)


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


def _memory_world() -> World:
    sources = FakeSources(chunk_bytes=100_000)

    def serve(name: str, versions: tuple[Version, ...]) -> str:
        href = f"https://data.example.org{name}"
        sources.serve(href, *versions)
        return href

    return World(sources, allow=Allowlist(hosts=("data.example.org",)), serve=serve)


def _http_world(server: RawServer, egress: Egress) -> World:
    def serve(name: str, versions: tuple[Version, ...]) -> str:
        server.answers[name] = tuple(Answer(sent=_raw(each)) for each in versions)
        return server.url(name)

    allow = Allowlist(
        hosts=("127.0.0.1",), http_hosts=("127.0.0.1",), ports=(server.port,), private_networks=("127.0.0.0/8",)
    )
    return World(HttpSources(egress, Unsigned()), allow=allow, serve=serve)


def _raw(version: Version) -> bytes:
    """What a server sends for a version."""
    if version.error is not None:
        patience = version.error.retry_after if isinstance(version.error, SourceThrottledError) else None
        headers = {"Retry-After": f"{patience.seconds}"} if patience else {}
        return reply(status=_STATUS[type(version.error)], headers=headers)
    kind, _, validator = (version.validator or "").partition(":")
    md5 = version.stated.get("md5", "").removeprefix("md5:")
    headers = {
        "Date": _DATE,
        "ETag": validator if kind == "etag" else 'W/"weak"',
        "Last-Modified": validator if kind == "modified" else _DATE,
        "Content-Type": version.media_type,
        "Content-Encoding": version.encoding,
        "Content-MD5": b64encode(bytes.fromhex(md5)).decode(),
    }
    said = {name: value for name, value in headers.items() if value}
    if not version.states_length:
        return chunked(version.sent, complete=version.cut_at is None, headers=said)
    return reply(version.sent, headers={**said, "Content-Length": str(len(version.body))})


async def _read(body: Body) -> bytes:
    read = bytearray()
    await _read_into(read, body)
    return bytes(read)


async def _read_into(read: bytearray, body: Body) -> None:
    async for chunk in body.chunks():
        read += chunk
