"""What strategies share: the shape of what they give, ties, and money."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.draws import mix, order_of

RAMP_SECONDS = 10.0
"""How long a candidate whose circuit closed gets less than its share of first places."""
RAMP_LEAST = 0.05
"""The part of its share that it begins with."""
Ranked = tuple[Sequence[int], Sequence[float] | None]
"""Positions in the lineup, best first; each position's score, lower ones better (None: its place is its score)."""


def spread(lineup: Lineup, scores: Sequence[float], seed: int) -> Ranked:
    """By score; who is first of those that share the best one is drawn by weight, so that not always the same one is asked."""
    order = order_of(scores)
    best = scores[order[0]]
    if len(order) == 1 or scores[order[1]] != best:
        return order, scores
    tied = 2
    while tied < len(order) and scores[order[tied]] == best:
        tied += 1
    if lineup.even:
        first = mix(seed) * tied >> 64
    else:
        sums = list(accumulate([lineup.shares[position] for position in order[:tied]]))
        first = bisect_right(sums, mix(seed) * sums[-1] * 2.0**-64, 0, tied - 1)
    order[:tied] = order[first:tied] + order[:first]
    return order, scores
