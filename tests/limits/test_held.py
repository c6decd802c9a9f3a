"""What one request holds."""

from __future__ import annotations

from math import inf

from limits_support import Limited, caller, rpm
from llm_gateway.config.schema import Allowance, Rate
from llm_gateway.limits.held import Held


def test_more_is_asked_for_when_it_is_due_and_not_before():
    """A stream's next 256 tokens, when what was reserved is written; of a whole answer nothing is ever due."""
    limited = Limited()
    who = caller(Allowance(tokens=Rate(minute=10**6)))
    held = limited.hold(who, stream=True).hold
    assert held.due == 200_000
    assert held.more(199_999) is None
    assert (held.output, held.due) == (1000, 200_000)
    assert held.more(200_000) is None
    assert (held.output, held.due) == (1256, 251_200)
    assert limited.hold(who).hold.due == inf


def test_where_nothing_is_guessed_nothing_is_due():
    """Requests alone need no top-up; what is over wants none."""
    limited = Limited()
    ex = limited.hold(caller(rpm(5)), stream=True)
    assert ex.hold.more(10**9) is None
    limited.settle(ex)
    assert ex.hold.more(10**9) is None


def test_what_was_never_answered_has_nothing_to_tell():
    """The book could not be reached: no lines, and nothing to settle."""
    limited = Limited()
    held = Held(limited.limiter, "a", [], [])
    assert held.lines() == b""
    assert held.done


def test_no_more_is_reserved_than_the_caller_wants():
    """A stream of at most 40 tokens holds those; only one that is twice as long as asked for reserves on."""
    limited = Limited()
    held = limited.hold(caller(Allowance(tokens=Rate(minute=10**6))), stream=True, most_output=40).hold
    assert held.output == 40
    assert held.more(int(held.due)) is None
    assert (held.output, held.due) == (40, 16_000)
    assert held.more(16_001) is None
    assert held.output > 256
