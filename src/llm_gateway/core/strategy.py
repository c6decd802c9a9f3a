"""The names of routing strategies, as configurations, requests and routes have them."""

from __future__ import annotations

from typing import Literal

StrategyName = Literal[
    "priority",
    "round_robin",
    "weighted",
    "random",
    "least_connections",
    "least_latency",
    "least_ttft",
    "lowest_cost",
    "usage_headroom",
    "adaptive",
    "sticky",
    "prefix_affinity",
    "highest_quality",
]
"""priority: as written. round_robin: smooth and weighted. weighted, random: drawn. least_latency: power of two choices by
peak-EWMA. adaptive: Thompson sampling. sticky: by session, with bounded load. prefix_affinity: expected cost and latency with
what the provider's prompt cache is expected to hold.
"""
