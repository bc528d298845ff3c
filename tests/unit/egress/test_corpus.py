"""Where requests go, judged by the addresses that were really connected to."""

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import AsyncGenerator

import aiohttp
import pytest

from shared.egress import Egress
from shared.model.datasets import Allowlist
from shared.model.errors import SluiceError, SourceUnavailableError, UrlRefusedError
from tests.fakes.certificates import tls_contexts
from tests.fakes.connections import Connections, recorded_connections
from tests.fakes.names import Zone
from tests.fakes.raw_server import Answer, RawServer, raw_server, reply
from tests.unit.egress.corpus import REDIRECTS, Case, Redirect, cases
from tests.unit.egress.urls import HOSTS, HTTP_HOSTS, PORTS, PUBLIC

CASES = tuple(cases())
_REFUSED = tuple(each for each in CASES if not each.connects)
#: What the bare client raises for the addresses that it can't read or reach.
_OF_AIOHTTP = (aiohttp.ClientError, OSError, ValueError, IndexError, AssertionError)
#: Names that a redirect may lead to by the allowlist, and that lie where nothing may be connected to.
_INSIDE = {
    "metadata.in.example.org": (("169.254.169.254",),),
    "wire.in.example.org": (("168.63.129.16",),),
    "here.in.example.org": (("127.0.0.3",),),
    "here6.in.example.org": (("::1",),),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}: {case.url[:60]!a}")
async def test_case(case: Case) -> None:
    """What is connected to is what the allowlist lets through; a URL that leads elsewhere is refused for good."""
    async with _egress(case) as egress:
        with recorded_connections() as connected:
            errors = [await _error(egress, case.url, allow=_allow(case)) for _ in range(case.times)]

    # aiohttp tries the last address of several twice.
    assert list(dict.fromkeys(connected)) == list(dict.fromkeys(case.connects))
    expected = {SourceUnavailableError: len(case.connects) > 0, UrlRefusedError: len(case.connects) < case.times}
    assert set(errors) == {error for error, comes in expected.items() if comes}


@pytest.mark.parametrize("case", REDIRECTS, ids=lambda case: f"{case.kind}: {case.location[:60]!a}")
async def test_redirect(case: Redirect, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """A redirect is judged as the first URL was, and what it names is connected to only if it may be."""
    for_server, for_client = tls
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(raw_server(tls=for_server if case.secure else None))
        _redirect(server, case)
        zone = Zone(_INSIDE, elsewhere=PUBLIC)
        egress = await stack.enter_async_context(contextlib.aclosing(Egress(resolver=zone, tls=for_client)))
        with recorded_connections() as connected:
            error = await _error(egress, server.url("/a"), allow=_redirect_allow(server))

    assert connected == [("127.0.0.1", server.port)] * (2 if case.followed else 1)
    assert error is (None if case.followed else UrlRefusedError)


async def test_name_that_moves_during_a_redirect() -> None:
    """A name that is asked again for a redirect is judged again."""
    zone = Zone({"data.in.example.org": (("127.0.0.1",), ("169.254.169.254",))}, elsewhere=PUBLIC)
    async with raw_server() as server, contextlib.aclosing(Egress(resolver=zone)) as egress:
        server.answers["/a"] = (Answer(sent=reply(status="302 Found", headers={"Location": "/b"})),)
        with recorded_connections() as connected:
            url = server.url("/a", host="data.in.example.org")
            error = await _error(egress, url, allow=_redirect_allow(server))

    assert (error, connected) == (UrlRefusedError, [("127.0.0.1", server.port)])


def test_size() -> None:
    """The corpus doesn't shrink, and has both sides of each matter."""
    kinds = Counter(each.kind for each in (*CASES, *REDIRECTS))
    allowed = [each for each in CASES if each.connects]

    assert len(CASES) + len(REDIRECTS) >= 500
    assert min(kinds.values()) >= 2
    assert len(allowed) >= 50


async def test_client_without_a_policy() -> None:
    """What the corpus is worth: the bare client, with the same names, connects in most of the cases to be refused."""
    led_astray = [case for case in _REFUSED if await _connects_barely(case)]

    assert len(led_astray) >= 200


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return tls_contexts(tmp_path_factory.mktemp("tls"))


@contextlib.asynccontextmanager
async def _egress(case: Case) -> AsyncGenerator[Egress]:
    async with contextlib.aclosing(Egress(resolver=Zone(case.names, elsewhere=PUBLIC))) as egress:
        yield egress


def _allow(case: Case) -> Allowlist:
    return Allowlist(hosts=(*HOSTS, *case.hosts), http_hosts=HTTP_HOSTS, ports=PORTS, private_networks=case.private)


def _redirect(server: RawServer, case: Redirect) -> None:
    location = case.location.format(port=server.port)
    server.answers["/a"] = (Answer(sent=reply(status=f"{case.status} Moved", headers={"Location": location})),)
    server.answers["/b"] = (Answer(sent=reply()),)


def _redirect_allow(server: RawServer) -> Allowlist:
    """The server and names that lie elsewhere, both without TLS."""
    hosts = ("127.0.0.1", "169.254.169.254", "168.63.129.16", "100.100.100.200", "[fd00:ec2::254]", "*.in.example.org")
    return Allowlist(hosts=hosts, http_hosts=hosts, ports=(80, server.port), private_networks=("127.0.0.1/32",))


async def _error(egress: Egress, url: str, *, allow: Allowlist) -> type[SluiceError] | None:
    try:
        async with egress.request("GET", url, allow=allow) as answer:
            await answer.read(1024)
    except SluiceError as error:
        return type(error)
    return None


async def _connects_barely(case: Case) -> Connections:
    connector = aiohttp.TCPConnector(resolver=Zone(case.names, elsewhere=PUBLIC), use_dns_cache=False)
    async with aiohttp.ClientSession(connector=connector) as session:
        with recorded_connections() as connected, contextlib.suppress(*_OF_AIOHTTP):
            async with asyncio.timeout(5), session.get(case.url):
                pass
    return connected
