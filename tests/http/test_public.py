"""Which addresses are on the public internet, and a resolver that gives no others."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.http.errors import DnsFailed
from llm_gateway.http.public import GuardedResolver, NotPublic, is_public
from serving import run

INSIDE = (
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2130706433",
    "0x7f.1",
    "127.1",
    "0177.0.0.1",
    "",
    "localhost",
)
OUTSIDE = (
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
)


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_that_are_not_public(address: str) -> None:
    """Private, local, reserved and tunnelled ones, clouds' metadata, and whatever is no address in its plain spelling."""
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_public_addresses(address: str) -> None:
    """Also those that wrap a public IPv4 address."""
    assert is_public(address)


def test_networks_that_were_allowed() -> None:
    """As configured, wrapped or not, and nothing beside them."""
    also = [ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00:1::/32")]
    assert is_public("10.1.2.3", also)
    assert is_public("::ffff:10.1.2.3", also)
    assert is_public("fd00:1::5", also)
    assert not is_public("10.2.0.1", also)


@given(st.ip_addresses())
def test_nothing_public_is_special(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """The standard library's own idea of private, local and reserved addresses is a part of ours."""
    if is_public(str(address)):
        plain = getattr(address, "ipv4_mapped", None) or address
        special = plain.is_private or plain.is_loopback or plain.is_link_local or plain.is_multicast or plain.is_unspecified
        assert not special


class Names:
    """A name server that answers from a list, one entry for each question."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def __call__(self, host: str, port: int) -> list[tuple[Any, ...]]:
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, port))
            for address in found
        ]


def test_only_public_addresses_are_given() -> None:
    """Of a name with both kinds the public ones; of one without any none."""

    async def test() -> None:
        resolver = GuardedResolver(lookup=Names(["10.0.0.1", "8.8.8.8", "::1"]))
        assert [address.sockaddr[0] for address in await resolver.resolve("mixed.test", 443)] == ["8.8.8.8"]
        with pytest.raises(NotPublic):
            await GuardedResolver(lookup=Names(["10.0.0.1"])).resolve("inside.test", 443)
        with pytest.raises(NotPublic):
            await GuardedResolver().resolve("127.0.0.1", 443)
        with pytest.raises(DnsFailed) as caught:
            await GuardedResolver(lookup=Names([])).resolve("none.test", 443)
        assert not isinstance(caught.value, NotPublic)

    run(test)


def test_a_name_that_changes_its_address_gains_nothing() -> None:
    """DNS rebinding: every answer is looked at, not only the first."""

    async def test() -> None:
        resolver = GuardedResolver(ttl=0.0, lookup=Names(["8.8.8.8"], ["127.0.0.1"]))
        await resolver.resolve("rebind.test", 443)
        with pytest.raises(NotPublic):
            await resolver.resolve("rebind.test", 443)

    run(test)
