"""What a metric family is, and the bounds of histograms. Seconds, bytes and US dollars everywhere."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Whole requests, and attempts at providers."""
FIRST = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0)
"""Times to the first token."""
PER_TOKEN = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
"""Times from one token of a stream to the next."""
OWN = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.003, 0.005, 0.008, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1.0)
"""What the gateway itself takes: 3, 8 and 15 ms are limits of the founding alerts."""
FAILOVER = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
"""From one attempt to the next: 100 ms is what the founding documents ask for, 250 ms their alert."""
LAG = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""How late the event loop is."""
OPERATION = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Of gen_ai.client.operation.duration, as OpenTelemetry advises."""
TOKENS = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0, 67108864.0)
"""Of gen_ai.client.token.usage, as OpenTelemetry advises."""


class Family(NamedTuple):
    """One metric family."""

    name: str
    """As it is queried; of a histogram without _bucket, _sum and _count."""
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Of a histogram: upper bounds, without +Inf."""
    alias_of: str = ""
    """The family whose values these are, summed over the labels that this one does not have; "": it is its own."""
    when: str = ""
    """What must be configured for it to have samples; "": nothing. It may still be empty until what it counts has happened."""
    look: str = ""
    """What to look at when its value is unusual."""
    optional: tuple[str, ...] = ()
    """Labels that it has besides where `telemetry.metrics.labels` names them."""

    @property
    def every(self) -> tuple[str, ...]:
        """The labels, in the order of a series' values. An empty value is no label."""
        return self.labels + self.optional


def counter(name: str, text: str, *labels: str, when: str = "", look: str = "", optional: tuple[str, ...] = ()) -> Family:
    return Family(name, "counter", text, labels, when=when, look=look, optional=optional)


def gauge(name: str, text: str, *labels: str, when: str = "", look: str = "") -> Family:
    return Family(name, "gauge", text, labels, when=when, look=look)


def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str, when: str = "", look: str = "") -> Family:
    return Family(name, "histogram", text, labels, buckets, when=when, look=look)
