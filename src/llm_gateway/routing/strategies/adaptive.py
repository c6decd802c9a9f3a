"""Thompson sampling (Thompson 1933): everyone's chances and speed are drawn from what is believed of them; the best draw wins.

Who is known well is drawn near its average, who is known little is drawn widely and so gets tries. A draw of the chance of
success is one of Beta(1 + good, 1 + bad), by its odds: their logarithm is drawn from the logistic distribution that has the
Beta's median (Kerman 2011) and its spread, which is exact where nothing is known and close where much is. What is minimised is
the time until an answer is there: latency and load, divided by the chance to have one.
"""

from __future__ import annotations

from math import exp, log, pi, sqrt
from operator import truediv

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.draws import digest, order_of
from llm_gateway.routing.features import Features
from llm_gateway.routing.strategies.base import Ranked

DOUBT = 0.7
"""How far from its average the latency of somebody who was measured once is drawn at most, as a share of it."""
_MEDIAN = 2.0 / 3.0
_PRIOR = 6.0 / pi**2
"""1/_PRIOR + 1/_PRIOR is pi squared / 3, the variance of the log odds of a chance of which nothing is known."""
_UNIT_VARIANCE = sqrt(3) / pi
_LOGITS = tuple(_UNIT_VARIANCE * log((byte + 0.5) / (255.5 - byte)) for byte in range(256))
"""The logistic distribution with a variance of 1, by the 256 values of a drawn byte."""
_EVENLY = tuple(DOUBT * ((byte + 0.5) / 128 - 1) for byte in range(256))


def rank(lineup: Lineup, features: Features) -> Ranked:
    standings = lineup.standings
    drawn = digest(features.seed)
    for block in range(1, -(-2 * len(standings) // len(drawn))):
        drawn += digest(features.seed, block)
    fastest = min(filter(None, [one.latency for one in standings]), default=1.0)
    scores = []
    for one, u, v in zip(standings, drawn[::2], drawn[1::2], strict=False):
        good, bad = one.good, one.bad
        # One through the chance of success is 1 + the odds of failing.
        odds = (bad + _MEDIAN) / (good + _MEDIAN) * exp(_LOGITS[u] * sqrt(1 / (good + _PRIOR) + 1 / (bad + _PRIOR)))
        scores.append((1 + odds) * (1 + _EVENLY[v] / (1 + good)) * (one.latency or fastest) * (one.running + 1))
    if not lineup.even:
        scores = list(map(truediv, scores, lineup.shares))
    return order_of(scores), scores


def terms(lineup: Lineup, features: Features, position: int) -> dict[str, float]:  # noqa: ARG001 - every strategy is asked alike
    one = lineup.standings[position]
    return {
        "good": one.good,
        "bad": one.bad,
        "latency": one.latency,
        "running": float(one.running),
        "weight": lineup.candidates[position].weight,
    }
