"""Connections to the public internet only, for URLs that a stranger chose (OWASP API7, server-side request forgery).

A `GuardedResolver` gives a dialer nothing but addresses that may be dialled. The check stands between the lookup and the
connection, on the very addresses that are connected to, so a name that changes its address in between gains nothing.

Public are global unicast addresses: what IANA's special-purpose registries (RFC 6890) keep for other ends is not, nor is an IPv6
address that wraps such an IPv4 address (mapped, NAT64), nor one that tunnels (6to4, Teredo), nor what clouds serve metadata from.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from llm_gateway.http.errors import ConnectFailed
from llm_gateway.http.resolver import Address, Lookup, Resolver

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host, which looks public
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "2001::/23",  # Teredo, ORCHID, benchmarking ...
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
_GLOBAL = ipaddress.ip_network("2000::/3")
"""All that is given out of IPv6."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotPublic(ConnectFailed):
    """The host has no address that may be dialled."""


def is_public(text: str, also: Sequence[Network] = ()) -> bool:
    """Whether the IP address `text` is on the public internet, or in one of the networks `also`. False for what is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if any(address in network for network in also):
        return True
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner), also)
        if address not in _GLOBAL:
            return False
    return not any(address in network for network in _NOT_PUBLIC)


class GuardedResolver(Resolver):
    """A resolver whose answers hold public addresses only, and those of the networks `also`."""

    def __init__(self, also: Sequence[Network] = (), *, ttl: float = 30.0, lookup: Lookup | None = None) -> None:
        super().__init__(ttl=ttl, lookup=lookup)
        self._also = tuple(also)

    async def resolve(self, host: str, port: int) -> list[Address]:
        """Raises NotPublic when none is left, DnsFailed when there was none."""
        found = await super().resolve(host, port)
        allowed = [address for address in found if is_public(str(address.sockaddr[0]), self._also)]
        if not allowed:
            raise NotPublic("the host is not on the public internet")
        return allowed
