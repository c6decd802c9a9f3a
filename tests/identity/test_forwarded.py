"""Whose request it is when proxies stand in between."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.identity.forwarded import client_of
from llm_gateway.identity.networks import Networks

TRUSTED = Networks(("10.0.0.0/8", "fd00::/8"))
PEER = ipaddress.ip_address("10.0.0.1")


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("1.1.1.1, 203.0.113.9", "203.0.113.9"),
        ("1.1.1.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("10.0.0.9, 10.0.0.7", "10.0.0.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, unknown", "10.0.0.1"),
        ("203.0.113.9, unknown, 10.0.0.7", "10.0.0.7"),
        ("", "10.0.0.1"),
        (",,,", "10.0.0.1"),
        ("<script>", "10.0.0.1"),
    ],
)
def test_the_last_address_that_is_no_proxys(said, client):
    """What the client itself wrote stands before it and is never reached."""
    assert str(client_of(PEER, said, TRUSTED, standard=False)) == client


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ("for=203.0.113.9", "203.0.113.9"),
        ('For="[2001:db8::1]:4711";proto=https;by=10.0.0.1', "2001:db8::1"),
        ("for=1.1.1.1, for=203.0.113.9;by=1.2.3.4, for=10.0.0.7", "203.0.113.9"),
        ("for=203.0.113.9, for=_hidden", "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
        ("by=203.0.113.9", "10.0.0.1"),
    ],
)
def test_the_standard_header(said, client):
    """Forwarded, with its quotes, ports and obfuscated names (RFC 7239)."""
    assert str(client_of(PEER, said, TRUSTED, standard=True)) == client


@given(st.text(max_size=500), st.booleans())
def test_whatever_is_said_an_address_comes_out(said, standard):
    """Nothing in the header ends in an error."""
    client_of(PEER, said, TRUSTED, standard=standard)


def test_a_long_list_is_not_walked_to_its_end():
    """The 32 last hops are looked at."""
    said = ", ".join(["203.0.113.9"] + ["10.0.0.2"] * 5000)
    assert str(client_of(PEER, said, TRUSTED, standard=False)) == "10.0.0.2"
