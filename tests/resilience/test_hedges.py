"""What is at stake when a request is asked twice (races themselves: test_dispatch.py, test_hedging.py)."""

from __future__ import annotations

import pytest

from dispatching import exchange
from llm_gateway.core.chat import ChatRequest, Message, Text
from llm_gateway.core.clock import FakeClock
from llm_gateway.resilience.hedges import Stakes, stakes_of
from llm_gateway.routing.candidate import Rates
from routed import candidate

CHEAP, DEAR = Rates((100, 10, 400)), Rates((300, 30, 1500))


@pytest.mark.parametrize(
    ("stream", "prices", "expected"),
    [
        (True, (CHEAP, DEAR), Stakes(1004, 1004 * 100 + 50 * 400, 1004 * 300)),
        (False, (CHEAP, DEAR), Stakes(1004, 1004 * 100 + 50 * 400, 1004 * 300 + 50 * 1500)),
        (True, (None, DEAR), Stakes(1004, 1004 + 50 * 4, 1004)),
        (True, (CHEAP, Rates((0, 0, 0))), Stakes(1004, 1004 + 50 * 4, 1004)),
    ],
)
def test_a_second_attempt_costs_its_prompt(stream, prices, expected):
    """A stream's loser ends at the winner's first content, a whole answer may be written twice; where a price is not known, or
    nothing is paid, tokens stand for money.
    """
    first, second = (candidate(name, rates=rates) for name, rates in zip("ab", prices, strict=True))
    ex = exchange(FakeClock(), stream=stream)
    ex.request = ChatRequest("m", (Message("user", (Text("x" * 4000),)),), max_tokens=50)
    assert stakes_of(ex, first, second) == expected


def test_what_answers_were_like_tells_their_length():
    """Not the caller's limit, which is often far above it."""
    first, second = candidate("a", rates=CHEAP), candidate("b", rates=CHEAP)
    first.standing.output = 20.0
    ex = exchange(FakeClock(), stream=True)
    ex.request = ChatRequest("m", (Message("user", (Text("x" * 4000),)),), max_tokens=4000)
    assert stakes_of(ex, first, second).whole == 1004 * 100 + 20 * 400
