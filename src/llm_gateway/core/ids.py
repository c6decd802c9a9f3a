"""Identifiers: sortable by time, unguessable in their random part, made without a system call per id."""

from __future__ import annotations

import random
from collections.abc import Callable

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32, as ULID uses it
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)  # ten bits at a time halves the work


class Ids:
    """Makes ULIDs (https://github.com/ulid/spec): 48 bits of milliseconds, 80 random bits, 26 characters.

    The generator is seeded once from the system's randomness; ids are names, not secrets.
    """

    def __init__(self, now: Callable[[], float], randomness: random.Random | None = None) -> None:
        self._now = now
        self._bits = (randomness or random.Random(random.SystemRandom().getrandbits(128))).getrandbits  # noqa: S311 - names, not secrets
        self._last_ms = -1
        self._prefix = ""

    def ulid(self) -> str:
        """A new ULID; its first 10 characters are the time in milliseconds."""
        ms = int(self._now() * 1000)
        if ms != self._last_ms:
            self._last_ms = ms
            p = _PAIRS
            self._prefix = (
                p[ms >> 40 & 1023] + p[ms >> 30 & 1023] + p[ms >> 20 & 1023] + p[ms >> 10 & 1023] + p[ms & 1023]
            )
        r = self._bits(80)
        p = _PAIRS
        return (
            self._prefix
            + p[r >> 70]
            + p[(r >> 60) & 1023]
            + p[(r >> 50) & 1023]
            + p[(r >> 40) & 1023]
            + p[(r >> 30) & 1023]
            + p[(r >> 20) & 1023]
            + p[(r >> 10) & 1023]
            + p[r & 1023]
        )

    def request_id(self) -> str:
        """`req_` and a ULID: what X-Request-ID shows when the caller sent none."""
        return "req_" + self.ulid()
