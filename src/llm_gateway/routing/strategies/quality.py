"""The highest quality tier; of several that are equally good, one by weight."""

from __future__ import annotations

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.features import Features
from llm_gateway.routing.strategies.base import Ranked, spread


def rank(lineup: Lineup, features: Features) -> Ranked:
    return spread(lineup, [-candidate.quality for candidate in lineup.candidates], features.seed)


def terms(lineup: Lineup, features: Features, position: int) -> dict[str, float]:  # noqa: ARG001 - every strategy is asked alike
    candidate = lineup.candidates[position]
    return {"quality": candidate.quality, "weight": candidate.weight}
