"""What a worker tells control of its metrics each second: what was counted since the last time, and how its gauges stand."""

from __future__ import annotations

import msgspec

Labels = tuple[str, ...]
TOPIC = "metrics"
AT_ONCE = 500
"""Series of one message: with long names and full histograms they are less than half of what a frame holds."""


class Measures(msgspec.Struct, frozen=True):
    """One message."""

    counts: dict[str, list[tuple[Labels, list[float]]]]
    """series.Told."""
    buckets: tuple[float, ...]
    """Of whole requests and attempts, as this worker counts them."""
    gauges: dict[str, list[tuple[Labels, float]]] | None = None
    """All of them; None: they are in another message."""
