"""Requests: one at a time, redirects followed by hand."""

import contextlib
import dataclasses
import functools
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Protocol

import aiohttp
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDict
from yarl import URL

from shared.egress.addresses import Addresses
from shared.egress.manners import Manners
from shared.egress.pace import MinimumPace, Pace
from shared.egress.policy import Policy, check_headers
from shared.egress.replies import Reply, beginning_within, check_framing, narrow, retry_after, translated
from shared.egress.sockets import CheckedResolver, CheckedSocket, tls_context
from shared.egress.turns import Turn
from shared.model.datasets import Allowlist, matches_host
from shared.model.errors import UrlRefusedError

_MAX_HOPS = 3
_READ_BUFFER_BYTES = 256 * 1024
_PACE = MinimumPace()
_USER_AGENT = {"User-Agent": "sluice"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: What a host that another host named may see: a list of what is harmless, since a key can stand in any header.
_HARMLESS_HEADERS = frozenset({"accept", "range", "if-match", "if-none-match", "if-range", "if-unmodified-since"})


class Http(Protocol):
    """Asks servers; ``Egress`` is one."""

    def request(
        self,
        method: str,
        url: str,
        *,
        allow: Allowlist,
        headers: Mapping[str, str] = MappingProxyType({}),
        body: bytes | None = None,
    ) -> contextlib.AbstractAsyncContextManager[Reply]:
        """Ask once; raises UrlRefusedError, SourceUnavailableError."""
        ...


class Egress:
    """HTTP for sources and catalogs; retries nothing. One object a process: ``aclose`` it at the end."""

    def __init__(  # noqa: PLR0913 - each has a default, and none has to do with another
        self,
        *,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
        idle_timeout: timedelta = timedelta(seconds=60),
        connect_timeout: timedelta = timedelta(seconds=10),
        pace: MinimumPace = _PACE,
        connections: int = 64,
        connections_per_host: int = 16,
        clock: Callable[[], float] = time.monotonic,
        manners: Manners | None = None,
    ) -> None:
        self._manners = manners
        self._resolver = resolver
        self._tls = tls
        self._connections = connections
        self._connections_per_host = connections_per_host
        self._connect_seconds = connect_timeout.total_seconds()
        self._answer_seconds = idle_timeout.total_seconds()
        # No total: a body may take hours. A server that sends nothing is given up after the idle time, and one that
        # trickles by its pace.
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self._connect_seconds, sock_read=self._answer_seconds
        )
        self._pace = pace
        self._clock = clock
        self._routes: dict[Allowlist, _Route] = {}
        self._sessions: dict[Addresses, aiohttp.ClientSession] = {}

    @contextlib.asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        allow: Allowlist,
        headers: Mapping[str, str] = MappingProxyType({}),
        body: bytes | None = None,
        trusted: tuple[str, ...] = (),
    ) -> AsyncGenerator[Reply]:
        """Ask, following up to three redirects of a GET or HEAD; any status is a reply (see ``check_status``).

        After a redirect only hosts that are ``trusted`` (patterns, as in an allowlist) see more than harmless headers.
        Raises UrlRefusedError, SourceUnavailableError; of a host with limits, what ``Manners.turn`` does.
        """
        route = self._route(allow)
        check_headers(headers)
        target = route.policy.checked(url)
        follows = method in {"GET", "HEAD"} and body is None
        for _ in range(_MAX_HOPS + 1):
            async with (
                self._turn(target) as turn,
                await self._asked(route.session, method, target, headers=headers, body=body, turn=turn) as response,
            ):
                check_framing(response)
                location = response.headers.get("Location")
                if not (follows and location and response.status in _REDIRECTS):
                    yield Reply(response, url=str(target), pace=Pace(self._pace), clock=self._clock, turn=turn)
                    return
            following = route.policy.redirected(target, location)
            if following.origin() != target.origin() and not matches_host(following.raw_host or "", trusted):
                headers = {name: value for name, value in headers.items() if name.lower() in _HARMLESS_HEADERS}
            target = following
        raise UrlRefusedError(f"{target.host}: more than {_MAX_HOPS} redirects")

    async def aclose(self) -> None:
        """Close every connection."""
        sessions, self._sessions = self._sessions, {}
        self._routes.clear()
        for session in sessions.values():
            await session.close()

    async def _asked(
        self,
        session: aiohttp.ClientSession,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        turn: Turn | None,
    ) -> aiohttp.ClientResponse:
        sent = CIMultiDict(_USER_AGENT)
        sent.update(headers)
        sent["Accept-Encoding"] = "identity"
        buffer = (turn.client_bytes if turn else 0) or _READ_BUFFER_BYTES
        with translated(url.host):
            response = await session.request(
                method, url, headers=sent, data=body, allow_redirects=False, read_bufsize=buffer
            )
        if turn:
            narrow(response, turn.kernel_bytes)
            length = 0 if method == "HEAD" else response.content_length
            turn.answered(response.status, length=length, retry_after=retry_after(response.headers))
        return response

    def _turn(self, url: URL) -> contextlib.AbstractAsyncContextManager[Turn | None]:
        if self._manners is None:
            return contextlib.nullcontext()
        # Of an address that is signed, all that may rest is its path.
        return self._manners.turn(url.host or "", asset=url.raw_path)

    def _route(self, allow: Allowlist) -> "_Route":
        """The way out of an allowlist, made once."""
        if (route := self._routes.get(allow)) is None:
            policy = Policy(allow)
            # A pooled connection serves only those who could open it.
            if policy.addresses not in self._sessions:
                self._sessions[policy.addresses] = self._new_session(policy.addresses)
            route = self._routes[allow] = _Route(policy=policy, session=self._sessions[policy.addresses])
        return route

    def _new_session(self, addresses: Addresses) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=CheckedResolver(
                self._resolver or aiohttp.ThreadedResolver(), addresses=addresses, seconds=self._connect_seconds
            ),
            # aiohttp asks no resolver about an address in the URL, but every socket is opened here.
            socket_factory=functools.partial(CheckedSocket.opened, addresses=addresses),
            ssl=self._tls or tls_context(),
            # An answer is used for the connection that it was checked for.
            use_dns_cache=False,
            limit=self._connections,
            limit_per_host=self._connections_per_host,
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            # To wait for a free connection isn't to wait for the host.
            response_class=beginning_within(self._answer_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            read_bufsize=_READ_BUFFER_BYTES,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    """What an allowlist allows, and the connections that may serve it."""

    policy: Policy
    session: aiohttp.ClientSession
