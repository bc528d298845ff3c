"""Egress against a server on loopback that lies."""

import asyncio
import gc
import gzip
import traceback
from collections.abc import Mapping
from datetime import timedelta

import aiohttp
import pytest
from pytest_mock import MockerFixture

from shared.egress import Egress
from shared.model.errors import (
    AssetNotFoundError,
    AssetTooLargeError,
    SluiceError,
    SourceRefusedError,
    SourceThrottledError,
    SourceUnavailableError,
    TruncatedBodyError,
    UnexpectedStatusError,
)
from tests.fakes.raw_server import Answer, Ending, RawServer, chunked, reply
from tests.integration.exchange import BODY, SECRET, Got, allowlist, checked, error_of, got, read, serve

DATE = "Tue, 05 Mar 2024 12:00:00 GMT"


async def test_whole_body(server: RawServer, egress: Egress) -> None:
    """A body with its length comes whole."""
    serve(server, reply(BODY))

    assert await got(egress, server) == Got(status=200, body=BODY, length=len(BODY))


async def test_body_in_chunks(server: RawServer, egress: Egress) -> None:
    """A body in chunks comes whole, without a length."""
    serve(server, chunked(b"abc", b"def"))

    assert await got(egress, server) == Got(status=200, body=b"abcdef", length=None)


async def test_body_that_ends_with_the_connection(server: RawServer, egress: Egress) -> None:
    """A body that neither states its length nor comes in chunks ends where the connection does."""
    serve(server, b"HTTP/1.1 200 OK\r\n\r\nabc")

    assert await got(egress, server) == Got(status=200, body=b"abc", length=None)


async def test_gzip_despite_identity(server: RawServer, egress: Egress) -> None:
    """Identity is asked for; what is packed all the same comes as it was sent, and its length is that of the pack."""
    packed = gzip.compress(BODY, mtime=0)
    serve(server, reply(packed, headers={"Content-Encoding": "gzip"}))

    assert await got(egress, server) == Got(status=200, body=packed, length=len(packed))
    assert server.asked[0].headers["accept-encoding"] == "identity"


async def test_head(server: RawServer, egress: Egress) -> None:
    """A HEAD has no body, whatever length its headers state."""
    serve(server, reply(headers={"Content-Length": "1000"}))

    assert await got(egress, server, method="HEAD") == Got(status=200, body=b"", length=None)


async def test_post(server: RawServer, egress: Egress) -> None:
    """A body is sent with its headers."""
    serve(server, reply(b"{}"))

    await got(egress, server, method="POST", headers={"Content-Type": "application/json"}, body=b'{"limit":1}')

    (asked,) = server.asked
    assert (asked.method, asked.body, asked.headers["content-type"]) == ("POST", b'{"limit":1}', "application/json")


@pytest.mark.parametrize(
    "sent",
    [
        reply(BODY[:1000], headers={"Content-Length": str(len(BODY))}),
        reply(headers={"Content-Length": "1"}),
        chunked(BODY[:1000], complete=False),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    ],
    ids=["short", "none", "chunk missing", "short chunk", "no last line"],
)
@pytest.mark.parametrize("ending", [Ending.CLOSE, Ending.RESET])
async def test_short_body(server: RawServer, egress: Egress, sent: bytes, ending: Ending) -> None:
    """A body that ends before its length or its last chunk is truncated, never short in silence."""
    serve(server, sent, ending=ending)

    assert await error_of(egress, server) in (
        {TruncatedBodyError} if ending is Ending.CLOSE else {TruncatedBodyError, SourceUnavailableError}
    )


async def test_reset_of_a_body_that_ends_with_the_connection(server: RawServer, egress: Egress) -> None:
    """A connection that breaks is no end of a body that ends with it."""
    serve(server, b"HTTP/1.1 200 OK\r\n\r\nabc", pieces=(b"d",), ending=Ending.RESET)

    assert await error_of(egress, server) is TruncatedBodyError


@pytest.mark.parametrize(
    ("sent", "rest"),
    [(reply(b"ab", headers={"Content-Length": "3"}), b"c"), (chunked(b"abc", complete=False), b"0\r\n\r\n")],
    ids=["length", "chunks"],
)
async def test_reset_after_the_body(server: RawServer, egress: Egress, sent: bytes, rest: bytes) -> None:
    """A body that came to its own end is whole, whatever becomes of the connection before it is read."""
    serve(server, sent, pieces=(rest, b""), ending=Ending.RESET)

    async with egress.request("GET", server.url("/a"), allow=allowlist(server)) as answer:
        await asyncio.sleep(0.3)

        assert await read(answer) == b"abc"


async def test_reset_of_a_body_that_nobody_reads(
    server: RawServer, egress: Egress, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection that breaks without anybody's waiting for its bytes makes no noise."""
    serve(server, b"HTTP/1.1 200 OK\r\n\r\nabc", pieces=(b"d",), ending=Ending.RESET)

    async with egress.request("GET", server.url("/a"), allow=allowlist(server)):
        await asyncio.sleep(0.2)
    gc.collect()

    assert caplog.messages == []


@pytest.mark.parametrize("coding", ["gzip, chunked", "gzip", "chunked, gzip", "xchunked", "identity", ""])
async def test_transfer_coding(server: RawServer, egress: Egress, coding: str) -> None:
    """A coding that nobody asked for is refused: its bytes, or the lines between chunks, aren't the source's."""
    sent = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: %b\r\n\r\n3\r\nabc\r\n0\r\n\r\n" % coding.encode()
    serve(server, sent)

    assert await error_of(egress, server) is SourceUnavailableError


async def test_header_in_several_lines(server: RawServer, egress: Egress) -> None:
    """A header that comes in several lines is read as one, by a name in any case."""
    serve(server, b"HTTP/1.1 200 OK\r\nX-Goog-Hash: crc32c=a\r\nx-goog-hash: md5=b\r\nContent-Length: 0\r\n\r\n")

    async with egress.request("GET", server.url("/a"), allow=allowlist(server)) as answer:
        assert answer.headers["X-GOOG-Hash"] == "crc32c=a, md5=b"


async def test_body_longer_than_its_length(server: RawServer, egress: Egress) -> None:
    """An answer that goes on after its stated length is no HTTP."""
    serve(server, reply(b"abcdef", headers={"Content-Length": "3"}))

    assert await error_of(egress, server) is SourceUnavailableError


async def test_client_that_ends_early(server: RawServer, egress: Egress, mocker: MockerFixture) -> None:
    """Bytes are counted here too: that the HTTP client came to an end proves nothing."""
    serve(server, reply(b"abcdef"))
    mocker.patch.object(aiohttp.StreamReader, "readany", side_effect=[b"abc", b""])

    assert await error_of(egress, server) is TruncatedBodyError


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n",
    ],
    ids=["nothing", "half a head", "other protocol", "two lengths", "no number", "huge header"],
)
async def test_answer_that_is_none(server: RawServer, egress: Egress, sent: bytes) -> None:
    """An answer that isn't HTTP is the host's trouble."""
    serve(server, sent)

    assert await error_of(egress, server) is SourceUnavailableError


@pytest.mark.parametrize(
    ("status", "headers", "error", "patience"),
    [
        ("404 Not Found", {}, AssetNotFoundError, None),
        ("404 Not Found", {"Retry-After": "5"}, AssetNotFoundError, None),
        ("410 Gone", {}, AssetNotFoundError, None),
        ("401 Unauthorized", {}, SourceRefusedError, None),
        ("403 Forbidden", {}, SourceRefusedError, None),
        ("403 Forbidden", {"Retry-After": "5"}, SourceThrottledError, timedelta(seconds=5)),
        ("429 Too Many Requests", {}, SourceThrottledError, None),
        ("429 Too Many Requests", {"Retry-After": "soon"}, SourceThrottledError, None),
        ("429 Too Many Requests", {"Retry-After": "-5"}, SourceThrottledError, None),
        ("429 Too Many Requests", {"Retry-After": "99999999999"}, SourceThrottledError, None),
        ("429 Too Many Requests", {"Retry-After": "999999999"}, SourceThrottledError, timedelta(days=1)),
        ("503 Slow Down", {"Retry-After": "120"}, SourceThrottledError, timedelta(seconds=120)),
        ("503 Slow Down", {"Retry-After": "0"}, SourceThrottledError, timedelta()),
        ("503 Slow Down", {"Retry-After": "Tue, 05 Mar 2024 12:01:00 GMT"}, SourceThrottledError, timedelta(minutes=1)),
        ("503 Slow Down", {"Retry-After": "Mon, 04 Mar 2024 12:00:00 GMT"}, SourceThrottledError, timedelta()),
        ("503 Slow Down", {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, SourceThrottledError, timedelta(days=1)),
        (
            "503 Slow Down",
            {"Retry-After": "Tue, 05 Mar 2024 13:01:00 +0100"},
            SourceThrottledError,
            timedelta(minutes=1),
        ),
        (
            "503 Slow Down",
            {"Retry-After": "Tue, 05 Mar 2024 12:01:00 -0000"},
            SourceThrottledError,
            timedelta(minutes=1),
        ),
        ("503 Slow Down", {"Retry-After": "Tue, 05 Mar 99999 12:01:00 GMT"}, SourceThrottledError, None),
        ("503 Slow Down", {"Retry-After": "Tue, 05 Mar 2024 12:01:00 GMT", "Date": "now"}, SourceThrottledError, None),
        ("202 Accepted", {"Retry-After": "60"}, SourceThrottledError, timedelta(seconds=60)),
        ("408 Request Timeout", {}, SourceUnavailableError, None),
        ("500 Internal Server Error", {}, SourceUnavailableError, None),
        ("503 Service Unavailable", {}, SourceUnavailableError, None),
        ("300 Multiple Choices", {}, UnexpectedStatusError, None),
        ("304 Not Modified", {}, UnexpectedStatusError, None),
        ("302 Found", {}, UnexpectedStatusError, None),
        ("400 Bad Request", {}, UnexpectedStatusError, None),
        ("416 Range Not Satisfiable", {}, UnexpectedStatusError, None),
    ],
)
async def test_status(
    server: RawServer,
    egress: Egress,
    status: str,
    headers: Mapping[str, str],
    error: type[SluiceError],
    patience: timedelta | None,
) -> None:
    """Each status has one meaning, and a host's wish for patience is passed on, a day at most."""
    serve(server, reply(status=status, headers={"Date": DATE, **headers}))

    with pytest.raises(SluiceError) as raised:
        await checked(egress, server)

    assert (type(raised.value), getattr(raised.value, "retry_after", None)) == (error, patience)


@pytest.mark.parametrize("status", ["200 OK", "202 Accepted", "204 No Content", "206 Partial Content"])
async def test_successes(server: RawServer, egress: Egress, status: str) -> None:
    """Every status of success passes, also with a Retry-After where that means nothing."""
    headers = {} if status.startswith("202") else {"Retry-After": "5"}
    serve(server, reply(status=status, headers=headers))

    assert await checked(egress, server) == int(status[:3])


async def test_signature_is_sent_as_written(server: RawServer, egress: Egress) -> None:
    """Path and query go out byte for byte, since signatures cover them; only what no URL may hold is encoded."""
    target = "/a/%2F%7E~b+c%20d;(e)?sig=a%2Bb%2fc==&x=/?:@!$'*,[1]"
    server.answers["/a/%2F%7E~b+c%20d;(e)"] = (Answer(sent=reply()),)
    server.answers["/%C3%A4%22"] = (Answer(sent=reply()),)

    await got(egress, server, target=target)
    await got(egress, server, target='/ä"?q=ü|')

    assert [each.target for each in server.asked] == [target, "/%C3%A4%22?q=%C3%BC%7C"]


async def test_read_limit(server: RawServer, egress: Egress) -> None:
    """A document may have as many bytes as the caller has room for; what goes beyond isn't waited for."""
    serve(server, reply(b"12345"))
    serve(server, chunked(b"123", b"456", complete=False), path="/b", ending=Ending.HANG)

    async with egress.request("GET", server.url("/a"), allow=allowlist(server)) as answer:
        assert await answer.read(5) == b"12345"
    async with egress.request("GET", server.url("/b"), allow=allowlist(server)) as answer:
        with pytest.raises(AssetTooLargeError):
            await answer.read(5)


@pytest.mark.parametrize(
    ("sent", "ending"),
    [
        (reply(status="404 Not Found"), Ending.CLOSE),
        (b"no HTTP", Ending.CLOSE),
        # What a server sends back may have the query in it too.
        (f"GET /a?sig={SECRET} HTTP/1.1\r\n\r\n".encode(), Ending.CLOSE),
        (f"HTTP/1.1 200 OK\r\n{SECRET}\r\n\r\n".encode(), Ending.CLOSE),
        (f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {SECRET}\r\n\r\n".encode(), Ending.CLOSE),
        (f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n{SECRET}".encode(), Ending.CLOSE),
        (b"", Ending.HANG),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", Ending.CLOSE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", Ending.HANG),
        (reply(status="302 Found", headers={"Location": f"http://evil.org/?sig={SECRET}"}), Ending.CLOSE),
        (reply(status="302 Found", headers={"Location": f"http://evil.org:x/?sig={SECRET}"}), Ending.CLOSE),
    ],
)
async def test_no_secret_in_errors(server: RawServer, hasty: Egress, sent: bytes, ending: Ending) -> None:
    """No error, nor any cause that is printed with it, has the query of the URL in it."""
    serve(server, sent, ending=ending)

    with pytest.raises(SluiceError) as raised:
        await checked(hasty, server, target=f"/a?sig={SECRET}")

    printed = "".join(traceback.format_exception(raised.value))
    assert SECRET not in printed.replace(__file__, "")
