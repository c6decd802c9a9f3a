"""As written."""

from __future__ import annotations

from routing_support import candidates_of, ranked


def test_the_order_is_the_configured_one():
    """Nothing changes it, not even weights."""
    candidates = candidates_of(5, even=False)
    assert ranked("priority", candidates, seed=7, turn=3) == [candidate.name for candidate in candidates]
