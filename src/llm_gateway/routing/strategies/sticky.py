"""A session stays where it is: rendezvous hashing (Thaler and Ravishankar 1998) with weights.

Everyone's place depends on the session and its own name alone, so that one candidate's leaving moves only its own sessions. Load
is bounded (Mirrokni, Thorup and Zadimoghaddam 2016): who runs more than 1.25 times its share is passed over until it has less.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.draws import BITS, anchor, mix, order_of
from llm_gateway.routing.features import Features
from llm_gateway.routing.strategies.base import Ranked

BOUND = 1.25
FREE = 4
"""Requests under way that are never too many: with few of them, chance alone is far from the mean."""
_WHOLE = BITS * log(2)


def key_of(features: Features) -> int:
    """What stands for the session; without one, a draw."""
    return anchor(features.session) if features.session else mix(features.seed)


def rank(lineup: Lineup, features: Features) -> Ranked:
    scores = places_of(lineup, key_of(features))
    order = order_of(scores)
    running = [one.running for one in lineup.standings]
    if max(running) >= FREE:
        most = bounds_of(lineup, sum(running))
        order.sort(key=lambda position: running[position] >= most[position])
    return order, scores


def places_of(lineup: Lineup, key: int) -> Sequence[float]:
    """Everyone's place for this key: the lowest is its home, with a chance by weight.

    With weights, numbers in (0, 1) become exponential arrival times whose rates are the weights: who has a share s of all of
    them arrives first with probability s, whoever the others are.
    """
    numbers = lineup.salts.meet(key)
    if lineup.even:
        return numbers
    return [(_WHOLE - log(number + 0.5)) / share for number, share in zip(numbers, lineup.shares, strict=True)]


def bounds_of(lineup: Lineup, running: int) -> list[float]:
    """How many each may run at most while all of them run `running`."""
    unit = BOUND * (running + 1) / lineup.cumulative[-1]
    return [max(FREE, unit * share) for share in lineup.shares]


def terms(lineup: Lineup, features: Features, position: int) -> dict[str, float]:  # noqa: ARG001 - every strategy is asked alike
    standings = lineup.standings
    return {
        "running": float(standings[position].running),
        "bound": float(bounds_of(lineup, sum(one.running for one in standings))[position]),
        "weight": lineup.candidates[position].weight,
    }
