"""Egress against a server on loopback that lies."""

import asyncio
import contextlib
import dataclasses
import gzip
import traceback
from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pytest_mock import MockerFixture

from shared.egress import Egress, Reply, check_status
from shared.model.datasets import Allowlist
from shared.model.errors import (
    AssetNotFoundError,
    AssetTooLargeError,
    SluiceError,
    SourceRefusedError,
    SourceThrottledError,
    SourceUnavailableError,
    TruncatedBodyError,
    UnexpectedStatusError,
    UrlRefusedError,
)
from tests.fakes.certificates import tls_contexts
from tests.fakes.connections import recorded_connections
from tests.fakes.raw_server import Answer, Ending, RawServer, chunked, raw_server, reply

_BODY = bytes(range(256)) * 512
_DATE = "Tue, 05 Mar 2024 12:00:00 GMT"
_SECRET = "c4n4ry"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """What a request came to."""

    status: int
    body: bytes
    length: int | None


@pytest.fixture
async def server() -> AsyncGenerator[RawServer]:
    async with raw_server() as running:
        yield running


@pytest.fixture
async def egress() -> AsyncGenerator[Egress]:
    async with contextlib.aclosing(Egress(idle_timeout=timedelta(seconds=0.2))) as egress:
        yield egress


async def test_whole_body(server: RawServer, egress: Egress) -> None:
    """A body with its length comes whole."""
    _answer(server, reply(_BODY))

    assert await _got(egress, server) == Got(status=200, body=_BODY, length=len(_BODY))


async def test_body_in_chunks(server: RawServer, egress: Egress) -> None:
    """A body in chunks comes whole, without a length."""
    _answer(server, chunked(b"abc", b"def"))

    assert await _got(egress, server) == Got(status=200, body=b"abcdef", length=None)


async def test_body_that_ends_with_the_connection(server: RawServer, egress: Egress) -> None:
    """A body that neither states its length nor comes in chunks ends where the connection does."""
    _answer(server, b"HTTP/1.1 200 OK\r\n\r\nabc")

    assert await _got(egress, server) == Got(status=200, body=b"abc", length=None)


async def test_gzip_despite_identity(server: RawServer, egress: Egress) -> None:
    """Identity is asked for; what is packed all the same comes as it was sent, and its length is that of the pack."""
    packed = gzip.compress(_BODY)
    _answer(server, reply(packed, headers={"Content-Encoding": "gzip"}))

    assert await _got(egress, server) == Got(status=200, body=packed, length=len(packed))
    assert server.asked[0].headers["accept-encoding"] == "identity"


async def test_head(server: RawServer, egress: Egress) -> None:
    """A HEAD has no body, whatever length its headers state."""
    _answer(server, reply(headers={"Content-Length": "1000"}))

    assert await _got(egress, server, method="HEAD") == Got(status=200, body=b"", length=None)


async def test_post(server: RawServer, egress: Egress) -> None:
    """A body is sent with its headers."""
    _answer(server, reply(b"{}"))

    await _got(egress, server, method="POST", headers={"Content-Type": "application/json"}, body=b'{"limit":1}')

    (asked,) = server.asked
    assert (asked.method, asked.body, asked.headers["content-type"]) == ("POST", b'{"limit":1}', "application/json")


@pytest.mark.parametrize(
    "sent",
    [
        reply(_BODY[:1000], headers={"Content-Length": str(len(_BODY))}),
        reply(headers={"Content-Length": "1"}),
        chunked(_BODY[:1000], complete=False),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    ],
    ids=["short", "none", "chunk missing", "short chunk", "no last line"],
)
@pytest.mark.parametrize("ending", [Ending.CLOSE, Ending.RESET])
async def test_short_body(server: RawServer, egress: Egress, sent: bytes, ending: Ending) -> None:
    """A body that ends before its length or its last chunk is truncated, never short in silence."""
    _answer(server, sent, ending=ending)

    assert await _error(egress, server) in (
        {TruncatedBodyError} if ending is Ending.CLOSE else {TruncatedBodyError, SourceUnavailableError}
    )


async def test_body_longer_than_its_length(server: RawServer, egress: Egress) -> None:
    """An answer that goes on after its stated length is no HTTP."""
    _answer(server, reply(b"abcdef", headers={"Content-Length": "3"}))

    assert await _error(egress, server) is SourceUnavailableError


async def test_client_that_ends_early(server: RawServer, egress: Egress, mocker: MockerFixture) -> None:
    """Bytes are counted here too: that the HTTP client came to an end proves nothing."""
    _answer(server, reply(b"abcdef"))
    mocker.patch.object(aiohttp.StreamReader, "readany", side_effect=[b"abc", b""])

    assert await _error(egress, server) is TruncatedBodyError


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
    _answer(server, sent)

    assert await _error(egress, server) is SourceUnavailableError


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"], ids=["head", "body"])
async def test_silence(server: RawServer, egress: Egress, sent: bytes) -> None:
    """A server that sends nothing for the idle time is given up, before its answer or in the middle."""
    _answer(server, sent, ending=Ending.HANG)

    async with asyncio.timeout(5):
        assert await _error(egress, server) is SourceUnavailableError


async def test_closed_port(egress: Egress) -> None:
    """A host that doesn't listen is unavailable."""
    async with raw_server() as gone:
        pass

    assert await _error(egress, gone) is SourceUnavailableError


async def test_name_that_does_not_resolve(egress: Egress) -> None:
    """A name without an address is unavailable, not refused: names come back."""
    allow = Allowlist(hosts=("nowhere.invalid",))

    with pytest.raises(SourceUnavailableError):
        async with egress.request("GET", "https://nowhere.invalid/", allow=allow):
            pass


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
    _answer(server, reply(status=status, headers={"Date": _DATE, **headers}))

    with pytest.raises(SluiceError) as raised:
        await _checked(egress, server)

    assert (type(raised.value), getattr(raised.value, "retry_after", None)) == (error, patience)


@pytest.mark.parametrize("status", ["200 OK", "202 Accepted", "204 No Content", "206 Partial Content"])
async def test_successes(server: RawServer, egress: Egress, status: str) -> None:
    """Every status of success passes, also with a Retry-After where that means nothing."""
    headers = {} if status.startswith("202") else {"Retry-After": "5"}
    _answer(server, reply(status=status, headers=headers))

    assert await _checked(egress, server) == int(status[:3])


@pytest.mark.parametrize("status", ["301 A", "302 A", "303 A", "307 A", "308 A"])
@pytest.mark.parametrize("location", ["/b?x=%2F%2b", "b?x=%2F%2b", "../b?x=%2F%2b#part"])
async def test_redirect(server: RawServer, egress: Egress, status: str, location: str) -> None:
    """A redirect is followed to where it leads, relative or not, with its query as it was written."""
    _answer(server, reply(status=status, headers={"Location": location}))
    _answer(server, reply(b"there"), path="/b")

    assert await _got(egress, server) == Got(status=200, body=b"there", length=5)
    assert [each.target for each in server.asked] == ["/a", "/b?x=%2F%2b"]


async def test_url_of_the_reply(server: RawServer, egress: Egress) -> None:
    """A reply says where it came from after redirects: relative links in it start there."""
    _answer(server, reply(status="302 Found", headers={"Location": server.url("/b")}))
    _answer(server, reply(), path="/b")

    async with egress.request("GET", server.url("/a"), allow=_allow(server)) as answer:
        assert answer.url == server.url("/b")


async def test_signature_is_sent_as_written(server: RawServer, egress: Egress) -> None:
    """Path and query go out byte for byte, since signatures cover them; only what no URL may hold is encoded."""
    target = "/a/%2F%7E~b+c%20d;(e)?sig=a%2Bb%2fc==&x=/?:@!$'*,[1]"
    server.answers["/a/%2F%7E~b+c%20d;(e)"] = (Answer(sent=reply()),)
    server.answers["/%C3%A4%22"] = (Answer(sent=reply()),)

    await _got(egress, server, target=target)
    await _got(egress, server, target='/ä"?q=ü|')

    assert [each.target for each in server.asked] == [target, "/%C3%A4%22?q=%C3%BC%7C"]


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/metadata/identity/oauth2/token",
        "http://168.63.129.16/machine/?comp=goalstate",
        "http://[::ffff:169.254.169.254]/",
        "http://localhost:{port}/b",
        "http://2130706433:{port}/b",
        "http://127.1:{port}/b",
        "http://user@127.0.0.1:{port}/b",
        "http://127.0.0.1:1/b",
        "http://127.0.0.2:{port}/b",
        "//evil.org/b",
        "https://evil.org/b",
        "http://evil.org\\@127.0.0.1:{port}/b",
        "http://127.0.0.1:{port}/b c",
        "http://[::1",
        "ftp://127.0.0.1:{port}/b",
        "file:///etc/passwd",
        "data:text/plain,a",
    ],
)
async def test_redirect_outside_the_allowlist(server: RawServer, egress: Egress, location: str) -> None:
    """A redirect is judged as the first URL was, and what it names is never connected to."""
    _answer(server, reply(status="302 Found", headers={"Location": location.format(port=server.port)}))

    with recorded_connections() as connected:
        error = await _error(egress, server)

    assert (error, connected) == (UrlRefusedError, [("127.0.0.1", server.port)])


async def test_redirect_to_an_address_that_is_allowed_by_name_only(server: RawServer, egress: Egress) -> None:
    """A redirect to a metadata address connects to nothing even where the allowlist names the host."""
    _answer(server, reply(status="302 Found", headers={"Location": "http://169.254.169.254/metadata"}))
    hosts = ("127.0.0.1", "169.254.169.254")
    allow = _allow(server).model_copy(update={"hosts": hosts, "http_hosts": hosts, "ports": (80, server.port)})

    with recorded_connections() as connected:
        error = await _error(egress, server, allow=allow)

    assert (error, connected) == (UrlRefusedError, [("127.0.0.1", server.port)])


async def test_redirect_loop(server: RawServer, egress: Egress) -> None:
    """A loop of redirects ends after three of them."""
    _answer(server, reply(status="302 Found", headers={"Location": "/a"}))

    assert await _error(egress, server) is UrlRefusedError
    assert len(server.asked) == 4


async def test_three_redirects(server: RawServer, egress: Egress) -> None:
    """Three redirects are followed."""
    for here, there in ("ab", "bc", "cd"):
        _answer(server, reply(status="302 Found", headers={"Location": f"/{there}"}), path=f"/{here}")
    _answer(server, reply(b"there"), path="/d")

    assert (await _got(egress, server)).body == b"there"


@pytest.mark.parametrize(("method", "body"), [("POST", b"{}"), ("POST", None), ("GET", b"{}"), ("PUT", b"")])
async def test_redirect_of_a_request_with_effects(
    server: RawServer, egress: Egress, method: str, body: bytes | None
) -> None:
    """A redirect of anything but a bare GET or HEAD is the caller's to see."""
    _answer(server, reply(status="307 Temporary Redirect", headers={"Location": "/b"}))

    got = await _got(egress, server, method=method, body=body)

    assert (got.status, len(server.asked)) == (307, 1)


async def test_head_is_redirected_as_head(server: RawServer, egress: Egress) -> None:
    """A HEAD stays one across redirects."""
    _answer(server, reply(status="302 Found", headers={"Location": "/b"}))
    _answer(server, reply(), path="/b")

    await _got(egress, server, method="HEAD")

    assert [(each.method, each.target) for each in server.asked] == [("HEAD", "/a"), ("HEAD", "/b")]


async def test_credentials_across_hosts(server: RawServer, egress: Egress) -> None:
    """Credentials stay with the host that they are for, also when the way leads back to it."""
    headers = {"Authorization": f"Bearer {_SECRET}", "Cookie": _SECRET, "X-Api-Key": _SECRET, "Range": "bytes=0-1"}
    async with raw_server() as other:
        _answer(server, reply(status="302 Found", headers={"Location": other.url("/b")}))
        _answer(other, reply(status="302 Found", headers={"Location": server.url("/c")}), path="/b")
        _answer(server, reply(b"there"), path="/c")
        allow = _allow(server).model_copy(update={"ports": (server.port, other.port)})

        await _got(egress, server, headers=headers, allow=allow)

    first, third = (each.headers for each in server.asked)
    assert [first.get(name.lower()) for name in headers] == list(headers.values())
    for later in (other.asked[0].headers, third):
        assert [later.get(name.lower()) for name in headers] == [None, None, None, "bytes=0-1"]


async def test_credentials_within_a_host(server: RawServer, egress: Egress) -> None:
    """Credentials go along with a redirect on the same host."""
    _answer(server, reply(status="302 Found", headers={"Location": "/b"}))
    _answer(server, reply(), path="/b")

    await _got(egress, server, headers={"Authorization": f"Bearer {_SECRET}"})

    assert [each.headers["authorization"] for each in server.asked] == [f"Bearer {_SECRET}"] * 2


async def test_cookies_are_not_kept(server: RawServer, egress: Egress) -> None:
    """A cookie that a host sets is sent to nobody."""
    _answer(server, reply(headers={"Set-Cookie": "a=b"}))

    for _ in range(2):
        await _got(egress, server)

    assert ["cookie" in each.headers for each in server.asked] == [False, False]


async def test_redirect_from_https_to_http(server: RawServer, tmp_path: Path) -> None:
    """TLS isn't given up on the way, even to a host that may be asked without."""
    for_server, for_client = tls_contexts(tmp_path)
    async with raw_server(tls=for_server) as secure, contextlib.aclosing(Egress(tls=for_client)) as egress:
        _answer(secure, reply(status="302 Found", headers={"Location": server.url("/b")}))
        allow = _allow(server).model_copy(update={"ports": (server.port, secure.port)})

        error = await _error(egress, secure, allow=allow)

    assert (error, server.asked) == (UrlRefusedError, [])


async def test_tls(tmp_path: Path) -> None:
    """A body comes through TLS from a host whose certificate is trusted."""
    for_server, for_client = tls_contexts(tmp_path)
    async with raw_server(tls=for_server) as secure, contextlib.aclosing(Egress(tls=for_client)) as egress:
        _answer(secure, reply(_BODY))

        assert (await _got(egress, secure)).body == _BODY


async def test_certificate_of_a_stranger(egress: Egress, tmp_path: Path) -> None:
    """A certificate that nobody vouches for ends the connection before anything is asked."""
    for_server, _ = tls_contexts(tmp_path)
    async with raw_server(tls=for_server) as secure:
        error = await _error(egress, secure)

        assert (error, secure.asked) == (SourceUnavailableError, [])


async def test_connection_is_reused(server: RawServer, egress: Egress) -> None:
    """Requests under one policy share a connection."""
    _answer(server, reply(b"1"), ending=Ending.KEEP)

    for _ in range(3):
        await _got(egress, server)

    assert (len(server.asked), server.connections) == (3, 1)


async def test_connection_of_another_policy(server: RawServer, egress: Egress) -> None:
    """An open connection to a private address doesn't serve a dataset that may not open one."""
    _answer(server, reply(b"1"), ending=Ending.KEEP)
    allow = _allow(server)
    await _got(egress, server, allow=allow)

    error = await _error(egress, server, allow=allow.model_copy(update={"private_networks": ()}))

    assert (error, len(server.asked)) == (UrlRefusedError, 1)


async def test_leaving_early(server: RawServer, egress: Egress) -> None:
    """A body that nobody reads to its end costs its connection and nothing else."""
    _answer(server, reply(_BODY, headers={"Content-Length": "100000000"}), ending=Ending.HANG)

    async with egress.request("GET", server.url("/a"), allow=_allow(server)) as answer:
        first = await anext(aiter(answer.chunks()))

    assert _BODY.startswith(first[:256])


async def test_error_of_the_caller(server: RawServer, egress: Egress) -> None:
    """What goes wrong in the caller's block stays what it is."""
    _answer(server, reply(_BODY))

    with pytest.raises(TimeoutError, match="mine"):
        async with egress.request("GET", server.url("/a"), allow=_allow(server)):
            raise TimeoutError("mine")


async def test_read_limit(server: RawServer, egress: Egress) -> None:
    """A document may have as many bytes as the caller has room for, whether it states its length or not."""
    _answer(server, reply(b"12345"))
    _answer(server, chunked(b"123", b"456"), path="/b")

    async with egress.request("GET", server.url("/a"), allow=_allow(server)) as answer:
        assert await answer.read(5) == b"12345"
    async with egress.request("GET", server.url("/b"), allow=_allow(server)) as answer:
        with pytest.raises(AssetTooLargeError):
            await answer.read(5)


@pytest.mark.parametrize(
    ("sent", "ending"),
    [
        (reply(status="404 Not Found"), Ending.CLOSE),
        (b"no HTTP", Ending.CLOSE),
        (b"", Ending.HANG),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", Ending.CLOSE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", Ending.HANG),
        (reply(status="302 Found", headers={"Location": f"http://evil.org/?sig={_SECRET}"}), Ending.CLOSE),
        (reply(status="302 Found", headers={"Location": f"http://evil.org:x/?sig={_SECRET}"}), Ending.CLOSE),
    ],
)
async def test_no_secret_in_errors(server: RawServer, egress: Egress, sent: bytes, ending: Ending) -> None:
    """No error, nor any cause that is printed with it, has the query of the URL in it."""
    _answer(server, sent, ending=ending)

    with pytest.raises(SluiceError) as raised:
        await _checked(egress, server, target=f"/a?sig={_SECRET}")

    printed = "".join(traceback.format_exception(raised.value))
    assert _SECRET not in printed.replace(__file__, "")


def _answer(server: RawServer, sent: bytes, *, path: str = "/a", ending: Ending = Ending.CLOSE) -> None:
    server.answers[path] = (Answer(sent=sent, ending=ending),)


def _allow(server: RawServer) -> Allowlist:
    return Allowlist(
        hosts=("127.0.0.1",), http_hosts=("127.0.0.1",), ports=(server.port,), private_networks=("127.0.0.1/32",)
    )


async def _got(egress: Egress, server: RawServer, *, target: str = "/a", method: str = "GET", **arguments: Any) -> Got:
    said: dict[str, Any] = {"allow": _allow(server), **arguments}
    async with egress.request(method, server.url(target), **said) as answer:
        return Got(status=answer.status, body=await _read(answer), length=answer.length)


async def _checked(egress: Egress, server: RawServer, *, target: str = "/a") -> int:
    async with egress.request("GET", server.url(target), allow=_allow(server)) as answer:
        check_status(answer)
        await _read(answer)
        return answer.status


async def _read(answer: Reply) -> bytes:
    return b"".join([chunk async for chunk in answer.chunks()])


async def _error(egress: Egress, server: RawServer, **arguments: Any) -> type[SluiceError]:
    with pytest.raises(SluiceError) as raised:
        await _got(egress, server, **arguments)
    return type(raised.value)
