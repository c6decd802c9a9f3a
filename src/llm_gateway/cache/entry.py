"""One answer that is kept."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["hit", "stale", "coalesced"]
"""How a kept answer came to be given: within its time, after it because nobody could answer, or by waiting for an equal request
that ran.
"""
WEIGHT = 700
"""Bytes of memory that an answer takes beside its own: the object, its names, its place in the order."""
EACH = 100
"""Bytes that a text takes beside its letters, as an object in a tuple."""
LETTER = 4
"""Bytes that a letter may take: names are in any script, and both the model's and what was dropped are the caller's own words."""


class Entry(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Times are Unix seconds."""

    body: bytes
    """As it went to the caller: a whole answer without what the gateway adds for one request, a stream to its last byte."""
    at: float
    """When it was answered."""
    until: float
    """When it is of no use any more."""
    provider: str
    model: str
    """Who served it."""
    asked: str
    """The name that was asked for."""
    stream: bool = False
    dropped: tuple[str, ...] = ()
    """What of the request could not be carried (X-Gateway-Dropped)."""
    estimated: bool = False
    """Whether what it says of its use was estimated (X-Gateway-Estimated)."""
    cost: int = 0
    """Nano-dollars that it took when it was made, as far as that was known."""

    @property
    def weight(self) -> int:
        """Bytes that it takes in memory, about."""
        names = LETTER * (len(self.asked) + len(self.model))
        return WEIGHT + len(self.body) + names + sum([EACH + LETTER * len(name) for name in self.dropped])


class KeptAnswer:
    """An entry that answers a request. `age`, `left`: seconds since it was answered, and until its time is over."""

    __slots__ = ("age", "entry", "left", "state")

    def __init__(self, entry: Entry, state: State, age: float, left: float) -> None:
        self.entry = entry
        self.state = state
        self.age = age
        self.left = left
