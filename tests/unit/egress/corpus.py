"""Ways to lead a request astray, as data: who tries, and which addresses may be connected to at all."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from tests.unit.egress.urls import ALLOWED_URLS, PUBLIC, PUBLIC_6, REFUSED_URLS

_NOWHERE: Mapping[str, Sequence[Sequence[str]]] = MappingProxyType({})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A URL that is asked, and what is connected to."""

    kind: str
    url: str
    #: Address and port, in order; nothing else may be connected to. Empty: the URL is refused before.
    connects: tuple[tuple[str, int], ...] = ()
    #: Answers of the resolver by name, one a question.
    names: Mapping[str, Sequence[Sequence[str]]] = _NOWHERE
    #: What the allowlist has beyond the usual.
    hosts: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    #: How often it is asked.
    times: int = 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Where a server on this machine, which may be asked, sends the client."""

    kind: str
    #: {port} is the server's own.
    location: str
    #: Whether the server's own address is followed to once more.
    followed: bool = False
    status: int = 302
    #: Whether the server speaks TLS.
    secure: bool = False


#: Neither public nor unicast, or the way to something that isn't.
FORBIDDEN = {
    "this machine and its networks": (
        *("127.0.0.1", "127.0.0.2", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255"),
        *("172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.254", "169.254.0.1"),
        *("::1", "::", "fd00::1", "fc00::1", "fe80::1", "febf::1", "fec0::1"),
    ),
    "metadata services": (
        # Azure, AWS, Google; AWS' containers; Azure's WireServer; Oracle; Alibaba.
        *("169.254.169.254", "169.254.170.2", "169.254.170.23", "168.63.129.16", "192.0.0.192", "100.100.100.200"),
        *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"),
    ),
    "multicast, reserved, documentation": (
        *("224.0.0.1", "239.255.255.255", "255.255.255.255", "240.0.0.1", "ff02::1", "ff0e::1", "ff05::2"),
        *("192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "198.19.255.255", "192.88.99.1", "192.0.0.9"),
        *("192.0.0.10", "192.0.0.1", "2001:db8::1", "3fff::1", "5f00::1", "100::1", "4000::1", "2001:2::1"),
        *("2001:1::1", "2001:1::2", "2001:10::1", "2001:20::1"),
    ),
    # Public ones, too: they need a gateway of ours.
    "IPv4 within IPv6": (
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:168.63.129.16", "::ffff:10.0.0.1", "::ffff:0.0.0.0"),
        *("::127.0.0.1", "::169.254.169.254", "::93.184.215.14", "::ffff:0:7f00:1", "::ffff:0:a9fe:a9fe"),
        *("64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a9fe:a9fe"),
        # NAT64 with prefixes of 48, 56 and 64 bits (RFC 6052, 2.2).
        *("64:ff9b:1:a9fe:a9:fe00::", "64:ff9b:1:a9:fe:a9fe::", "64:ff9b:1:0:a9:fea9:fe00:0"),
        *("2002:a9fe:a9fe::1", "2002:7f00:1::", "2002:a00:1::", "2002:808:808::"),
        *("2001:0:4136:e378:8000:63bf:5601:5601", "2001:0:a9fe:a9fe::1", "2001::1"),
    ),
}

#: Addresses, private networks of the allowlist, and whether the address may then be connected to.
_PRIVATE = (
    ("10.1.2.3", ("10.1.0.0/16",), True),
    ("10.2.2.3", ("10.1.0.0/16",), False),
    ("10.1.2.3", ("fd00::/8", "10.1.2.3/32"), True),
    ("::ffff:10.1.2.3", ("10.1.0.0/16",), True),
    ("::ffff:10.2.2.3", ("10.1.0.0/16",), False),
    ("fd00::1", ("fd00::/8",), True),
    ("::1", ("::1/128",), True),
    ("127.0.0.1", ("127.0.0.1/32",), True),
    ("127.0.0.2", ("127.0.0.1/32",), False),
    # Metadata services that lie in networks which somebody may want to allow.
    ("169.254.169.254", ("169.254.0.0/16",), False),
    ("169.254.169.254", ("0.0.0.0/0",), False),
    ("::ffff:169.254.169.254", ("0.0.0.0/0", "::/0"), False),
    ("168.63.129.16", ("168.63.129.16/32",), False),
    ("100.100.100.200", ("100.64.0.0/10",), False),
    ("100.100.100.201", ("100.64.0.0/10",), True),
    ("192.0.0.192", ("192.0.0.0/24",), False),
    ("fd00:ec2::254", ("fd00::/8",), False),
    ("fd20:ce::254", ("fd00::/8",), False),
    ("fe80::1", ("::/0",), False),
    # A gateway that translates is no way round the list.
    ("64:ff9b::808:808", ("64:ff9b::/96",), True),
    ("64:ff9b::a9fe:a9fe", ("64:ff9b::/96",), False),
    ("64:ff9b::a00:1", ("64:ff9b::/96",), False),
    ("64:ff9b::a00:1", ("64:ff9b::/96", "10.0.0.0/8"), True),
    ("64:ff9b:1::808:808", ("64:ff9b:1::/48",), False),
    ("64:ff9b:1:a9fe:a9:fe00::", ("64:ff9b:1::/48",), False),
    ("::a9fe:a9fe", ("::/96",), False),
    ("::ffff:0:a9fe:a9fe", ("::/0",), False),
    ("2002:a9fe:a9fe::1", ("2002::/16",), False),
    ("2002:a9fe:a9fe::1", ("2002::/16", "0.0.0.0/0"), False),
    ("2001:0:4136:e378:8000:63bf:5601:5601", ("2001::/32",), False),
)

#: Answers of a resolver with more than one address, and what is connected to.
_ANSWERS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    ((PUBLIC_6, PUBLIC), (PUBLIC_6, PUBLIC)),
    ((PUBLIC, "93.184.215.15"), (PUBLIC, "93.184.215.15")),
    ((PUBLIC, "10.0.0.1"), ()),
    (("10.0.0.1", PUBLIC), ()),
    ((PUBLIC, PUBLIC, PUBLIC, "127.0.0.1"), ()),
    ((PUBLIC, "169.254.169.254"), ()),
    # A is public and AAAA isn't, or the other way round.
    ((PUBLIC, "::1"), ()),
    ((PUBLIC_6, "::1"), ()),
    ((PUBLIC_6, "127.0.0.1"), ()),
    ((PUBLIC, "fd00::1"), ()),
    ((PUBLIC, "::ffff:169.254.169.254"), ()),
    ((PUBLIC, "64:ff9b::a9fe:a9fe"), ()),
    (("fe80::1%1",), ()),
    (("no address",), ()),
    (("127.1",), ()),
)

#: Answers one after the other, and what is connected to when the name is asked so often.
_REBINDING: tuple[tuple[tuple[tuple[str, ...], ...], tuple[str, ...]], ...] = (
    (((PUBLIC,), (PUBLIC,)), (PUBLIC, PUBLIC)),
    (((PUBLIC,), ("127.0.0.1",)), (PUBLIC,)),
    (((PUBLIC,), ("169.254.169.254",), (PUBLIC,)), (PUBLIC, PUBLIC)),
    ((("127.0.0.1",), (PUBLIC,)), (PUBLIC,)),
    (((PUBLIC,), (PUBLIC, "10.0.0.1")), (PUBLIC,)),
    (((PUBLIC,), ("::1",)), (PUBLIC,)),
    (((PUBLIC_6,), ("::ffff:127.0.0.1",)), (PUBLIC_6,)),
    (((PUBLIC,), ("93.184.215.15",)), (PUBLIC, "93.184.215.15")),
)

_METADATA = (
    *("http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01", "http://169.254.169.254:{port}/"),
    *("http://168.63.129.16/machine/?comp=goalstate", "http://[::ffff:169.254.169.254]/", "http://[fd00:ec2::254]/"),
    *("http://metadata.google.internal/", "http://metadata.in.example.org:{port}/", "http://[64:ff9b::a9fe:a9fe]/"),
    *("http://wire.in.example.org:{port}/", "http://100.100.100.200/latest/meta-data/", "http://[2002:a9fe:a9fe::]/"),
)
_LOCALHOST = (
    *("http://localhost:{port}/", "http://LocalHost:{port}/", "http://localhost.:{port}/", "http://127.0.0.2:{port}/"),
    *("http://here.in.example.org:{port}/", "http://here6.in.example.org:{port}/", "http://0.0.0.0:{port}/"),
    *("http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "//localhost:{port}/"),
)
_LITERALS = (
    *("http://2130706433:{port}/b", "http://127.1:{port}/b", "http://0x7f.1:{port}/b", "http://017700000001:{port}/b"),
    *("http://10.0.0.1:{port}/b", "http://192.168.0.1:{port}/b", "//10.0.0.1:{port}/b", "http://8.8.8.8:{port}/b"),
    *("http://[fd00::1]:{port}/b", "http://[::7f00:1]:{port}/b", "http://[::1", "http://127.0.0.1.:1/b"),
    *("http://\uff11\uff12\uff17.0.0.2:{port}/b", "http://127.0.0.1%2e:{port}/b"),
)
_SCHEMES = (
    *("ftp://127.0.0.1:{port}/b", "file:///etc/passwd", "file://127.0.0.1/etc/passwd", "data:text/plain,a"),
    *("gopher://127.0.0.1:{port}/_b", "javascript:alert(1)", "ws://127.0.0.1:{port}/b", "unix:/var/run/docker.sock"),
)
_OTHER_PORTS = (
    *(
        "http://127.0.0.1:1/b",
        "https://127.0.0.1/b",
        "//127.0.0.1:22/b",
        "http://127.0.0.1:0/b",
        "http://127.0.0.1:99999/b",
    ),
    *("http://127.0.0.1:{port}1/b", "http://127.0.0.1:-{port}/b"),
)
_USERINFO = (
    *("http://user@127.0.0.1:{port}/b", "http://user:pw@127.0.0.1:{port}/b", "http://127.0.0.1:{port}@evil.org/b"),
    *("http://evil.org@127.0.0.1:{port}/b", "http://@127.0.0.1:{port}/b", "//a@127.0.0.1:{port}/b"),
)
_ELSEWHERE = (
    *("//evil.org/b", "https://evil.org/b", "http://evil.org:{port}/b", "http://127.0.0.1.evil.org:{port}/b"),
    *(
        "http://evil.org\\@127.0.0.1:{port}/b",
        "http://127.0.0.1:{port}/b c",
        "/b\tc",
        "\\\\evil.org\\b",
        "/\\evil.org/b",
    ),
    *("http://127.0.0.1:{port}\\@evil.org/b", "http:\\\\evil.org/b", "/" + "b" * 8180),
)

REDIRECTS: tuple[Redirect, ...] = (
    *(Redirect(kind="to metadata", location=each) for each in _METADATA),
    *(Redirect(kind="to localhost", location=each) for each in _LOCALHOST),
    *(Redirect(kind="to an address", location=each) for each in _LITERALS),
    *(Redirect(kind="to another scheme", location=each) for each in _SCHEMES),
    *(Redirect(kind="without TLS", location=f"http://127.0.0.1:{{port}}/{each}", secure=True) for each in ("b", "a")),
    *(Redirect(kind="to another port", location=each) for each in _OTHER_PORTS),
    *(Redirect(kind="with userinfo", location=each) for each in _USERINFO),
    *(Redirect(kind="elsewhere", location=each) for each in _ELSEWHERE),
    *(Redirect(kind="to metadata", location=_METADATA[0], status=each) for each in (301, 303, 307, 308)),
    *(
        Redirect(kind="allowed", location=each, followed=True)
        for each in ("/b", "b?x=1", "http://127.0.0.1:{port}/b", "//127.0.0.1:{port}/b", "http://127.0.0.1.:{port}/b")
    ),
    *(Redirect(kind="allowed", location="/b", followed=True, status=each) for each in (301, 303, 307, 308)),
    Redirect(kind="allowed", location="/b", followed=True, secure=True),
    Redirect(kind="allowed", location="https://127.0.0.1:{port}/b", followed=True, secure=True),
)


def cases() -> Iterator[Case]:
    """Every case that one request or two decide."""
    for kind, urls in REFUSED_URLS.items():
        for url in urls:
            yield Case(kind=kind, url=url)
    for url, port in ALLOWED_URLS.items():
        yield Case(kind="allowed URLs", url=url, connects=((PUBLIC, port),))
    yield Case(kind="allowed URLs", url=f"https://[{PUBLIC_6.replace('21f', '021F')}]/", connects=((PUBLIC_6, 443),))
    for number in ("127.1", "0x7f.1", "2130706433", "0177.0.0.1"):
        yield Case(kind="numbers that are allowed", url=f"https://{number}/", hosts=(number,))
    for kind, addresses in FORBIDDEN.items():
        for address in addresses:
            yield _named(f"names of {kind}", ((address,),), ())
            yield _literal(kind, address)
    for address, private, reached in _PRIVATE:
        yield _named("private networks", ((address,),), (address,) if reached else (), private=private)
    for answer, reached in _ANSWERS:
        yield _named("several answers", (answer,), reached)
    for answers, reached in _REBINDING:
        yield _named("rebinding", answers, reached, times=len(answers))


def _named(
    kind: str,
    answers: Sequence[Sequence[str]],
    reached: Sequence[str],
    *,
    private: tuple[str, ...] = (),
    times: int = 1,
) -> Case:
    """A name of the allowlist that lies where it shouldn't."""
    return Case(
        kind=kind,
        url="https://data.example.org/",
        names={"data.example.org": answers},
        connects=tuple((each, 443) for each in reached),
        private=private,
        times=times,
    )


def _literal(kind: str, address: str) -> Case:
    """An address that stands in allow.hosts itself: aiohttp asks no resolver about it."""
    host = f"[{address}]" if ":" in address else address
    return Case(kind=kind, url=f"https://{host}/", hosts=(host,))
