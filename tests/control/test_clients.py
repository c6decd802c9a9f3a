"""Whose request it is at the operators' port, with proxies in front of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llm_gateway.config.schema.access import Access
from llm_gateway.control.clients import ClientAddresses

PROXIES = Access(trusted_proxies=("10.0.0.0/8",))


def client(access: Access | None, peer: str | None, *headers: tuple[bytes, bytes]) -> Any:
    """The address that what stands behind the layer sees."""
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["client"])

    scope = {"type": "http", "client": None if peer is None else (peer, 7), "headers": list(headers)}
    asyncio.run(ClientAddresses(app, lambda: access)(scope, None, None))
    return seen[0] and seen[0][0]


@pytest.mark.parametrize(
    ("access", "peer", "said", "wanted"),
    [
        (PROXIES, "10.0.0.1", b"203.0.113.9", "203.0.113.9"),
        (PROXIES, "10.0.0.1", b"6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (PROXIES, "192.0.2.1", b"203.0.113.9", "192.0.2.1"),
        (PROXIES, "10.0.0.1", b"unknown", "10.0.0.1"),
        (PROXIES, "10.0.0.1", b"1.1.1.1," * 600, "10.0.0.1"),
        (Access(), "10.0.0.1", b"203.0.113.9", "10.0.0.1"),
        (None, "10.0.0.1", b"203.0.113.9", "10.0.0.1"),
        (PROXIES, None, b"203.0.113.9", None),
    ],
    ids=["proxy", "chain", "stranger", "unreadable", "too_long", "nobody_trusted", "nothing_known", "socket"],
)
def test_a_trusted_proxy_is_believed_and_nobody_else(access: Access | None, peer: str | None, said: bytes, wanted: str | None):
    """The first address from behind that is no trusted proxy's; whoever else says something is not heard."""
    assert client(access, peer, (b"x-forwarded-for", said)) == wanted


def test_several_lines_are_one_and_forwarded_is_read_where_it_is_asked_for():
    """RFC 9110 5.3: fields of one name are joined; of the two headers only the configured one counts."""
    lines = ((b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-for", b"10.0.0.3"))
    assert client(PROXIES, "10.0.0.1", *lines) == "203.0.113.9"
    standard = Access(trusted_proxies=("10.0.0.0/8",), header="Forwarded")
    assert client(standard, "10.0.0.1", *lines) == "10.0.0.1"
    assert client(standard, "10.0.0.1", (b"forwarded", b'for="[2001:db8::1]:4";proto=https')) == "2001:db8::1"
