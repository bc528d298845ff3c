"""Requests: one at a time, redirects followed by hand."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from types import MappingProxyType, SimpleNamespace

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from shared.egress.addresses import Addresses, CheckedResolver
from shared.egress.replies import Reply, check_framing, translated
from shared.egress.urls import Urls
from shared.model.datasets import Allowlist
from shared.model.errors import UrlRefusedError

_MAX_HOPS = 3
_READ_BUFFER_BYTES = 256 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: What a host that another host named may see: a list of what is harmless, since a key can stand in any header.
_HARMLESS_HEADERS = frozenset({"accept", "range", "if-match", "if-none-match", "if-range", "if-unmodified-since"})


class Egress:
    """HTTP for sources and catalogs; retries nothing. One object a process: ``aclose`` it at the end."""

    def __init__(
        self,
        *,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
        idle_timeout: timedelta = timedelta(seconds=60),
        connect_timeout: timedelta = timedelta(seconds=10),
        connections: int = 64,
        connections_per_host: int = 16,
    ) -> None:
        self._resolver = resolver
        self._tls = tls
        self._connections = connections
        self._connections_per_host = connections_per_host
        # aiohttp's idle time begins anew with every byte, and it waits for a resolver without end.
        self._answer_seconds = (connect_timeout + idle_timeout).total_seconds()
        # No total: a body may take hours. A server that sends nothing is given up after the idle time.
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=connect_timeout.total_seconds(), sock_read=idle_timeout.total_seconds()
        )
        self._sessions: dict[frozenset[str], aiohttp.ClientSession] = {}

    @contextlib.asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        allow: Allowlist,
        headers: Mapping[str, str] = MappingProxyType({}),
        body: bytes | None = None,
    ) -> AsyncGenerator[Reply]:
        """Ask, following up to three redirects of a GET or HEAD; any status is a reply (see ``check_status``).

        Raises UrlRefusedError, SourceUnavailableError.
        """
        urls = Urls(allow=allow)
        target = urls.checked(url)
        follows = method in {"GET", "HEAD"} and body is None
        for _ in range(_MAX_HOPS + 1):
            async with self._asked(method, target, allow=allow, headers=headers, body=body) as response:
                location = response.headers.get("Location")
                if not (follows and location and response.status in _REDIRECTS):
                    yield Reply(response, url=str(target))
                    return
            following = urls.redirected(target, location)
            if following.origin() != target.origin():
                headers = {name: value for name, value in headers.items() if name.lower() in _HARMLESS_HEADERS}
            target = following
        raise UrlRefusedError(f"{target.host}: more than {_MAX_HOPS} redirects")

    async def aclose(self) -> None:
        """Close every connection."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    @contextlib.asynccontextmanager
    async def _asked(
        self, method: str, url: URL, *, allow: Allowlist, headers: Mapping[str, str], body: bytes | None
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        sent = {"User-Agent": "sluice", **headers, "Accept-Encoding": "identity"}
        with translated(url.host):
            async with asyncio.timeout(None) as limit:
                response = await self._session(allow).request(
                    method,
                    url,
                    headers=sent,
                    data=body,
                    allow_redirects=False,
                    timeout=self._timeout,
                    trace_request_ctx=limit,
                )
        async with response:
            check_framing(response)
            yield response

    def _session(self, allow: Allowlist) -> aiohttp.ClientSession:
        """The session of these private networks: a pooled connection serves only those who could open it."""
        networks = frozenset(allow.private_networks)
        if networks not in self._sessions:
            self._sessions[networks] = self._new_session(Addresses.within(networks))
        return self._sessions[networks]

    def _new_session(self, addresses: Addresses) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=CheckedResolver(self._resolver or aiohttp.ThreadedResolver(), addresses=addresses),
            # aiohttp asks no resolver about an address in the URL, but every socket is opened here.
            socket_factory=addresses.open_socket,
            ssl=self._tls or True,
            # An answer is used for the connection that it was checked for.
            use_dns_cache=False,
            limit=self._connections,
            limit_per_host=self._connections_per_host,
        )
        # To wait for a free connection isn't to wait for the host.
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_create_start.append(self._start_limit)
        tracing.on_connection_reuseconn.append(self._start_limit)
        return aiohttp.ClientSession(
            connector=connector,
            trace_configs=[tracing],
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            read_bufsize=_READ_BUFFER_BYTES,
        )

    async def _start_limit(self, _: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        limit: asyncio.Timeout = context.trace_request_ctx
        limit.reschedule(asyncio.get_running_loop().time() + self._answer_seconds)
