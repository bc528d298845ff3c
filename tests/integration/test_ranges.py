"""How the rest of a version is asked for over HTTP, and which answers are none."""

import contextlib
from collections.abc import Mapping

import pytest

from shared.egress import Egress
from shared.model.datasets import Allowlist
from shared.model.errors import SluiceError, SourceChangedError, SourceUnavailableError, TruncatedBodyError
from shared.sources.body import Rest
from shared.sources.reading import HttpSources
from tests.fakes.raw_server import Answer, Ending, RawServer, chunked, reply
from tests.fakes.sources import Unsigned
from tests.unit.model.builders import dataset

_MODIFIED = "Mon, 04 Mar 2024 12:00:00 GMT"
_REST = Rest(first=4, total=10, validator='etag:"v1"')
_SIX = b"456789"
_HONEST = {"ETag": '"v1"', "Content-Range": "bytes 4-9/10"}
_PARTS = b"--b\r\nContent-Range: bytes 4-9/10\r\n\r\n456789\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("validator", "condition"),
    [('etag:"v1"', {"if-match": '"v1"'}), (f"modified:{_MODIFIED}", {"if-unmodified-since": _MODIFIED})],
)
async def test_a_range_is_asked_for_under_a_condition(
    server: RawServer, validator: str, condition: Mapping[str, str]
) -> None:
    """To the last byte, and only of the version that is known."""
    headers = {**_HONEST, "Last-Modified": _MODIFIED}

    read = await _read(server, headers=headers, rest=Rest(first=4, total=10, validator=validator))

    conditions = {name: value for name, value in server.asked[0].headers.items() if name.startswith("if-")}
    assert (server.asked[0].headers["range"], conditions, read) == ("bytes=4-9", condition, _SIX)


async def test_a_whole_is_asked_for_without_a_condition(server: RawServer) -> None:
    """A first request is a plain GET."""
    server.answers["/a"] = (Answer(sent=reply(_SIX)),)

    await _read(server, rest=None)

    assert not {"range", "if-match", "if-unmodified-since"}.intersection(server.asked[0].headers)


async def test_a_range_without_a_length(server: RawServer) -> None:
    """In chunks it is as good as any: its bytes are counted."""
    read = await _read(server, answer=_chunked(_SIX))

    assert read == _SIX


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": '"v1"'},
        {**_HONEST, "Content-Range": "bytes 3-9/10"},
        {**_HONEST, "Content-Range": "bytes 4-8/10"},
        {**_HONEST, "Content-Range": "bytes 0-9/10"},
        {**_HONEST, "Content-Range": "bytes 4-9/11"},
        {**_HONEST, "Content-Range": "bytes 4-9/*"},
        {**_HONEST, "Content-Range": "bytes */10"},
        {**_HONEST, "Content-Range": "items 4-9/10"},
        {**_HONEST, "Content-Range": "bytes 4-9/10, bytes 0-3/10"},
        {**_HONEST, "content-range": "bytes 4-9/10"},
        {**_HONEST, "Content-Range": f"bytes 4-9/{'1' * 5000}"},
        {**_HONEST, "ETag": '"v2"'},
        {**_HONEST, "ETag": 'W/"v1"'},
        {"Content-Range": "bytes 4-9/10"},
        {**_HONEST, "Content-Encoding": "gzip"},
    ],
)
async def test_another_range(server: RawServer, headers: Mapping[str, str]) -> None:
    """Whatever a partial answer says of itself: only the range and the version that were asked for can be used."""
    with pytest.raises(SourceChangedError):
        await _read(server, headers=headers)


@pytest.mark.parametrize("body", [_SIX[:-1], _SIX + b"0"], ids=["short", "long"])
async def test_a_range_of_another_length(server: RawServer, body: bytes) -> None:
    """A Content-Range that lies about its bytes is found out before they are read."""
    with pytest.raises(SourceChangedError, match=f"{len(body)} bytes instead of 6"):
        await _read(server, body=body)


@pytest.mark.parametrize(("body", "error"), [(_SIX[:-1], TruncatedBodyError), (_SIX + b"0", SourceChangedError)])
async def test_a_range_without_a_length_is_counted(server: RawServer, body: bytes, error: type[SluiceError]) -> None:
    """It ends where it has to, not where the connection does."""
    with pytest.raises(error):
        await _read(server, answer=_chunked(body))


async def test_parts(server: RawServer) -> None:
    """multipart/byteranges for one range (RFC 9110, 14.6, forbids it): its frame isn't copied into a blob."""
    headers = {"ETag": '"v1"', "Content-Type": "multipart/byteranges; boundary=b"}

    with pytest.raises(SourceChangedError):
        await _read(server, headers=headers, body=_PARTS)


@pytest.mark.parametrize(
    "status",
    [
        "200 OK",
        "204 No Content",
        "304 Not Modified",
        "400 Bad Request",
        "405 Method Not Allowed",
        "412 Precondition Failed",
        "416 Range Not Satisfiable",
    ],
)
async def test_an_answer_that_is_no_range(server: RawServer, status: str) -> None:
    """Ranges or conditions that a server ignores, refuses or finds unmet: the whole can still be asked for."""
    with pytest.raises(SourceChangedError):
        await _read(server, status=status, body=b"")


async def test_a_server_that_is_down(server: RawServer) -> None:
    """That isn't about ranges: it is the host's trouble."""
    with pytest.raises(SourceUnavailableError):
        await _read(server, status="503 Service Unavailable")


@pytest.mark.parametrize("ending", [Ending.CLOSE, Ending.RESET])
async def test_a_range_that_breaks_off(server: RawServer, ending: Ending) -> None:
    """Half of it, then the connection ends."""
    sent = reply(_SIX[:3], status="206 Partial Content", headers={**_HONEST, "Content-Length": "6"})

    with pytest.raises((TruncatedBodyError, SourceUnavailableError)):
        await _read(server, answer=Answer(sent=sent, ending=ending))


def _chunked(body: bytes) -> Answer:
    return Answer(sent=chunked(body, headers=_HONEST).replace(b"200 OK", b"206 Partial Content", 1))


async def _read(
    server: RawServer,
    *,
    headers: Mapping[str, str] = _HONEST,
    body: bytes = _SIX,
    status: str = "206 Partial Content",
    answer: Answer | None = None,
    rest: Rest | None = _REST,
) -> bytes:
    """Open and read what a server answers to a request for a range."""
    if "/a" not in server.answers:
        server.answers["/a"] = (answer or Answer(sent=reply(body, status=status, headers=headers)),)
    allow = Allowlist(
        hosts=("127.0.0.1",), http_hosts=("127.0.0.1",), ports=(server.port,), private_networks=("127.0.0.1/32",)
    )
    ours = dataset(allow=allow, catalog={"kind": "manifest", "url": "file:list.csv"})
    async with contextlib.aclosing(Egress()) as egress:
        sources = HttpSources(egress, Unsigned())
        async with sources.open(server.url("/a"), dataset=ours, rest=rest) as opened:
            return b"".join([each async for each in opened.chunks()])
