"""Connections: TLS, time-outs, and who shares one."""

import asyncio
import contextlib
import itertools
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from shared.egress import Egress
from shared.model.datasets import Allowlist
from shared.model.errors import SourceUnavailableError, UrlRefusedError
from tests.fakes.certificates import tls_contexts
from tests.fakes.names import Names
from tests.fakes.raw_server import Ending, RawServer, raw_server, reply
from tests.integration.exchange import BODY, Got, allowlist, error_of, got, serve


async def test_redirect_from_https_to_http(server: RawServer, tmp_path: Path) -> None:
    """TLS isn't given up on the way, even to a host that may be asked without."""
    for_server, for_client = tls_contexts(tmp_path)
    async with raw_server(tls=for_server) as secure, contextlib.aclosing(Egress(tls=for_client)) as egress:
        serve(secure, reply(status="302 Found", headers={"Location": server.url("/b")}))
        allow = allowlist(server).model_copy(update={"ports": (server.port, secure.port)})

        error = await error_of(egress, secure, allow=allow)

    assert (error, server.asked) == (UrlRefusedError, [])


async def test_redirect_within_tls(tmp_path: Path) -> None:
    """From https a redirect leads to https."""
    for_server, for_client = tls_contexts(tmp_path)
    async with raw_server(tls=for_server) as secure, contextlib.aclosing(Egress(tls=for_client)) as egress:
        serve(secure, reply(status="302 Found", headers={"Location": "/b"}))
        serve(secure, reply(BODY), path="/b")

        assert (await got(egress, secure)).body == BODY


async def test_tls(tmp_path: Path) -> None:
    """A body comes through TLS from a host whose certificate is trusted."""
    for_server, for_client = tls_contexts(tmp_path)
    async with raw_server(tls=for_server) as secure, contextlib.aclosing(Egress(tls=for_client)) as egress:
        serve(secure, reply(BODY))

        assert (await got(egress, secure)).body == BODY


async def test_certificate_of_a_stranger(egress: Egress, tmp_path: Path) -> None:
    """A certificate that nobody vouches for ends the connection before anything is asked."""
    for_server, _ = tls_contexts(tmp_path)
    async with raw_server(tls=for_server) as secure:
        error = await error_of(egress, secure)

        assert (error, secure.asked) == (SourceUnavailableError, [])


async def test_certificate_of_another_host(tmp_path: Path) -> None:
    """A certificate that is trusted, but for another name, ends the connection before anything is asked."""
    for_server, for_client = tls_contexts(tmp_path)
    elsewhere = Egress(tls=for_client, resolver=Names(["127.0.0.1"]))
    async with raw_server(tls=for_server) as secure, contextlib.aclosing(elsewhere) as egress:
        allow = allowlist(secure).model_copy(update={"hosts": ("data.example.org",)})

        with pytest.raises(SourceUnavailableError):
            async with egress.request("GET", secure.url("/a", host="data.example.org"), allow=allow):
                pass

        assert secure.asked == []


async def test_handshake_that_never_comes(server: RawServer, hasty: Egress) -> None:
    """A host that takes the connection and says nothing of TLS is given up."""
    url = f"https://127.0.0.1:{server.port}/a"

    with pytest.raises(SourceUnavailableError):
        async with asyncio.timeout(5), hasty.request("GET", url, allow=allowlist(server)):
            pass


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"], ids=["head", "body"])
async def test_silence(server: RawServer, hasty: Egress, sent: bytes) -> None:
    """A server that sends nothing for the idle time is given up, before its answer or in the middle."""
    serve(server, sent, ending=Ending.HANG)

    async with asyncio.timeout(5):
        assert await error_of(hasty, server) is SourceUnavailableError


@pytest.mark.parametrize(
    ("sent", "piece"), [(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"), (b"", b"HTTP/1.1 102 Processing\r\n\r\n")]
)
async def test_answer_that_never_begins(server: RawServer, hasty: Egress, sent: bytes, piece: bytes) -> None:
    """A server that is never silent is given up all the same if it comes to no answer."""
    serve(server, sent, pieces=(piece,) * 200)

    async with asyncio.timeout(5):
        assert await error_of(hasty, server) is SourceUnavailableError


async def test_answer_that_never_begins_on_an_open_connection(server: RawServer, hasty: Egress) -> None:
    """A connection that served before may serve no longer than a new one."""
    serve(server, reply(b"1"), ending=Ending.KEEP)
    serve(server, b"HTTP/1.1 200 OK\r\nX-Slow: ", path="/b", pieces=(b"a",) * 200)
    await got(hasty, server)

    async with asyncio.timeout(5):
        error = await error_of(hasty, server, target="/b")

    assert (error, server.connections) == (SourceUnavailableError, 1)


async def test_slow_body(server: RawServer) -> None:
    """A body may take longer than the idle time, as long as it goes on."""
    serve(server, b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", pieces=(b"a",) * 12)
    idle = Egress(idle_timeout=timedelta(seconds=0.4), connect_timeout=timedelta(seconds=0.1))

    async with contextlib.aclosing(idle) as egress:
        assert (await got(egress, server)).body == b"a" * 12


async def test_trickling_body(server: RawServer) -> None:
    """A body that goes on too slowly is given up, however it is read."""
    serve(server, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", pieces=(b"a",) * 100)
    # Ten seconds between a question and its answer.
    seconds = itertools.count(0, 10)

    async with (
        contextlib.aclosing(Egress(clock=lambda: float(next(seconds)))) as egress,
        egress.request("GET", server.url("/a"), allow=allowlist(server)) as answer,
    ):
        with pytest.raises(SourceUnavailableError):
            await answer.read(100)


async def test_reader_that_takes_its_time(server: RawServer) -> None:
    """The time that passes while nobody waits for the source isn't the source's."""
    serve(server, b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", pieces=(b"a",) * 12)
    now, received = 0.0, 0

    async with (
        contextlib.aclosing(Egress(clock=lambda: now)) as egress,
        egress.request("GET", server.url("/a"), allow=allowlist(server)) as answer,
    ):
        async for chunk in answer.chunks():
            received += len(chunk)
            now += 3600

    assert received == 12


async def test_waiting_for_a_free_connection(server: RawServer) -> None:
    """To wait until another request is through isn't to wait for the host: that has no limit here."""
    serve(server, b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", pieces=(b"a",) * 12, ending=Ending.KEEP)
    moment = timedelta(seconds=0.2)
    narrow = Egress(idle_timeout=moment, connect_timeout=moment, connections_per_host=1)

    async with contextlib.aclosing(narrow) as egress:
        both = await asyncio.gather(got(egress, server), got(egress, server))

    assert (both, server.connections) == ([Got(status=200, body=b"a" * 12, length=12)] * 2, 1)


async def test_closed_port(egress: Egress) -> None:
    """A host that doesn't listen is unavailable."""
    async with raw_server() as gone:
        pass

    assert await error_of(egress, gone) is SourceUnavailableError


async def test_name_of_this_machine(server: RawServer, egress: Egress) -> None:
    """Names go to the system's resolver, and whichever of their addresses answers is asked."""
    serve(server, reply(BODY))
    allow = Allowlist(
        hosts=("localhost",),
        http_hosts=("localhost",),
        ports=(server.port,),
        private_networks=("127.0.0.0/8", "::1/128"),
    )

    async with egress.request("GET", server.url("/a", host="localhost"), allow=allow) as answer:
        assert await answer.read(len(BODY)) == BODY


@pytest.mark.parametrize("answer", [socket.gaierror(-2, "Name or service not known"), None], ids=["unknown", "silence"])
async def test_name_that_does_not_resolve(answer: OSError | None) -> None:
    """A name without an address is unavailable, not refused: names come back."""
    moment = timedelta(seconds=0.1)
    allow = Allowlist(hosts=("data.example.org",))
    lost = Egress(resolver=Names(answer), idle_timeout=moment, connect_timeout=moment)

    async with asyncio.timeout(5), contextlib.aclosing(lost) as egress:
        with pytest.raises(SourceUnavailableError):
            async with egress.request("GET", "https://data.example.org/", allow=allow):
                pass


async def test_connection_is_reused(server: RawServer, egress: Egress) -> None:
    """Requests under one policy share a connection."""
    serve(server, reply(b"1"), ending=Ending.KEEP)

    for _ in range(3):
        await got(egress, server)

    assert (len(server.asked), server.connections) == (3, 1)


async def test_connection_of_another_policy(server: RawServer, egress: Egress) -> None:
    """An open connection to a private address doesn't serve a dataset that may not open one."""
    serve(server, reply(b"1"), ending=Ending.KEEP)
    allow = allowlist(server)
    await got(egress, server, allow=allow)

    error = await error_of(egress, server, allow=allow.model_copy(update={"private_networks": ()}))

    assert (error, len(server.asked)) == (UrlRefusedError, 1)


async def test_cookies_are_not_kept(server: RawServer) -> None:
    """A cookie that a host sets is sent to nobody."""
    serve(server, reply(headers={"Set-Cookie": "a=b"}))
    hosts = ("data.example.org",)
    allow = allowlist(server).model_copy(update={"hosts": hosts, "http_hosts": hosts})

    async with contextlib.aclosing(Egress(resolver=Names(["127.0.0.1"]))) as egress:
        for _ in range(2):
            async with egress.request("GET", server.url("/a", host="data.example.org"), allow=allow):
                pass

    assert ["cookie" in each.headers for each in server.asked] == [False, False]


async def test_leaving_early(server: RawServer, egress: Egress) -> None:
    """A body that nobody reads to its end costs its connection and nothing else."""
    serve(server, reply(BODY, headers={"Content-Length": "100000000"}), ending=Ending.HANG)

    async with egress.request("GET", server.url("/a"), allow=allowlist(server)) as answer:
        first = await anext(aiter(answer.chunks()))

    assert BODY.startswith(first[:256])


async def test_error_of_the_caller(server: RawServer, egress: Egress) -> None:
    """What goes wrong in the caller's block stays what it is."""
    serve(server, reply(BODY))

    with pytest.raises(TimeoutError, match="mine"):
        async with egress.request("GET", server.url("/a"), allow=allowlist(server)):
            raise TimeoutError("mine")
