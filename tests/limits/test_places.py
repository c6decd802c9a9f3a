"""Places."""

from __future__ import annotations

from limits_support import meter
from llm_gateway.limits.places import SOON, PlaceCell


def test_so_many_at_once():
    """Two places: the third waits until one is free."""
    two = meter("concurrent", 2, 0.0)
    cell = PlaceCell()
    assert [cell.take(two, 1, 0.0, 0.0) for _ in range(3)] == [True, True, False]
    assert cell.state(two, 1, 0.0, 0.0) == (0, 2, 0, SOON, SOON)
    cell.settle(two, 1, 1, 0.0, 0.0)
    assert cell.take(two, 1, 0.0, 0.0)


def test_a_smaller_limit_holds_at_once():
    """With one place instead of two nobody comes in before both are free."""
    two, one = meter("concurrent", 2, 0.0), meter("concurrent", 1, 0.0)
    cell = PlaceCell()
    cell.take(two, 1, 0.0, 0.0)
    cell.take(two, 1, 0.0, 0.0)
    assert cell.state(one, 1, 0.0, 0.0).left == 0
    cell.settle(two, 1, 1, 0.0, 0.0)
    assert not cell.take(one, 1, 0.0, 0.0)
    cell.settle(two, 1, 1, 0.0, 0.0)
    assert cell.idle(0.0, 0.0)
    assert cell.take(one, 1, 0.0, 0.0)
