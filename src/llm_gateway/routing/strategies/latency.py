"""Power of two choices (Mitzenmacher 2001): of two drawn candidates the one with less latency times load (peak-EWMA).

The best of all would be everyone's choice at once, here and in every other worker; of two drawn ones the better is nearly as good
and no herd follows it. Latency that was not measured for a while counts less and less, so that who was slow is tried again. Who
was never measured is taken to be as fast as the fastest, with its load counted: it gets a try, and not all the traffic.
"""

from __future__ import annotations

from operator import truediv

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.draws import order_of, pair
from llm_gateway.routing.features import Features
from llm_gateway.routing.strategies.base import Ranked

HALVING = 10.0
"""Seconds without a new measurement after which a latency counts half."""


def rank(lineup: Lineup, features: Features) -> Ranked:
    loads = loads_of(lineup, features.at)
    order = order_of(loads)
    if len(order) > 1:
        one, other = pair(features.seed, len(order))
        winner = one if loads[one] <= loads[other] else other
        if order[0] != winner:
            order.remove(winner)
            order.insert(0, winner)
    return order, loads


def loads_of(lineup: Lineup, at: float) -> list[float]:
    """Seconds that a request may be expected to wait at each, for its weight."""
    standings = lineup.standings
    horizon = (at + HALVING) / HALVING
    loads = [one.latency / (horizon - one.latency_at / HALVING) * (one.running + 1) for one in standings]
    if 0.0 in loads:
        loads = _with_newcomers(lineup, loads)
    return loads if lineup.even else list(map(truediv, loads, lineup.shares))


def _with_newcomers(lineup: Lineup, loads: list[float]) -> list[float]:
    running = [one.running + 1 for one in lineup.standings]
    fastest = min((load / many for load, many in zip(loads, running, strict=True) if load), default=1.0)
    return [load or fastest * many for load, many in zip(loads, running, strict=True)]


def terms(lineup: Lineup, features: Features, position: int) -> dict[str, float]:
    one = lineup.standings[position]
    return {
        "latency": one.latency,
        "age": max(0.0, features.at - one.latency_at) if one.latency_at else 0.0,
        "running": float(one.running),
        "weight": lineup.candidates[position].weight,
    }
