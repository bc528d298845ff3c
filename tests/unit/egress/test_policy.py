"""What holds for every request, whatever its URL."""

import contextlib
import socket
import ssl

import pytest

from shared.egress import Egress, Policy
from shared.egress.addresses import Addresses, AddressRefusedError
from shared.egress.sockets import CheckedSocket, tls_context
from shared.model.datasets import Allowlist
from shared.model.errors import SluiceError, SourceUnavailableError, UrlRefusedError
from tests.fakes.connections import recorded_connections
from tests.fakes.names import Names
from tests.unit.egress.urls import PUBLIC

_URL = "https://data.example.org/"
_ALLOW = Allowlist(hosts=("data.example.org",))


async def test_policies_do_not_mix() -> None:
    """What one dataset may reach helps no other, whichever asked first."""
    inside = Allowlist(hosts=("data.example.org",), private_networks=("10.0.0.0/8",))

    async with contextlib.aclosing(Egress(resolver=Names(["10.1.2.3"]))) as egress:
        with recorded_connections() as connected:
            errors = [await _error(egress, _URL, allow=each) for each in (inside, _ALLOW, inside)]

    assert errors == [SourceUnavailableError, UrlRefusedError, SourceUnavailableError]
    assert connected == [("10.1.2.3", 443)] * 2


async def test_hosts_of_another_policy() -> None:
    """Datasets that may reach the same addresses share connections, and not the hosts that they may ask."""
    other = Allowlist(hosts=("other.example.org",))

    async with contextlib.aclosing(Egress(resolver=Names([PUBLIC]))) as egress:
        with recorded_connections() as connected:
            errors = [await _error(egress, _URL, allow=each) for each in (_ALLOW, other, _ALLOW)]

    assert errors == [SourceUnavailableError, UrlRefusedError, SourceUnavailableError]
    assert connected == [(PUBLIC, 443)] * 2


async def test_name_without_an_address() -> None:
    """An answer without addresses is the host's trouble, not the URL's."""
    async with contextlib.aclosing(Egress(resolver=Names([]))) as egress:
        assert await _error(egress, _URL) is SourceUnavailableError


async def test_proxies_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that name a proxy are not obeyed."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async with contextlib.aclosing(Egress(resolver=Names([PUBLIC]))) as egress:
        with recorded_connections() as connected:
            await _error(egress, _URL)

    assert connected == [(PUBLIC, 443)]


async def test_refusal_names_no_secret() -> None:
    """What a refusal says has the host in it, and nothing that signs."""
    async with contextlib.aclosing(Egress(resolver=Names([PUBLIC]))) as egress:
        with pytest.raises(UrlRefusedError) as raised:
            async with egress.request("GET", "https://evil.org/a?sig=c4n4ry", allow=_ALLOW):
                pass

    assert str(raised.value) == "the host 'evil.org' isn't in allow.hosts"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "a\r\nHost: evil.org"},
        {"X-A": "a\n"},
        {"X-A": "a\rb"},
        {"X-A": "a\0b"},
        {"X-A": "a\x0bb"},
        {"X-A": "a\ud800"},
        {"X-A: a\r\nX-B": "b"},
        {"X A": "b"},
        {"X-A:": "b"},
        {"": "b"},
        {"X-\u00c4": "b"},
        {"Host": "evil.org"},
        {"hOST": "evil.org"},
        {"Content-Length": "0"},
        {"Transfer-Encoding": "chunked"},
        {"Connection": "X-A"},
        {"Upgrade": "h2c"},
        {"Expect": "100-continue"},
        {"Proxy-Authorization": "Basic YTpi"},
    ],
)
async def test_refused_header(headers: dict[str, str]) -> None:
    """A header that breaks out of its line, or that says where a request goes or ends, is never sent."""
    async with contextlib.aclosing(Egress(resolver=Names([PUBLIC]))) as egress:
        with recorded_connections() as connected:
            error = await _error(egress, _URL, headers=headers)

    assert (error, connected) == (UrlRefusedError, [])


async def test_allowed_header() -> None:
    """Other headers are sent, whatever visible characters and tabs they hold."""
    headers = {"X-A": "a\tb \u00e4 \u20ac", "If-Match": '"a!#~"', "Authorization": "Bearer a.b-c_d", "X-Empty": ""}

    async with contextlib.aclosing(Egress(resolver=Names([PUBLIC]))) as egress:
        with recorded_connections() as connected:
            error = await _error(egress, _URL, headers=headers)

    assert (error, connected) == (SourceUnavailableError, [(PUBLIC, 443)])


def test_socket_that_is_connected_elsewhere() -> None:
    """A socket that was opened for one address refuses another at the moment of connect()."""
    addresses = Addresses.within(())
    info = (socket.AF_INET, socket.SOCK_STREAM, 0, "", (PUBLIC, 443))

    with CheckedSocket.opened(info, addresses=addresses) as opened, recorded_connections() as connected:
        with pytest.raises(AddressRefusedError):
            opened.connect(("127.0.0.1", 443))
        with pytest.raises(ConnectionRefusedError):
            opened.connect((PUBLIC, 443))

    assert connected == [(PUBLIC, 443)]


def test_socket_for_a_refused_address() -> None:
    """No socket is opened for an address that may not be connected to: not every event loop asks the socket."""
    info = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 443))

    with pytest.raises(AddressRefusedError):
        CheckedSocket.opened(info, addresses=Addresses.within(()))


def test_tls() -> None:
    """Hosts are verified, by TLS 1.2 at least."""
    context = tls_context()

    assert (context.minimum_version, context.verify_mode, context.check_hostname) == (
        ssl.TLSVersion.TLSv1_2,
        ssl.CERT_REQUIRED,
        True,
    )


def test_judgement_is_remembered_by_origin() -> None:
    """That one host may be asked lets no other through, nor another port or scheme of it."""
    policy = Policy(_ALLOW)
    policy.checked(_URL)

    for url in (
        "http://data.example.org/",
        "https://data.example.org:8443/",
        "https://a@data.example.org/",
        "https://a/",
    ):
        with pytest.raises(UrlRefusedError):
            policy.checked(url)

    assert str(policy.checked("https://DATA.example.org:443/a")) == "https://data.example.org/a"


async def _error(
    egress: Egress, url: str, *, allow: Allowlist = _ALLOW, headers: dict[str, str] | None = None
) -> type[SluiceError]:
    try:
        async with egress.request("GET", url, allow=allow, headers=headers or {}):
            raise AssertionError("a test never gets an answer from outside")
    except SluiceError as error:
        return type(error)
