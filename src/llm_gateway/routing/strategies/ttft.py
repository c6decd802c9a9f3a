"""The least time to the first token.

As with latency, what was measured long ago counts less, and who was never measured is taken to be as fast as the fastest: it is
tried first while nothing runs there, and not by everyone at once.
"""

from __future__ import annotations

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.features import Features
from llm_gateway.routing.strategies.base import Ranked, spread

HALVING = 60.0
"""Seconds without a new measurement after which a time counts half."""


def rank(lineup: Lineup, features: Features) -> Ranked:
    return spread(lineup, times_of(lineup, features.at), features.seed)


def times_of(lineup: Lineup, at: float) -> list[float]:
    """Seconds to the first token that may be expected of each; 1.0 for all if nobody was ever measured."""
    horizon = (at + HALVING) / HALVING
    times = [one.ttft / (horizon - one.latency_at / HALVING) for one in lineup.standings]
    if 0.0 not in times:
        return times
    fastest = min(filter(None, times), default=1.0)
    return [time or fastest * (one.running + 1) for time, one in zip(times, lineup.standings, strict=True)]


def terms(lineup: Lineup, features: Features, position: int) -> dict[str, float]:
    one = lineup.standings[position]
    return {
        "ttft": one.ttft,
        "age": max(0.0, features.at - one.latency_at) if one.latency_at else 0.0,
        "running": float(one.running),
    }
