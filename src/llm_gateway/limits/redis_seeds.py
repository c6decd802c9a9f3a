"""What is spent of budgets as the ledger knows it, on its way to Redis: the highest version counts."""

from __future__ import annotations

from typing import Any

from llm_gateway.limits.redis_counters import Counter
from llm_gateway.limits.redis_scripts import SEED
from llm_gateway.redis.link import Link, ReplyError
from llm_gateway.redis.owner import Away
from llm_gateway.redis.words import whole

MOST = 100_000


class _Seed:
    """One on its way."""

    def __init__(self, waiting: dict[str, tuple[int, int]], key: str) -> None:
        self._waiting = waiting
        self._key = key
        self._told = waiting[key]

    def replied(self, reply: Any) -> None:
        if not isinstance(reply, ReplyError) and self._waiting.get(self._key) == self._told:
            del self._waiting[self._key]

    def late(self) -> None:
        """It is said again when Redis is back."""

    lost = late


class Seeds:
    """By key: spent and version that Redis has not confirmed. They wait for their counters to be known, and for Redis."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[int, int]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._waiting

    @property
    def waiting(self) -> tuple[str, ...]:
        """Keys."""
        return tuple(self._waiting)

    def keep(self, key: str, spent: int, version: int) -> bool:
        """Whether it is the newest of its key, and there is room for it."""
        told = self._waiting.get(key)
        if (told is None and len(self._waiting) >= MOST) or (told is not None and told[1] >= version):
            return False
        self._waiting[key] = (spent, version)
        return True

    def sow(self, key: str, counter: Counter, link: Link, now: float) -> None:
        """Tell Redis, if it is there, and the counter in any case."""
        spent, version = self._waiting[key]
        name = counter.at(now)
        counter.told_by_ledger(spent, version)
        words = (SEED.head(1, 3, text=True), name, whole(spent), whole(version), whole(counter.kept))
        if link.up:
            try:
                link.send(words, _Seed(self._waiting, key))
            except Away:
                return  # it is said again when Redis is back
