"""Cookies: what counts of what a browser sends."""

from __future__ import annotations

import pytest

from llm_gateway.control.signin import cookies


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (b"gateway_session=abc", "abc"),
        (b"a=b; gateway_session=abc;c=d", "abc"),
        (b"a=b, gateway_session=abc", "abc"),
        (b"gateway_session=abc; gateway_session=abc", "abc"),
        (b"gateway_session=abc; gateway_session=def", ""),
        (b"Gateway_session=abc", ""),
        (b"gateway_session=", ""),
        (b'gateway_session="abc"', ""),
        (b"gateway_session=a b", ""),
        (b"__Host-gateway_session=abc", ""),
        (b"\xff\xfe=; gateway_session=abc", "abc"),
        (b"gateway_session=" + b"a" * 5000, ""),
        (b"", ""),
    ],
)
def test_one_of_ours_is_found(header, value):
    """By its whole name, once: two that differ are none, because one of them is somebody else's."""
    assert cookies.found(header, cookies.SESSION, secure=False) == value


def test_over_https_only_the_hosts_own_counts():
    """The name that begins with __Host- cannot be set by a neighbour."""
    header = b"gateway_session=planted; __Host-gateway_session=mine"
    assert cookies.found(header, cookies.SESSION, secure=True) == "mine"
    assert cookies.clear_line(cookies.SESSION, secure=True)[1].startswith(b"__Host-gateway_session=; Path=/; Max-Age=0;")
