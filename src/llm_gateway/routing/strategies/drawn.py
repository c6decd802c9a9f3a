"""Drawn from the seed: by weight, or without regard to it. The places of failover are drawn so too."""

from __future__ import annotations

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.draws import by_weight, shorts
from llm_gateway.routing.features import Features
from llm_gateway.routing.strategies.base import Ranked


def weighted(lineup: Lineup, features: Features) -> Ranked:
    return uniform(lineup, features) if lineup.even else (by_weight(features.seed, lineup.cumulative), None)


def uniform(lineup: Lineup, features: Features) -> Ranked:
    count = len(lineup.candidates)
    return sorted(range(count), key=shorts(features.seed, count).__getitem__), None


def terms(lineup: Lineup, features: Features, position: int) -> dict[str, float]:  # noqa: ARG001 - every strategy is asked alike
    candidate = lineup.candidates[position]
    return {"weight": candidate.weight, "share": lineup.shares[position] / sum(lineup.shares)}
