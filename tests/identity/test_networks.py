"""Sets of addresses."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.identity.networks import Networks, address_of


@pytest.mark.parametrize(
    ("text", "networks", "inside"),
    [
        ("10.1.2.3", ("10.0.0.0/8",), True),
        ("11.1.2.3", ("10.0.0.0/8",), False),
        ("::ffff:10.1.2.3", ("10.0.0.0/8",), True),
        ("10.1.2.3", ("::ffff:10.0.0.0/104",), True),
        ("10.1.2.3", ("::/0",), False),
        ("2001:db8::1", ("2001:db8::/32",), True),
        ("2001:db9::1", ("2001:db8::/32", "10.0.0.0/8"), False),
        ("fe80::1%eth0", ("fe80::/10",), True),
        ("1.2.3.4", ("1.2.3.4",), True),
        ("1.2.3.4", ("0.0.0.0/0",), True),
        ("1.2.3.4", (), False),
    ],
)
def test_who_is_inside(text, networks, inside):
    """IPv4, IPv6, mapped addresses, zones, single addresses and everything."""
    address = address_of(text)
    assert address is not None
    assert (address in Networks(networks)) is inside


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4/8", "::g", "/run/socket"])
def test_what_is_no_address(text):
    """It is in no network, because it is nowhere."""
    assert address_of(text) is None


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), max_size=5), st.integers(0, 2**32 - 1))
def test_it_says_what_the_standard_library_says(given_networks, number):
    """Looking at lengths only gives the same answer as looking at each network."""
    networks = [ipaddress.ip_network((base, length), strict=False) for base, length in given_networks]
    address = ipaddress.IPv4Address(number)
    assert (address in Networks(map(str, networks))) is any(address in network for network in networks)
