"""Sets of addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def address_of(text: str) -> Address | None:
    """The address that `text` is; an IPv4 address inside an IPv6 one (::ffff:1.2.3.4) counts as itself. None: it is none.

    A zone (fe80::1%eth0) is dropped: it says by which interface, not who.
    """
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


class Networks:
    """Immutable. Looks at the network lengths that occur, not at every network: a list of thousands costs no more than one."""

    __slots__ = ("_four", "_six")

    def __init__(self, networks: Iterable[str]) -> None:
        """Raises ValueError for what is no network."""
        self._four: dict[int, set[int]] = {}
        self._six: dict[int, set[int]] = {}
        for text in networks:
            network = ipaddress.ip_network(text)
            base, length = int(network.network_address), network.prefixlen
            mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
            if mapped is not None and length >= 96:
                self._four.setdefault(128 - length, set()).add(int(mapped) >> (128 - length))
            else:
                bits = network.max_prefixlen - length
                (self._four if network.version == 4 else self._six).setdefault(bits, set()).add(base >> bits)

    def __contains__(self, address: Address) -> bool:
        value = int(address)
        table = self._four if address.version == 4 else self._six
        return any(value >> bits in bases for bits, bases in table.items())

    def __bool__(self) -> bool:
        return bool(self._four or self._six)
