"""Who has the fewest requests under way for its weight."""

from __future__ import annotations

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.features import Features
from llm_gateway.routing.strategies.base import Ranked, spread


def rank(lineup: Lineup, features: Features) -> Ranked:
    scores: list[float] = [one.running for one in lineup.standings]
    if not lineup.even:
        scores = [running / share for running, share in zip(scores, lineup.shares, strict=True)]
    return spread(lineup, scores, features.seed)


def terms(lineup: Lineup, features: Features, position: int) -> dict[str, float]:  # noqa: ARG001 - every strategy is asked alike
    return {"running": float(lineup.standings[position].running), "weight": lineup.candidates[position].weight}
