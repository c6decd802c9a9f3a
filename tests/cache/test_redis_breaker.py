"""When Redis is left alone."""

from __future__ import annotations

from llm_gateway.cache.redis_breaker import FAILURES, PAUSE, Breaker


def test_repeated_failures_end_it_for_a_while() -> None:
    """So many in a row; one that goes well in between begins the count anew."""
    breaker = Breaker()
    for _ in range(FAILURES - 1):
        breaker.failed(0.0)
    breaker.well()
    for _ in range(FAILURES - 1):
        breaker.failed(0.0)
    assert breaker.lets(0.0)
    breaker.failed(0.0)
    assert not breaker.lets(PAUSE - 0.01)


def test_one_tries_after_it() -> None:
    """Only one in each pause, and all of them once that went well; a failure is another pause."""
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.failed(0.0)
    assert [breaker.lets(PAUSE) for _ in range(3)] == [True, False, False]
    breaker.failed(PAUSE + 1)
    assert not breaker.lets(2 * PAUSE)
    assert breaker.lets(2 * PAUSE + 1)
    assert breaker.is_open
    breaker.well()
    assert [breaker.lets(2 * PAUSE + 1) for _ in range(3)] == [True] * 3
