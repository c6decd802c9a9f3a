"""What a provider allows in a time, as its operator knows it (`rate_limit`): how far it is used up. Written by resilience."""

from __future__ import annotations

import msgspec


class Pace(msgspec.Struct, eq=False, gc=False):
    """One rate: requests or tokens in a minute, an hour or a day (GCRA). At `until` all of it is there again."""

    tokens: bool
    each: float
    """Seconds in which one comes back."""
    room: float
    """Seconds that `until` may lie ahead: of as much as may come at once."""
    until: float = 0.0
    """Monotonic seconds."""


def wait(paces: tuple[Pace, ...], at: float, tokens: int) -> float:
    """Seconds until one more request, of so many tokens, has room; 0.0: it has. One that is larger than what may come at once has
    room when all of it is there.
    """
    longest = 0.0
    for pace in paces:
        ahead = pace.until - at
        if ahead > 0.0:
            needed = pace.each * tokens if pace.tokens else pace.each
            longest = max(longest, ahead + min(needed, pace.room) - pace.room)
    return longest if longest > 1e-6 else 0.0
