"""Redirects, followed by hand."""

import contextlib

import pytest

from shared.egress import Egress
from shared.model.datasets import Allowlist
from shared.model.errors import UrlRefusedError
from tests.fakes.connections import recorded_connections
from tests.fakes.names import Names
from tests.fakes.raw_server import RawServer, raw_server, reply
from tests.integration.exchange import SECRET, Got, allowlist, error_of, got, serve


@pytest.mark.parametrize("status", ["301 A", "302 A", "303 A", "307 A", "308 A"])
@pytest.mark.parametrize("location", ["/b?x=%2F%2b", "b?x=%2F%2b", "../b?x=%2F%2b#part"])
async def test_redirect(server: RawServer, egress: Egress, status: str, location: str) -> None:
    """A redirect is followed to where it leads, relative or not, with its query as it was written."""
    serve(server, reply(status=status, headers={"Location": location}))
    serve(server, reply(b"there"), path="/b")

    assert await got(egress, server) == Got(status=200, body=b"there", length=5)
    assert [each.target for each in server.asked] == ["/a", "/b?x=%2F%2b"]


@pytest.mark.parametrize("status", [200, 201, 300, 304])
async def test_location_that_is_no_redirect(server: RawServer, egress: Egress, status: int) -> None:
    """A Location says something else unless the status is a redirect's."""
    serve(server, reply(status=f"{status} A", headers={"Location": "/b"}))

    assert (await got(egress, server)).status == status
    assert len(server.asked) == 1


async def test_url_of_the_reply(server: RawServer, egress: Egress) -> None:
    """A reply says where it came from after redirects: relative links in it start there."""
    serve(server, reply(status="302 Found", headers={"Location": server.url("/b")}))
    serve(server, reply(), path="/b")

    async with egress.request("GET", server.url("/a"), allow=allowlist(server)) as answer:
        assert answer.url == server.url("/b")


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
        "/b\tc",
        "http://[::1",
        "ftp://127.0.0.1:{port}/b",
        "file:///etc/passwd",
        "data:text/plain,a",
    ],
)
async def test_redirect_outside_the_allowlist(server: RawServer, egress: Egress, location: str) -> None:
    """A redirect is judged as the first URL was, and what it names is never connected to."""
    serve(server, reply(status="302 Found", headers={"Location": location.format(port=server.port)}))

    with recorded_connections() as connected:
        error = await error_of(egress, server)

    assert (error, connected) == (UrlRefusedError, [("127.0.0.1", server.port)])


async def test_redirect_to_an_address_that_is_allowed_by_name_only(server: RawServer, egress: Egress) -> None:
    """A redirect to a metadata address connects to nothing even where the allowlist names the host."""
    serve(server, reply(status="302 Found", headers={"Location": "http://169.254.169.254/metadata"}))
    hosts = ("127.0.0.1", "169.254.169.254")
    allow = allowlist(server).model_copy(update={"hosts": hosts, "http_hosts": hosts, "ports": (80, server.port)})

    with recorded_connections() as connected:
        error = await error_of(egress, server, allow=allow)

    assert (error, connected) == (UrlRefusedError, [("127.0.0.1", server.port)])


async def test_redirect_loop(server: RawServer, egress: Egress) -> None:
    """A loop of redirects ends after three of them."""
    serve(server, reply(status="302 Found", headers={"Location": "/a"}))

    assert await error_of(egress, server) is UrlRefusedError
    assert len(server.asked) == 4


async def test_three_redirects(server: RawServer, egress: Egress) -> None:
    """Three redirects are followed."""
    for here, there in ("ab", "bc", "cd"):
        serve(server, reply(status="302 Found", headers={"Location": f"/{there}"}), path=f"/{here}")
    serve(server, reply(b"there"), path="/d")

    assert (await got(egress, server)).body == b"there"


@pytest.mark.parametrize(("method", "body"), [("POST", b"{}"), ("POST", None), ("GET", b"{}"), ("PUT", b"")])
async def test_redirect_of_a_request_with_effects(
    server: RawServer, egress: Egress, method: str, body: bytes | None
) -> None:
    """A redirect of anything but a bare GET or HEAD is the caller's to see."""
    serve(server, reply(status="307 Temporary Redirect", headers={"Location": "/b"}))

    seen = await got(egress, server, method=method, body=body)

    assert (seen.status, len(server.asked)) == (307, 1)


async def test_head_is_redirected_as_head(server: RawServer, egress: Egress) -> None:
    """A HEAD stays one across redirects."""
    serve(server, reply(status="302 Found", headers={"Location": "/b"}))
    serve(server, reply(), path="/b")

    await got(egress, server, method="HEAD")

    assert [(each.method, each.target) for each in server.asked] == [("HEAD", "/a"), ("HEAD", "/b")]


async def test_credentials_across_hosts(server: RawServer, egress: Egress) -> None:
    """Credentials stay with the host that they are for, also when the way leads back to it; what pins bytes goes on."""
    credentials = {"Authorization": f"Bearer {SECRET}", "Cookie": SECRET, "X-Api-Key": SECRET}
    harmless = {"Accept": "image/tiff", "Range": "bytes=0-1", "If-Range": '"a"', "If-Match": '"a"'}
    harmless |= {"If-None-Match": '"b"', "If-Unmodified-Since": "Tue, 05 Mar 2024 12:00:00 GMT"}
    headers = credentials | harmless
    async with raw_server() as other:
        serve(server, reply(status="302 Found", headers={"Location": other.url("/b")}))
        serve(other, reply(status="302 Found", headers={"Location": server.url("/c")}), path="/b")
        serve(server, reply(b"there"), path="/c")
        allow = allowlist(server).model_copy(update={"ports": (server.port, other.port)})

        await got(egress, server, headers=headers, allow=allow)

    first, third = (each.headers for each in server.asked)
    assert [first.get(name.lower()) for name in headers] == list(headers.values())
    for later in (other.asked[0].headers, third):
        assert [later.get(name.lower()) for name in headers] == [*[None] * len(credentials), *harmless.values()]


async def test_credentials_within_a_host(server: RawServer, egress: Egress) -> None:
    """Credentials go along with a redirect on the same host."""
    serve(server, reply(status="302 Found", headers={"Location": "/b"}))
    serve(server, reply(), path="/b")

    await got(egress, server, headers={"Authorization": f"Bearer {SECRET}"})

    assert [each.headers["authorization"] for each in server.asked] == [f"Bearer {SECRET}"] * 2


async def test_trusted_hosts_see_headers(server: RawServer) -> None:
    """A host that the caller trusts sees every header after a redirect; what comes after a stranger doesn't."""
    trusted, stranger = (server.url(path, host=f"{host}.example.org") for host, path in (("b", "/b"), ("x", "/x")))
    serve(server, reply(status="302 Found", headers={"Location": trusted}))
    serve(server, reply(status="302 Found", headers={"Location": stranger}), path="/b")
    serve(server, reply(status="302 Found", headers={"Location": server.url("/c", host="b.example.org")}), path="/x")
    serve(server, reply(), path="/c")
    allow = Allowlist(
        hosts=("*.example.org",),
        http_hosts=("*.example.org",),
        ports=(server.port,),
        private_networks=("127.0.0.1/32",),
    )

    async with (
        contextlib.aclosing(Egress(resolver=Names(["127.0.0.1"]))) as egress,
        egress.request(
            "GET",
            server.url("/a", host="a.example.org"),
            allow=allow,
            headers={"Authorization": SECRET},
            trusted=("b.example.org",),
        ) as answer,
    ):
        status = answer.status

    assert status == 200
    assert [("authorization" in each.headers, each.target) for each in server.asked] == [
        (True, "/a"),
        (True, "/b"),
        (False, "/x"),
        (False, "/c"),
    ]
