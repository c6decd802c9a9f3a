"""The fewest requests under way, for its weight."""

from __future__ import annotations

from collections import Counter

import pytest

from llm_gateway.routing.draws import mix
from routing_support import candidate_of, ranked


def test_the_least_loaded_first():
    """By running requests, and with weights by running requests per weight."""
    loads = [("a/m", 4, 1.0), ("b/m", 2, 1.0), ("c/m", 6, 4.0)]
    even = [candidate_of(name, {"running": running}) for name, running, _ in loads]
    mixed = [candidate_of(name, {"running": running}, weight=weight) for name, running, weight in loads]
    assert ranked("least_connections", even) == ["b/m", "a/m", "c/m"]
    assert ranked("least_connections", mixed) == ["c/m", "b/m", "a/m"]


def test_what_never_ends_is_spread_by_weight():
    """Requests that pile up stand in the proportions of the weights."""
    candidates = [candidate_of("a/m", weight=1.0), candidate_of("b/m", weight=3.0)]
    found: Counter[str] = Counter()
    for seed in range(400):
        first = ranked("least_connections", candidates, seed=mix(seed))[0]
        found[first] += 1
        next(one for one in candidates if one.name == first).standing.running += 1
    assert found["b/m"] / 400 == pytest.approx(0.75, abs=0.01)
