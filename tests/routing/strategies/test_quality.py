"""The highest quality tier."""

from __future__ import annotations

import pytest

from routing_support import candidate_of, firsts, ranked


def test_the_best_first():
    """Higher is better, and the order goes down by quality."""
    candidates = [candidate_of("a/m", quality=1.0), candidate_of("b/m", quality=3.0), candidate_of("c/m", quality=2.0)]
    assert ranked("highest_quality", candidates) == ["b/m", "c/m", "a/m"]


def test_equals_share_by_weight():
    """Two of the same tier split their load, the lower one gets none."""
    candidates = [
        candidate_of("a/m", quality=2.0, weight=3.0),
        candidate_of("b/m", quality=2.0),
        candidate_of("c/m", quality=1.0),
    ]
    found = firsts("highest_quality", candidates, 4000)
    assert found["a/m"] / 4000 == pytest.approx(0.75, abs=0.03)
    assert found["c/m"] == 0
