"""Wrong credentials again and again."""

from __future__ import annotations

from llm_gateway.config.schema import Lockout as Settings
from llm_gateway.config.values import Duration
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import RateLimited, Unauthenticated
from llm_gateway.identity.lockout import Lockout

REFUSAL = Unauthenticated("no")


def made(**settings: int) -> tuple[Lockout, FakeClock, list[tuple[str, int]]]:
    clock, told = FakeClock(), []
    lockout = Lockout(clock, lambda source, failures: told.append((source, failures)))
    lockout.configure(Settings(**settings))
    return lockout, clock, told


def statuses(lockout: Lockout, peer: str, count: int) -> list[int]:
    return [lockout.failed(peer, REFUSAL).status for _ in range(count)]


def test_more_than_five_failures_are_told_429():
    """The sixth in five minutes says when to come back, is told once to the audit log, and others are told 401 as before."""
    lockout, clock, told = made()
    assert statuses(lockout, "198.51.100.1", 8) == [401] * 5 + [429] * 3
    assert statuses(lockout, "198.51.100.2", 1) == [401]
    clock.advance(100)
    refusal = lockout.failed("198.51.100.1", REFUSAL)
    assert isinstance(refusal, RateLimited)
    assert refusal.retry_after == 200
    assert told == [("198.51.100.1", 6)]


def test_it_is_over_after_its_window():
    """Whoever goes on trying does not make it longer: five minutes after the first failure it begins anew."""
    lockout, clock, _ = made()
    statuses(lockout, "198.51.100.1", 50)
    clock.advance(301)
    assert statuses(lockout, "198.51.100.1", 6) == [401] * 5 + [429]


def test_an_ipv6_network_is_one_address():
    """Who has a /64 has many addresses, and one count."""
    lockout, _, _ = made()
    assert [lockout.failed(f"2001:db8::{n}", REFUSAL).status for n in range(1, 8)] == [401] * 5 + [429] * 2
    assert statuses(lockout, "2001:db8:0:1::1", 1) == [401]
    assert statuses(lockout, "::ffff:198.51.100.1", 6) == [401] * 5 + [429]


def test_loopback_is_never_locked_out():
    """Behind it may be a proxy, and so everybody; the same for a Unix socket."""
    lockout, _, _ = made()
    for peer in ("127.0.0.1", "::1", ""):
        assert statuses(lockout, peer, 20) == [401] * 20


def test_it_can_be_switched_off():
    """0 failures: all are answered 401."""
    assert statuses(made(failures=0)[0], "198.51.100.1", 50) == [401] * 50


def test_memory_is_bounded():
    """A flood from many addresses pushes the oldest out."""
    lockout, _, _ = made(addresses=3)
    statuses(lockout, "198.51.100.1", 5)
    for n in range(3):
        statuses(lockout, f"203.0.113.{n}", 1)
    assert len(lockout._known) == 3
    assert statuses(lockout, "198.51.100.1", 1) == [401]


def test_a_reload_changes_the_limits_and_keeps_the_counts():
    """Two more failures are allowed from now on; those before count."""
    lockout, _, _ = made()
    statuses(lockout, "198.51.100.1", 6)
    lockout.configure(Settings(failures=7, window=Duration(300)))
    assert statuses(lockout, "198.51.100.1", 2) == [401, 429]


def test_what_others_saw_counts_too():
    """Each failure is handed on until it is locked out here, and told of by whoever counts for all; without anybody there it is
    told of here.
    """
    shared, told, there = [], [], True

    def share(peer: str) -> bool:
        shared.append(peer)
        return there

    lockout = Lockout(FakeClock(), lambda source, failures: told.append((source, failures)), share)
    lockout.configure(Settings())
    assert statuses(lockout, "198.51.100.1", 9) == [401] * 5 + [429] * 4
    assert (shared, told) == (["198.51.100.1"] * 6, [])
    assert statuses(lockout, "127.0.0.1", 9) == [401] * 9
    there = False
    statuses(lockout, "198.51.100.2", 9)
    assert (len(shared), told) == (12, [("198.51.100.2", 6)])


def test_what_is_locked_out_elsewhere_is_locked_out_here():
    """Until it is over there: nobody asks again, and a network is locked out by one of its addresses."""
    lockout, clock, told = made()
    lockout.shut("2001:db8::1", 120.0)
    lockout.shut("127.0.0.1", 120.0)
    assert statuses(lockout, "2001:db8::2", 2) == [429] * 2
    assert lockout.left("2001:db8::3") == 120
    assert statuses(lockout, "127.0.0.1", 1) == [401]
    clock.advance(121)
    assert (statuses(lockout, "2001:db8::2", 1), lockout.left("2001:db8::2"), told) == ([401], 0, [])


def test_several_failures_are_counted_at_once():
    """As others tell them: for how long it is locked out is known then, and told once."""
    lockout, clock, told = made()
    assert lockout.count("198.51.100.1", 5) is None
    clock.advance(10)
    assert lockout.count("198.51.100.1", 3) == 290
    assert lockout.count("198.51.100.1", 3) == 290
    assert told == [("198.51.100.1", 8)]
