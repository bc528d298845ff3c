"""Where the judgement of addresses acts, between a name and its addresses and at the socket itself; and TLS."""

import asyncio
import functools
import socket
import ssl
from typing import Any, override

from aiohttp.abc import AbstractResolver, ResolveResult

from shared.egress.addresses import Addresses


class CheckedResolver(AbstractResolver):
    """Answers for a name only if every address of it may be connected to; aiohttp would wait for it without end."""

    def __init__(self, resolver: AbstractResolver, *, addresses: Addresses, seconds: float) -> None:
        self._resolver = resolver
        self._seconds = seconds
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve a name; raises AddressRefusedError, TimeoutError."""
        async with asyncio.timeout(self._seconds):
            found = await self._resolver.resolve(host, port, family)
        if not found:
            raise OSError(f"{host} has no address")
        for each in found:
            self._addresses.check(each["host"])
        return found

    async def close(self) -> None:
        """Nothing: whoever made the resolver closes it."""


class CheckedSocket(socket.socket):
    """Connects only to what it may: whatever was resolved, this is the address that the system is given."""

    def __init__(self, family: int, kind: int, protocol: int, *, addresses: Addresses) -> None:
        super().__init__(family, kind, protocol)
        self._addresses = addresses

    @classmethod
    def opened(cls, info: tuple[int, int, int, str, tuple[Any, ...]], *, addresses: Addresses) -> socket.socket:
        """Open the socket that will be connected to this address; raises AddressRefusedError."""
        family, kind, protocol, _, destination = info
        # Not every event loop connects by the socket's own method: that of Windows doesn't.
        addresses.check(destination[0])
        return cls(family, kind, protocol, addresses=addresses)

    @override
    def connect(self, address: Any, /) -> None:
        self._addresses.check(address[0])
        super().connect(address)


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Verify hosts, by TLS 1.2 or later whatever the machine's OpenSSL would settle for. Made once: it takes long."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
