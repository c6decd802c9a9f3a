"""What a request may be expected to cost at a candidate, in nano-dollars: for rules, filters and strategies alike."""

from __future__ import annotations

from math import ceil

from llm_gateway.routing.candidate import Candidate
from llm_gateway.routing.features import Features
from llm_gateway.routing.route import Route

UNSAID_OUTPUT = 1000
"""Output tokens expected where neither earlier answers nor the caller tell."""
_PER = 1_000_000


def expected_output(candidate: Candidate, features: Features) -> int:
    """Output tokens: what answers there had lately, else the caller's limit, else UNSAID_OUTPUT; never above either limit."""
    limit = features.output
    learned = candidate.standing.output
    expected = ceil(learned) if learned > 0 else limit if limit >= 0 else UNSAID_OUTPUT
    if 0 <= limit < expected:
        expected = limit
    return min(expected, candidate.max_output) if candidate.max_output else expected


def expected_cost(candidate: Candidate, features: Features) -> int | None:
    """Nano-dollars; None if the prices are not known or nobody counted the prompt."""
    rates, tokens = candidate.rates, features.tokens
    if rates is None or tokens < 0:
        return None
    cached = min(features.cached.get(candidate.name, 0), tokens) if features.cached else 0
    fresh_rate, cached_rate, output_rate = rates
    total = (tokens - cached) * fresh_rate + cached * cached_rate + expected_output(candidate, features) * output_rate
    return (total + _PER // 2) // _PER


def cheapest(route: Route, features: Features) -> int | None:
    """The least that any candidate of the route may be expected to cost; None if that is known of none."""
    costs = [cost for candidate in route.everyone if (cost := expected_cost(candidate, features)) is not None]
    return min(costs, default=None)
