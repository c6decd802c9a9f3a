"""Drawn by weight, or without regard to it."""

from __future__ import annotations

import pytest

from routing_support import candidate_of, candidates_of, firsts

UNEVEN = [candidate_of("a/m", weight=1.0), candidate_of("b/m", weight=3.0), candidate_of("c/m", weight=6.0)]


@pytest.mark.parametrize(("strategy", "shares"), [("weighted", (0.1, 0.3, 0.6)), ("random", (1 / 3, 1 / 3, 1 / 3))])
def test_shares_over_many_seeds(strategy, shares):
    """weighted keeps to the weights, random does not look at them."""
    found = firsts(strategy, UNEVEN, 10_000)
    assert [found[name] / 10_000 for name in ("a/m", "b/m", "c/m")] == pytest.approx(shares, abs=0.02)


@pytest.mark.parametrize("strategy", ["weighted", "random"])
def test_many_equals_share_alike(strategy):
    """Twenty candidates: more than one digest of random numbers has."""
    found = firsts(strategy, candidates_of(20), 10_000)
    assert len(found) == 20
    assert all(abs(many - 500) < 130 for many in found.values())
