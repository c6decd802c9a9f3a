"""Where Redis is, as people write it."""

from __future__ import annotations

import pytest

from llm_gateway.redis.address import parse_address


def test_forms() -> None:
    """TCP with and without its parts, percent-encoded credentials, and a socket."""
    plain = parse_address("redis://cache")
    assert (plain.host, plain.port, plain.database, plain.user, plain.password, plain.tls) == ("cache", 6379, 0, "", "", None)
    full = parse_address("redis://me:p%40ss@[::1]:7000/4")
    assert (full.host, full.port, full.database, full.user, full.password) == ("::1", 7000, 4, "me", "p@ss")
    assert "p@ss" not in repr(full) + full.shown
    socket = parse_address("unix:///run/redis.sock?db=2")
    assert (socket.path, socket.database) == ("/run/redis.sock", 2)
    assert parse_address("rediss://cache").tls is not None


@pytest.mark.parametrize("url", ["http://cache", "redis://", "unix://", "redis://cache/one", "redis://:pw@cache:99999/0"])
def test_refused_without_repeating_it(url: str) -> None:
    """What cannot be an address is refused, and a password in it is not shown."""
    with pytest.raises(ValueError) as told:
        parse_address(url)
    assert "pw" not in str(told.value)
