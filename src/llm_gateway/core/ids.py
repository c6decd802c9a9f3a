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
        """`req_`, Unix milliseconds in 12 hexadecimal digits, 20 random ones: X-Request-ID where the caller sent none."""
        return "req_%012x%020x" % (int(self._now() * 1000), self._bits(80))  # noqa: UP031 - two thirds of the time of an f-string
