"""The lowest expected cost of this request; prices that are not known come last. Equal ones share by weight."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.cost import UNSAID_OUTPUT
from llm_gateway.routing.features import Features
from llm_gateway.routing.strategies.base import Ranked, spread

ALIKE = 1.6
"""Answers that are on average no longer or shorter than the others' by this factor are taken to be as long: an average of the
last few is off by a fifth as often as not, and would decide between equal prices, or even against a lower one.
"""


def rank(lineup: Lineup, features: Features) -> Ranked:
    return spread(lineup, costs_of(lineup, features), features.seed)


def costs_of(lineup: Lineup, features: Features) -> list[float]:
    """A million times the nano-dollars of this request (routing.cost.expected_cost, but not rounded); inf: not known.

    A prompt that nobody counted counts nothing: what is left to compare are the prices of output.
    """
    tokens = max(features.tokens, 0)
    outputs = outputs_of(lineup, features)
    costs = [tokens * fresh + output * out for (fresh, _, out), output in zip(lineup.prices, outputs, strict=True)]
    if features.cached:
        discount(costs, lineup, features)
    for place in lineup.unpriced:
        costs[place] = inf
    return costs


def outputs_of(lineup: Lineup, features: Features) -> Sequence[float]:
    """Output tokens that are expected of each: as many as of all on average, where its own answers were not much longer or
    shorter. Who has not answered yet is taken to be like the others, so that a cheaper newcomer is asked and not shunned.
    """
    limit = features.output
    outputs: list[float] = [one.output for one in lineup.standings]
    known = [output for output in outputs if output]
    if known:
        usual = sum(known) / len(known)
        most, least = usual * ALIKE, usual / ALIKE
        outputs = [output if output > most or 0.0 < output < least else usual for output in outputs]
    else:
        usual = float(limit if limit >= 0 else UNSAID_OUTPUT)
        outputs = [usual] * len(outputs)
    if 0 <= limit < max(outputs):
        outputs = [min(output, limit) for output in outputs]
    if 0 < lineup.least_output < max(outputs):
        limits = [candidate.max_output for candidate in lineup.candidates]
        outputs = [min(output, limit) if limit else output for output, limit in zip(outputs, limits, strict=True)]
    return outputs


def discount(costs: list[float], lineup: Lineup, features: Features) -> None:
    """Take off what is cheaper for the tokens that are expected to be cached."""
    places, prices, tokens = lineup.places, lineup.prices, max(features.tokens, 0)
    for name, cached in features.cached.items():
        place = places.get(name)
        if place is not None:
            costs[place] -= min(cached, tokens) * prices[place][1]


def terms(lineup: Lineup, features: Features, position: int) -> dict[str, float]:
    candidate = lineup.candidates[position]
    found = {
        "tokens": float(features.tokens),
        "cached": float(features.cached.get(candidate.name, 0)),
        "output": float(outputs_of(lineup, features)[position]),
    }
    if candidate.rates is not None:
        found |= dict(zip(("rate_input", "rate_cached", "rate_output"), map(float, candidate.rates), strict=True))
    return found
