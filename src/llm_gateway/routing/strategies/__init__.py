"""How one of several equal candidates is chosen. One idea per module; `STRATEGIES` has them by the names of configuration.

A strategy is two functions. `rank(lineup, features)` gives positions, best first, and everyone's score, lower ones better; the
order behind the first place is the order of failover. `terms(lineup, features, position)` says to people what it looked at. Both
read the lineup, its Standings and the features, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from llm_gateway.core.strategy import StrategyName
from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.features import Features
from llm_gateway.routing.strategies import (
    adaptive,
    affinity,
    connections,
    cost,
    drawn,
    headroom,
    latency,
    priority,
    quality,
    round_robin,
    sticky,
    ttft,
)
from llm_gateway.routing.strategies.base import Ranked


class Strategy(NamedTuple):
    rank: Callable[[Lineup, Features], Ranked]
    terms: Callable[[Lineup, Features, int], dict[str, float]]


STRATEGIES: Mapping[StrategyName, Strategy] = MappingProxyType(
    {
        "priority": Strategy(priority.rank, priority.terms),
        "round_robin": Strategy(round_robin.rank, round_robin.terms),
        "weighted": Strategy(drawn.weighted, drawn.terms),
        "random": Strategy(drawn.uniform, drawn.terms),
        "least_connections": Strategy(connections.rank, connections.terms),
        "least_latency": Strategy(latency.rank, latency.terms),
        "least_ttft": Strategy(ttft.rank, ttft.terms),
        "lowest_cost": Strategy(cost.rank, cost.terms),
        "usage_headroom": Strategy(headroom.rank, headroom.terms),
        "adaptive": Strategy(adaptive.rank, adaptive.terms),
        "sticky": Strategy(sticky.rank, sticky.terms),
        "prefix_affinity": Strategy(affinity.rank, affinity.terms),
        "highest_quality": Strategy(quality.rank, quality.terms),
    }
)
ANCHORED: frozenset[StrategyName] = frozenset({"sticky", "prefix_affinity"})
"""Those that keep a session where it is."""
