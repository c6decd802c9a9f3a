"""Whose request it is when proxies stand in between: X-Forwarded-For, and Forwarded (RFC 7239).

Each proxy adds the address that it was reached from at the end. So the list is read from its end, as long as those who wrote
it are trusted: the first address that is no trusted proxy's is the client. What stands before it, anybody may have written.
"""

from __future__ import annotations

import re

from llm_gateway.identity.networks import Address, Networks, address_of

MOST_HOPS = 32
_FOR = re.compile(r"""(?:^|[;,\s])for=("[^"]*"|[^;,\s]*)""", re.IGNORECASE)


def client_of(peer: Address, said: str, trusted: Networks, *, standard: bool) -> Address:
    """`said`: the header's value, all its lines joined; `standard`: it is Forwarded. `peer` must be a trusted proxy.

    A hop that cannot be read (`unknown`, a name) ends the walk: the proxy that wrote it counts as the client.
    """
    client = peer
    for hop in reversed(_hops(said, standard=standard)):
        found = _address(hop)
        if found is None:
            return client
        client = found
        if found not in trusted:
            return client
    return client


def _hops(said: str, *, standard: bool) -> list[str]:
    if not standard:
        return said.rsplit(",", MOST_HOPS)[-MOST_HOPS:]
    hops = []
    for element in said.rsplit(",", MOST_HOPS)[-MOST_HOPS:]:
        found = _FOR.search(element)
        hops.append(found[1] if found else "")
    return hops


def _address(hop: str) -> Address | None:
    """With or without a port: `1.2.3.4:5`, `[2001:db8::1]:5`, `2001:db8::1`."""
    text = hop.strip().strip('"')
    if text.startswith("["):
        return address_of(text[1:].partition("]")[0])
    if text.count(":") == 1:
        text = text.partition(":")[0]
    return address_of(text)
