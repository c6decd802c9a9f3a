"""Identifiers: sortable by time, different in every process, made without a system call per id."""

from __future__ import annotations

import random
from collections.abc import Callable


class Ids:
    """Makes request ids. The generator is seeded once from the system's randomness; ids are names, not secrets."""

    def __init__(self, now: Callable[[], float], randomness: random.Random | None = None) -> None:
        self._now = now
        self._bits = (randomness or random.Random(random.SystemRandom().getrandbits(128))).getrandbits  # noqa: S311 - names

    def request_id(self) -> str:
        """`req_`, 12 hexadecimal digits of Unix milliseconds, 20 random ones: what X-Request-ID shows when the caller sent none."""
        return "req_%012x%020x" % (int(self._now() * 1000), self._bits(80))
