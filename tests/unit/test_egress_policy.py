"""Where requests go, judged by the addresses that were really connected to."""

import contextlib
import dataclasses
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from shared.egress import Egress
from shared.model.datasets import Allowlist
from shared.model.errors import SluiceError, SourceUnavailableError, UrlRefusedError
from tests.fakes.connections import Connections, recorded_connections
from tests.fakes.names import Names

_PUBLIC = "93.184.215.14"
_PUBLIC_6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"
_ALLOW = Allowlist(
    hosts=("data.example.org", "*.wild.example.org", "xn--bcher-kva.example.org", _PUBLIC, f"[{_PUBLIC_6}]"),
    http_hosts=("plain.wild.example.org",),
    ports=(80, 443, 8443),
)

#: Neither public nor unicast, or the way to something that isn't.
_FORBIDDEN = (
    # This machine, this network, private networks, carriers' networks.
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("100.64.0.1", "100.127.255.254", "::1", "::", "fd00::1", "fc00::1", "fe80::1", "febf::1", "fec0::1"),
    # Metadata services of Azure, AWS, Google, Oracle and Alibaba, and Azure's WireServer.
    *("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "fd20:ce::254", "192.0.0.192", "100.100.100.200"),
    "168.63.129.16",
    # Multicast, broadcast, reserved, documentation, benchmarks, relays.
    *("224.0.0.1", "239.255.255.255", "255.255.255.255", "240.0.0.1", "ff02::1", "ff0e::1"),
    *("192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "192.88.99.1"),
    *("2001:db8::1", "3fff::1", "5f00::1", "100::1", "4000::1", "2001:2::1"),
    # IPv4 within IPv6: mapped, compatible, NAT64 (both prefixes), 6to4, Teredo; public ones need a gateway of ours.
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:168.63.129.16", "::127.0.0.1", "::169.254.169.254"),
    *("::ffff:0:7f00:1", "::ffff:0:a9fe:a9fe"),
    *("64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a9fe:a9fe"),
    *("2002:a9fe:a9fe::1", "2002:7f00:1::", "2002:808:808::", "2001:0:4136:e378:8000:63bf:5601:5601"),
)

_REFUSED_URLS = (
    # Schemes.
    *("http://data.example.org/", "ftp://data.example.org/", "file:///etc/passwd", "file://data.example.org/a"),
    *("gopher://data.example.org/", "data:text/plain,a", "javascript:alert(1)", "//data.example.org/", "/a", ""),
    *("https:data.example.org/", "https:///a", "https://", "httpss://data.example.org/"),
    # Hosts.
    *("https://example.org/", "https://evil.org/", "https://data.example.org.evil.org/", "https://xdata.example.org/"),
    *("https://wild.example.org/", "https://xwild.example.org/", "https://a.wild.example.org.evil.org/"),
    *("https://data.example.org../", "https://.data.example.org/", "https://data..example.org/", "https://localhost/"),
    "https://data%2eexample.org/",
    # Userinfo, and what could be taken for it.
    *("https://user@data.example.org/", "https://user:pw@data.example.org/", "https://@data.example.org/"),
    *(
        "https://data.example.org@evil.org/",
        "https://data.example.org:443@evil.org/",
        "https://evil.org#@data.example.org/",
    ),
    *(
        "https://evil.org?@data.example.org/",
        "https://evil.org/@data.example.org/",
        "https://data.example.org%40evil.org/",
    ),
    # Characters that parsers disagree about.
    *("https://data.example.org\\@evil.org/", "https://evil.org\\.data.example.org/", "https:\\\\data.example.org/"),
    *(
        "https://data.example.org/a b",
        " https://data.example.org/",
        "https://data.example.org/\n",
        "https://da\tta.example.org/",
    ),
    *("https://data.example.org/\r\nHost:evil.org", "https://data.example.org/\x00", "https://data.example.org/\u2028"),
    *("https://data.example.org\u00a0/", "https://data.example.org/\ud800", "https://data\u200b.example.org/"),
    "https://data\u00ad.example.org/",
    # Ports.
    *("https://data.example.org:22/", "https://data.example.org:0/", "https://data.example.org:65536/"),
    *("https://data.example.org:-1/", "https://data.example.org:443:22/", "https://data.example.org:http/"),
    # Addresses that aren't in allow.hosts, in every writing.
    *("https://8.8.8.8/", "https://127.0.0.1/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/"),
    *(
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.1/",
        "https://0/",
        "https://0x/",
        "https://1.wild.example.org.1/",
    ),
    *(
        "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
        "https://127。0。0。1/",
        "https://①②⑦.0.0.1/",
        "https://127.0.0.1./",
    ),
    *("https://93.184.215.014/", "https://93.184.55054/", "https://1572395790/"),
    *("https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/"),
    *("https://[::1/", "https://::1/", "https://[]/", "https://[v1.a]/", f"https://[::ffff:{_PUBLIC}]/"),
    # Length.
    "https://data.example.org/" + "a" * 8168,
)

_ALLOWED_URLS = {
    "https://data.example.org/": 443,
    "https://data.example.org": 443,
    "https://data.example.org:443/": 443,
    "https://data.example.org:8443/a": 8443,
    "https://DATA.Example.ORG/": 443,
    "https://data.example.org./": 443,
    "https://\uff44\uff41\uff54\uff41.example.org/": 443,
    "https://data。example\uff0eorg/": 443,
    "https://bücher.example.org/": 443,
    "https://BÜCHER.example.org/": 443,
    "https://xn--bcher-kva.example.org/": 443,
    "https://a.wild.example.org/": 443,
    "https://a.b.wild.example.org/": 443,
    "https://a_b.wild.example.org/": 443,
    "http://plain.wild.example.org/": 80,
    "http://plain.wild.example.org:8443/": 8443,
    "https://data.example.org/ä?q=ü#https://evil.org": 443,
    "https://data.example.org?@evil.org": 443,
    f"https://{_PUBLIC}/": 443,
    "https://data.example.org/" + "a" * 8167: 443,
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """How a request ended, and what was connected to."""

    error: type[SluiceError]
    connected: Connections


@pytest.mark.parametrize("url", _REFUSED_URLS)
async def test_refused_url(url: str) -> None:
    """A URL outside the allowlist connects to nothing, though its name has a public address."""
    assert await _tried(url, Names([_PUBLIC])) == Tried(error=UrlRefusedError, connected=[])


@pytest.mark.parametrize(("url", "port"), _ALLOWED_URLS.items())
async def test_allowed_url(url: str, port: int) -> None:
    """A URL within the allowlist connects to the address of its host, and to nothing else."""
    tried = await _tried(url, Names([_PUBLIC]))

    assert tried == Tried(error=SourceUnavailableError, connected=[(_PUBLIC, port)])


@pytest.mark.parametrize("number", ["127.1", "0x7f.1", "2130706433"])
async def test_number_that_is_allowed(number: str) -> None:
    """A number is no name, though it stands in allow.hosts: resolvers make an address of it."""
    allow = Allowlist(hosts=(number,))

    tried = await _tried(f"https://{number}/", Names([_PUBLIC]), allow=allow)

    assert tried == Tried(error=UrlRefusedError, connected=[])


async def test_allowed_ipv6_address() -> None:
    """A public IPv6 address may be asked if it stands in allow.hosts, in any writing."""
    url = f"https://[{_PUBLIC_6.replace('21f', '021F')}]/"

    tried = await _tried(url, Names([_PUBLIC]))

    assert tried == Tried(error=SourceUnavailableError, connected=[(_PUBLIC_6, 443)])


@pytest.mark.parametrize("address", _FORBIDDEN)
async def test_name_with_forbidden_address(address: str) -> None:
    """A name of the allowlist that resolves to no public address connects to nothing."""
    tried = await _tried("https://data.example.org/", Names([address]))

    assert tried == Tried(error=UrlRefusedError, connected=[])


@pytest.mark.parametrize("address", _FORBIDDEN)
async def test_literal_forbidden_address(address: str) -> None:
    """An address that isn't public connects to nothing even if it stands in allow.hosts: aiohttp asks no resolver."""
    host = f"[{address}]" if ":" in address else address
    allow = Allowlist(hosts=(host,), http_hosts=(host,), ports=(443,))

    tried = await _tried(f"https://{host}/", Names([_PUBLIC]), allow=allow)

    assert tried == Tried(error=UrlRefusedError, connected=[])


@pytest.mark.parametrize(
    "answer", [[_PUBLIC, "10.0.0.1"], ["10.0.0.1", _PUBLIC], [_PUBLIC_6, "::1"], ["fe80::1%1"], ["no"]]
)
async def test_one_forbidden_address_of_many(answer: list[str]) -> None:
    """One bad address in an answer is enough: a name that mixes them is an attack or a mistake."""
    tried = await _tried("https://data.example.org/", Names(answer))

    assert tried == Tried(error=UrlRefusedError, connected=[])


async def test_all_addresses_are_tried() -> None:
    """Public addresses of both families are tried, one after the other."""
    tried = await _tried("https://data.example.org/", Names([_PUBLIC_6, _PUBLIC]))

    assert tried == Tried(error=SourceUnavailableError, connected=[(_PUBLIC_6, 443), (_PUBLIC, 443)])


async def test_name_without_an_address() -> None:
    """An answer without addresses is the host's trouble, not the URL's."""
    tried = await _tried("https://data.example.org/", Names([]))

    assert tried == Tried(error=SourceUnavailableError, connected=[])


async def test_rebinding() -> None:
    """A name that changes its address after the first answer is resolved and judged again."""
    async with _egress(Names([_PUBLIC], ["169.254.169.254"])) as egress:
        with recorded_connections() as connected:
            errors = [await _error(egress, "https://data.example.org/", allow=_ALLOW) for _ in range(2)]

    assert (errors, connected) == ([SourceUnavailableError, UrlRefusedError], [(_PUBLIC, 443)])


@pytest.mark.parametrize(
    ("address", "networks", "reached"),
    [
        ("10.1.2.3", ("10.1.0.0/16",), True),
        ("10.2.2.3", ("10.1.0.0/16",), False),
        ("::ffff:10.1.2.3", ("10.1.0.0/16",), True),
        ("fd00::1", ("fd00::/8",), True),
        ("::1", ("::1/128",), True),
        # A gateway that translates is no way round the list.
        ("64:ff9b::808:808", ("64:ff9b::/96",), True),
        ("64:ff9b::a9fe:a9fe", ("64:ff9b::/96",), False),
        ("64:ff9b:1::a9fe:a9fe", ("64:ff9b:1::/48",), False),
        ("::a9fe:a9fe", ("::/96",), False),
        ("2002:a9fe:a9fe::1", ("2002::/16",), False),
        ("2001:0:4136:e378:8000:63bf:5601:5601", ("2001::/32",), False),
    ],
)
async def test_private_networks(address: str, networks: tuple[str, ...], *, reached: bool) -> None:
    """A private network may be reached if the dataset says so, and only that one."""
    allow = Allowlist(hosts=("data.example.org",), private_networks=networks)

    tried = await _tried("https://data.example.org/", Names([address]), allow=allow)

    assert tried == (
        Tried(error=SourceUnavailableError, connected=[(address, 443)])
        if reached
        else Tried(error=UrlRefusedError, connected=[])
    )


async def test_policies_do_not_mix() -> None:
    """What one dataset may reach helps no other, whichever asked first."""
    inside = Allowlist(hosts=("data.example.org",), private_networks=("10.0.0.0/8",))
    outside = Allowlist(hosts=("data.example.org",))

    async with _egress(Names(["10.1.2.3"])) as egress:
        with recorded_connections() as connected:
            errors = [
                await _error(egress, "https://data.example.org/", allow=each) for each in (inside, outside, inside)
            ]

    assert errors == [SourceUnavailableError, UrlRefusedError, SourceUnavailableError]
    assert connected == [("10.1.2.3", 443)] * 2


async def test_proxies_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that name a proxy are not obeyed."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    tried = await _tried("https://data.example.org/", Names([_PUBLIC]))

    assert tried.connected == [(_PUBLIC, 443)]


async def test_refusal_names_no_secret() -> None:
    """What a refusal says has the host in it, and nothing that signs."""
    async with _egress(Names([_PUBLIC])) as egress:
        with pytest.raises(UrlRefusedError) as raised:
            async with egress.request("GET", "https://evil.org/a?sig=c4n4ry", allow=_ALLOW):
                pass

    assert str(raised.value) == "the host 'evil.org' isn't in allow.hosts"


@contextlib.asynccontextmanager
async def _egress(names: Names) -> AsyncGenerator[Egress]:
    async with contextlib.aclosing(Egress(resolver=names)) as egress:
        yield egress


async def _tried(url: str, names: Names, *, allow: Allowlist = _ALLOW) -> Tried:
    async with _egress(names) as egress:
        with recorded_connections() as connected:
            error = await _error(egress, url, allow=allow)
    return Tried(error=error, connected=connected)


async def _error(egress: Egress, url: str, **arguments: Any) -> type[SluiceError]:
    try:
        async with egress.request("GET", url, **arguments):
            raise AssertionError("a test never gets an answer from outside")
    except SluiceError as error:
        return type(error)
