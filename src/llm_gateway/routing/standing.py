"""How a deployment, or the account it belongs to, is doing: the live numbers that decisions read, and nothing else.

One per deployment and one per provider account. They outlive a reload. `resilience` writes them at the start and the end of
every attempt; `routing` only reads. Times are monotonic seconds. A Standing is plain data, so that a decision can be logged with
the numbers it saw and be recomputed from them (see record.py).
"""

from __future__ import annotations

import msgspec

from llm_gateway.routing.paces import Pace

CLOSED, HALF_OPEN, OPEN = 0, 1, 2
"""States of a circuit breaker, as the gauge shows them (requirements C2)."""
UNKNOWN = -1.0


class Standing(msgspec.Struct, eq=False, gc=False, omit_defaults=True):
    """`name`: `provider/model`, or the provider alone for an account."""

    name: str
    state: int = CLOSED
    until: float = 0.0
    """Before this nothing is sent: the circuit is open, or the provider asked for a pause."""
    reason: str = ""
    """Why `until` was set: circuit, rate_limited, quota, credentials, tls, unhealthy."""
    probes: int = 0
    """While half-open: attempts that may still be started (from `until` on, as ever)."""
    failures: int = 0
    """In a row."""
    running: int = 0
    """Attempts and streams under way."""
    waiting: int = 0
    """Requests in the bulkhead's queue."""
    limit: int = 0
    """Most that may run at once now; 0: no limit."""
    places: int = 0
    """Places taken: what runs, and what was just let in from the queue (written by the bulkhead alone)."""
    service: float = 0.0
    """Moving average of how long a place is held, in seconds; 0.0: not known."""
    latency: float = 0.0
    """Peak-sensitive moving average of whole answers, and of streams to their first content, in seconds; 0.0: not known."""
    latency_at: float = 0.0
    """When `latency` was last written: it decays from there."""
    ttft: float = 0.0
    """Moving average of the time to the first content of streams, in seconds; 0.0: not known."""
    per_token: float = 0.0
    """Moving average of seconds per output token behind the first content; 0.0: not known."""
    success: float = 1.0
    """Moving average, 0 to 1."""
    samples: int = 0
    """Attempts that ended, ever."""
    good: float = 0.0
    bad: float = 0.0
    """Successes and failures, fading (for Thompson sampling)."""
    output: float = 0.0
    """Moving average of output tokens; 0.0: not known."""
    requests_left: float = UNKNOWN
    """What the provider's rate limit headers last said is left."""
    tokens_left: float = UNKNOWN
    left_until: float = 0.0
    """When those are full again."""
    paces: tuple[Pace, ...] = ()
    """What it allows, as its operator knows it, and how far that is used up."""
    recovered: float = 0.0
    """When the circuit last closed; 0.0: it was never open."""
