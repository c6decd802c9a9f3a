"""Meters, sorted by what they count."""

from __future__ import annotations

from limits_support import meter
from llm_gateway.limits.plan import COST, OUTPUT, TOTAL, Part


def test_what_is_known_before_and_what_after():
    """Requests and places are one each, streams only for streams; tokens and money have their place among the amounts, and no more
    of a rate is reserved than its burst.
    """
    requests, places, streams = meter(), meter("concurrent", 2, 0.0), meter("streams", 1, 0.0)
    tokens, output, money = meter("tokens", 100, burst=50), meter("output_tokens", 70), meter("cost", 9, 0.0, calendar="day")
    part = Part([requests, places, streams, tokens, output, money])
    assert part.always == ((requests, 1), (places, 1))
    assert part.streaming == ((requests, 1), (places, 1), (streams, 1))
    assert part.measured[:2] == ((tokens, TOTAL, 50), (output, OUTPUT, 70))
    assert part.measured[2][:2] == (money, COST)
    assert part.measured[2][2] > 10**18


def test_nothing_is_nothing():
    """A part without meters is empty."""
    assert not Part([])
    assert Part([meter("streams", 1, 0.0)])
