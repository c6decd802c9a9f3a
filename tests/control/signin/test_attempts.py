"""Wrong passwords again and again."""

from __future__ import annotations

import pytest

from llm_gateway.config.schema.tokens import Lockout
from llm_gateway.config.values import Duration
from llm_gateway.control.signin.attempts import Attempts
from llm_gateway.core.clock import FakeClock

FIVE = Lockout(failures=5, window=Duration(300), addresses=3)


def tried(attempts: Attempts, login: str, peer: str, times: int = 5) -> None:
    for _ in range(times):
        assert attempts.begin(login, peer, FIVE) == 0.0


def test_after_so_many_one_waits_until_the_window_is_over():
    """The window begins with the first; then everything begins anew."""
    clock = FakeClock()
    attempts = Attempts(clock)
    tried(attempts, "ann", "192.0.2.1")
    assert attempts.last("ann", "192.0.2.1", FIVE)
    clock.advance(100)
    assert attempts.begin("ann", "192.0.2.1", FIVE) == pytest.approx(200)
    clock.advance(200)
    tried(attempts, "ann", "192.0.2.1")


def test_only_that_login_from_that_source_waits():
    """Another login, another address: nothing is known of them; a network of IPv6 is one source, and so is a mapped address."""
    attempts = Attempts(FakeClock())
    tried(attempts, "ann", "2001:db8::1")
    assert attempts.begin("ann", "2001:db8::ffff", FIVE)
    assert not attempts.begin("ann", "2001:db8:0:1::1", FIVE)
    assert not attempts.begin("bob", "2001:db8::1", FIVE)
    mapped = Attempts(FakeClock())
    tried(mapped, "ann", "::ffff:192.0.2.1")
    assert mapped.begin("ann", "192.0.2.1", FIVE)


def test_the_right_password_forgets_the_wrong_ones():
    """Who mistypes now and then is never locked out."""
    attempts = Attempts(FakeClock())
    for _ in range(4):
        tried(attempts, "ann", "192.0.2.1", 4)
        attempts.right("ann", "192.0.2.1")


def test_memory_is_bounded_and_the_limit_can_be_off():
    """The oldest is forgotten beyond `addresses`; failures: 0 counts nothing."""
    attempts = Attempts(FakeClock())
    tried(attempts, "ann", "192.0.2.1")
    for login in ("b", "c", "d"):
        tried(attempts, login, "192.0.2.1", 1)
    assert not attempts.begin("ann", "192.0.2.1", FIVE)
    off = Lockout(failures=0)
    assert not any(attempts.begin("x", "192.0.2.1", off) for _ in range(100))
    assert not attempts.last("x", "192.0.2.1", off)
