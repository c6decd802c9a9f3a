"""Lines that were made ready say what those say that are not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limits_support import Limited, budget, caller, meter, rpm
from llm_gateway.config.schema import Allowance, Limiting, Rate
from llm_gateway.core.clock import FakeClock
from llm_gateway.limits.answers import lines
from llm_gateway.limits.memory import MemoryBook
from llm_gateway.limits.meter import Charge
from llm_gateway.limits.telling import telling_of

RATES = st.builds(
    meter,
    st.sampled_from(["requests", "tokens", "fresh_tokens", "output_tokens"]),
    st.integers(1, 10**9),
    st.sampled_from([60.0, 3600.0, 86400.0]),
    burst=st.sampled_from([0, 1, 50, 10**6]),
    hard=st.booleans(),
)
OTHERS = st.sampled_from([meter("concurrent", 5, 0.0), meter("streams", 2, 0.0), meter("cost", 10**9, 0.0, calendar="month")])


@given(st.lists(RATES | OTHERS, min_size=1, max_size=7), st.integers(0, 2000), st.sampled_from([0.0, 0.001, 0.4, 7.0, 4000.0]))
def test_they_are_the_lines_that_are_made_from_states(meters, amount, waited):
    """Whatever is limited, however much of it is used up, and whenever it is told."""
    clock = FakeClock()
    book = MemoryBook(clock)
    charges = [Charge(one, amount if one.period else 1) for one in {one.key: one for one in meters}.values()]
    taken = book.take("a", charges, clock.now(), 60.0)
    telling = telling_of([one.meter for one in charges])
    assert (telling is None) == (not any(one.meter.period for one in charges))
    if telling is not None and taken.refused < 0:
        clock.advance(waited)
        assert telling(taken.states) == lines(charges, taken.states, clock.now())


def test_a_request_is_told_of_its_callers_limits():
    """Of a plan that is made once: what is left is that of the moment, and a stream's lines are of the same limits."""
    limited = Limited()
    who = caller(Allowance(concurrent=4, streams=2, requests=Rate(minute=60), tokens=Rate(minute=10**6)), budget(5))
    told = [limited.hold(who, stream=stream).hold for stream in (False, True)]
    for held in told:
        assert held.told is not None
        assert held.lines() == lines(held.charges, held.states, limited.clock.now())
        assert b"X-RateLimit-Remaining-Requests: 58\r\n" in held.lines()
        assert b"X-RateLimit-Limit-Tokens: 1000000\r\n" in held.lines()


def test_what_limits_this_request_alone_is_told_as_well():
    """A model's limit, which is tighter than the caller's: the lines that were made ready know nothing of it, and are not used."""
    limited = Limited(Limiting(models={"m": rpm(3)}))
    held = limited.hold(caller(rpm(50))).hold
    assert b"X-RateLimit-Limit: 3\r\nX-RateLimit-Remaining: 2\r\n" in held.lines()
    assert b"X-RateLimit-Limit: 50\r\n" in limited.hold(caller(rpm(50)), model="other").hold.lines()


def test_a_limit_that_was_changed_is_told_as_it_is_now():
    """Another configuration's larger limit goes on with the same counter; who came before it is told of its own."""
    limited = Limited()
    before = limited.hold(caller(rpm(10))).hold  # six seconds until it is back
    after = limited.hold(caller(rpm(100))).hold  # 0.6 seconds more
    assert after.lines().startswith(b"X-RateLimit-Limit: 100\r\nX-RateLimit-Remaining: 89\r\n")
    assert before.lines().startswith(b"X-RateLimit-Limit: 10\r\nX-RateLimit-Remaining: 8\r\n")
