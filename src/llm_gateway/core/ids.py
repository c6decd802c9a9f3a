"""Identifiers: sortable by time, different in every process, made without a system call per id."""

from __future__ import annotations

import random
from collections.abc import Callable

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U."""
_TEN_BITS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_IN_ONE_MILLISECOND = 1 << 20


NODE = (10, 12)
"""Where in a ULID of ours the object that made it is named: from which character on, and how many."""


def node_of(ulid: str) -> str:
    """What all ULIDs of one object, and of no other one, have in common."""
    return ulid[NODE[0] : NODE[0] + NODE[1]]


class Ids:
    """Makes ids. The generator is seeded once from the system's randomness; ids are names, not secrets."""

    def __init__(self, now: Callable[[], float], randomness: random.Random | None = None) -> None:
        self._now = now
        self._bits = (randomness or random.Random(random.SystemRandom().getrandbits(128))).getrandbits  # noqa: S311 - names
        self._node = ""
        self._until = 0  # the millisecond behind that of the last id
        self._count = 0  # within the millisecond
        self._begun = -1  # the 1024 milliseconds that `_time` is of
        self._time = ""
        self._stem = ""  # what 1024 ids in a row begin with

    def request_id(self) -> str:
        """`req_`, Unix milliseconds in 12 hexadecimal digits, 20 random ones: X-Request-ID where the caller sent none."""
        return "req_%012x%020x" % (int(self._now() * 1000), self._bits(80))  # noqa: UP031 - two thirds of the time of an f-string

    def ulid(self) -> str:
        """A ULID (github.com/ulid/spec): 26 characters, 48 bits of Unix milliseconds and 80 others, always greater than the one
        before, also when the clock is set back.

        The others are 60 random bits of this object and a count within the millisecond: to draw 80 for each takes longer.
        """
        moment = self._now() * 1000
        if moment < self._until:  # the same millisecond, or an earlier one: the clock was set back
            self._count = count = self._count + 1
            low = count & 1023
            return self._stem + _TEN_BITS[low] if low else self._carry(count)
        return self._turn(int(moment))

    def _turn(self, ms: int) -> str:
        """The first id of a millisecond."""
        if ms >> 10 != self._begun:
            self._begin(ms)
        self._until = ms + 1
        self._count = 0
        self._stem = stem = self._time + _TEN_BITS[ms & 1023] + self._node + _TEN_BITS[0]
        return stem + _TEN_BITS[0]

    def _carry(self, count: int) -> str:
        """The first id of further 1024."""
        if count >= _IN_ONE_MILLISECOND:
            return self._turn(self._until)
        self._stem = self._stem[:-2] + _TEN_BITS[count >> 10]
        return self._stem + _TEN_BITS[0]

    def _begin(self, ms: int) -> None:
        """What all ids of about a second begin with, and what is this object's own in them."""
        if not self._node:
            self._node = "".join(_TEN_BITS[self._bits(10)] for _ in range(6))
        self._begun = ms >> 10
        self._time = "".join(_TEN_BITS[ms >> shift & 1023] for shift in (40, 30, 20, 10))
