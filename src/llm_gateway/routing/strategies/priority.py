"""As written."""

from __future__ import annotations

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.features import Features
from llm_gateway.routing.strategies.base import Ranked


def rank(lineup: Lineup, features: Features) -> Ranked:  # noqa: ARG001 - every strategy is asked alike
    return range(len(lineup.candidates)), None


def terms(lineup: Lineup, features: Features, position: int) -> dict[str, float]:  # noqa: ARG001 - every strategy is asked alike
    return {"place": float(position)}
