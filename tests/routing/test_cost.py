"""What a request may be expected to cost."""

from __future__ import annotations

from typing import Any

import pytest

from llm_gateway.routing.candidate import Leg
from llm_gateway.routing.cost import UNSAID_OUTPUT, cheapest, expected_cost, expected_output
from llm_gateway.routing.features import Features
from llm_gateway.routing.route import Route
from routing_support import candidate_of

RATES = (2_000_000_000, 500_000_000, 8_000_000_000)
"""2, 0.50 and 8 dollars for a million tokens."""


def request(**facts: Any) -> Features:
    return Features("m", 0.0, 0.0, 0, **facts)


@pytest.mark.parametrize(
    ("learned", "limit", "most", "expected"),
    [
        (0.0, -1, 0, UNSAID_OUTPUT),
        (0.0, 300, 0, 300),
        (0.0, 0, 0, 0),
        (250.2, -1, 0, 251),
        (250.0, 300, 0, 250),
        (250.0, 100, 0, 100),
        (0.0, -1, 512, 512),
        (0.0, 4000, 512, 512),
    ],
)
def test_expected_output(learned: float, limit: int, most: int, expected: int) -> None:
    """What answers there had lately, else the caller's limit, else a default; never above what is allowed or possible."""
    candidate = candidate_of("p/m", {"output": learned}, max_output=most)
    assert expected_output(candidate, request(output=limit)) == expected


def test_fresh_cached_and_output_tokens_each_at_their_rate() -> None:
    """Whole nano-dollars, rounded to the nearest."""
    candidate = candidate_of("p/m", {"output": 100.0}, rates=RATES)
    assert expected_cost(candidate, request(tokens=1000)) == 1000 * 2000 + 100 * 8000
    assert expected_cost(candidate, request(tokens=1000, cached={"p/m": 400})) == 600 * 2000 + 400 * 500 + 100 * 8000
    assert expected_cost(candidate, request(tokens=1000, cached={"p/m": 5000})) == 1000 * 500 + 100 * 8000
    assert expected_cost(candidate, request(tokens=1000, cached={"other/m": 400})) == 1000 * 2000 + 100 * 8000
    assert expected_cost(candidate_of("p/m", rates=(1, 0, 0)), request(tokens=1_500_000)) == 2


def test_what_is_not_known_has_no_cost() -> None:
    """No prices, or nobody counted the prompt; free is a price."""
    assert expected_cost(candidate_of("p/m"), request(tokens=5)) is None
    assert expected_cost(candidate_of("p/m", rates=RATES), request()) is None
    assert expected_cost(candidate_of("p/m", rates=(0, 0, 0)), request(tokens=5)) == 0


def test_the_cheapest_of_a_route() -> None:
    """Over all legs, those without prices left out."""
    first, second, third = candidate_of("p/m", rates=RATES), candidate_of("p/n", rates=(1_000_000, 0, 0)), candidate_of("p/o")
    route = Route("r", (Leg("r", (first, third)), Leg("s", (second,))), 0, 60.0)
    assert cheapest(route, request(tokens=1000, output=0)) == 1000
    assert cheapest(Route("r", (Leg("r", (third,)),), 0, 60.0), request(tokens=1000)) is None
