"""Which addresses may be connected to: public unicast, and what an allowlist calls private networks."""

import dataclasses
import ipaddress
import socket
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Self

from aiohttp.abc import AbstractResolver, ResolveResult

_UNICAST_6 = IPv6Network("2000::/3")
_COMPATIBLE = IPv6Network("::/96")
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
# is_global of Python 3.13.0 says True for these, and _UNICAST_6 doesn't leave them out: Azure's WireServer
# (https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16), the old relays of 6to4, and the
# second range for documentation (RFC 9637). For 6to4 itself the answer depends on Python's version.
_DENIED = (
    IPv4Network("168.63.129.16/32"),
    IPv4Network("192.88.99.0/24"),
    IPv6Network("2002::/16"),
    IPv6Network("3fff::/20"),
)


class AddressRefusedError(OSError):
    """An address that must not be connected to; an OSError, because connecting passes on no other."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Which addresses an allowlist lets be connected to."""

    private: tuple[IPv4Network | IPv6Network, ...]

    @classmethod
    def within(cls, networks: Iterable[str]) -> Self:
        """Public addresses, and these private networks."""
        return cls(private=tuple(ipaddress.ip_network(each) for each in networks))

    def open_socket(self, info: tuple[int, int, int, str, tuple[Any, ...]]) -> socket.socket:
        """Open the socket that will be connected to this address; raises AddressRefusedError."""
        family, kind, protocol, _, destination = info
        self.check(destination[0])
        return socket.socket(family=family, type=kind, proto=protocol)

    def check(self, text: str) -> None:
        """Raise AddressRefusedError unless the address, and each that is wrapped in it, may be connected to."""
        address = address_of(text)
        if address is None or not all(self._allows(each) for each in _meant(address)):
            raise AddressRefusedError(f"the address {text} is neither public nor in allow.private_networks")

    def _allows(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in each for each in self.private) or _is_public(address)


class CheckedResolver(AbstractResolver):
    """Answers for a name only if every address of it may be connected to."""

    def __init__(self, resolver: AbstractResolver, *, addresses: Addresses) -> None:
        self._resolver = resolver
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve a name; raises AddressRefusedError."""
        found = await self._resolver.resolve(host, port, family)
        if not found:
            raise OSError(f"{host} has no address")
        for each in found:
            self._addresses.check(each["host"])
        return found

    async def close(self) -> None:
        """Close the resolver that is asked."""
        await self._resolver.close()


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address in its canonical writing, or None if it is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _meant(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """Where a packet may end: at this address, and at the IPv4 address that it carries for a gateway."""
    if isinstance(address, IPv4Address):
        yield address
    elif address.ipv4_mapped:
        # The kernel itself connects to the IPv4 address.
        yield address.ipv4_mapped
    else:
        yield address
        yield from address.teredo or ()
        if address.sixtofour:
            yield address.sixtofour
        if (address in _COMPATIBLE and not address.is_loopback) or any(address in each for each in _NAT64):
            yield IPv4Address(int(address) & 0xFFFF_FFFF)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _UNICAST_6:
        return False
    return address.is_global and not address.is_multicast and not any(address in each for each in _DENIED)
