"""Which addresses may be connected to: public unicast, and what an allowlist calls private networks."""

import dataclasses
import ipaddress
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Self

_UNICAST_6 = IPv6Network("2000::/3")
# The last 32 bits are an IPv4 address: IPv4-compatible (RFC 4291), IPv4-translated (RFC 7915), NAT64 (RFC 6052).
_CARRIERS = (IPv6Network("::/96"), IPv6Network("::ffff:0:0:0/96"), IPv6Network("64:ff9b::/96"))
# is_global of Python 3.13.0 says True for these, or its answer depends on Python's version, and _UNICAST_6 doesn't
# leave them out.
_NOT_PUBLIC = (
    IPv4Network("192.0.0.0/24"),  # the IETF's: two addresses in it are the nearest gateway's (RFC 7723, RFC 8155)
    IPv4Network("192.88.99.0/24"),  # the old relays of 6to4
    IPv6Network("2001::/23"),  # the IETF's: Teredo, the nearest gateways again, benchmarks
    IPv6Network("2002::/16"),  # 6to4
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)
# What gives identities away to whoever asks, and what lies on the wire itself: a private network that is allowed
# (fd00::/8, 100.64.0.0/10) may well have one of these in it.
_NEVER = (
    IPv4Network("169.254.0.0/16"),  # metadata of Azure, AWS, Google, Oracle; App Service's token endpoint
    # https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
    IPv4Network("168.63.129.16/32"),
    IPv4Network("100.100.100.200/32"),  # Alibaba
    IPv4Network("192.0.0.192/32"),  # Oracle
    IPv6Network("fd00:ec2::/32"),  # AWS
    IPv6Network("fd20:ce::254/128"),  # Google
    IPv6Network("fe80::/10"),
    # NAT64 within a network (RFC 8215): where in it the IPv4 address stands is known to its gateway only.
    IPv6Network("64:ff9b:1::/48"),
)


class AddressRefusedError(OSError):
    """An address that must not be connected to; an OSError, because connecting passes on no other."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Which addresses an allowlist lets be connected to."""

    private: frozenset[IPv4Network | IPv6Network]

    @classmethod
    def within(cls, networks: Iterable[str]) -> Self:
        """Public addresses, and these private networks."""
        return cls(private=frozenset(ipaddress.ip_network(each) for each in networks))

    def check(self, text: str) -> None:
        """Raise AddressRefusedError unless the address, and each that is wrapped in it, may be connected to."""
        address = address_of(text)
        if address is None or not all(self._allows(each) for each in _meant(address)):
            raise AddressRefusedError(f"the address {text} is neither public nor in allow.private_networks")

    def _allows(self, address: IPv4Address | IPv6Address) -> bool:
        if _lies_in(address, _NEVER):
            return False
        return _lies_in(address, self.private) or _is_public(address)


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
        if _lies_in(address, _CARRIERS) and not address.is_loopback:
            yield IPv4Address(int(address) & 0xFFFF_FFFF)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _UNICAST_6:
        return False
    return address.is_global and not address.is_multicast and not _lies_in(address, _NOT_PUBLIC)


def _lies_in(address: IPv4Address | IPv6Address, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    return any(address in each for each in networks)
