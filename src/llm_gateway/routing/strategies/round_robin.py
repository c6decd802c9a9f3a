"""Each in turn, by weight, evenly mixed: of 5, 1 and 1 not five times the first in a row.

A cycle has as many slots as all weights together, and everyone has slots for its weight. Turns walk over the slots in steps of
about a golden section of the cycle, which meets each slot once (step and length have no common divisor) and everyone's slots at
even distances. So a turn's choice is arithmetic: there is no state but the number of turns.
"""

from __future__ import annotations

from bisect import bisect_right
from math import gcd

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.features import Features
from llm_gateway.routing.strategies.base import Ranked

_GOLDEN = 0.6180339887498949


def rank(lineup: Lineup, features: Features) -> Ranked:
    slots = lineup.slots
    count = len(slots)
    turn = features.turn
    first = bisect_right(slots, slot_of(turn, slots[-1]))
    # The others in a circle, begun elsewhere in other turns: a failing candidate's load is everyone's.
    others = [*range(first + 1, count), *range(first)]
    start = turn // count % (count - 1) if count > 1 else 0
    return [first, *others[start:], *others[:start]], None


def slot_of(turn: int, length: int) -> int:
    """The slot of this turn in a cycle of `length`: a permutation over the cycle."""
    step = max(1, int(length * _GOLDEN))
    while gcd(step, length) != 1:
        step += 1
    return turn * step % length


def terms(lineup: Lineup, features: Features, position: int) -> dict[str, float]:
    return {"weight": lineup.candidates[position].weight, "turn": float(features.turn)}
