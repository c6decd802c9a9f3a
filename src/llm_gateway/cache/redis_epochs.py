"""From when on answers count: what was answered before it was cleared, by whichever worker or node.

In Redis it is one small hash: model asked for ("" for all) -> Unix seconds. It is looked up together with each entry, and read
whole every few seconds, so that what others keep in memory goes too. Times only ever grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from llm_gateway.cache.entry import Entry

ALL = ""
MOST = 1000
"""Models with a time of their own. One more clears all of them: that is always right, and the hash stays small."""
LONGEST = 256
"""Characters of a model's name. Answers of longer ones are not shared."""
AHEAD = 86_400.0
"""Seconds by which a clock may be ahead; what lies further in the future was not told by a gateway."""
SET = """local field = ARGV[1]
if redis.call('HEXISTS', KEYS[1], field) == 0 and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then field = '' end
local old = tonumber(redis.call('HGET', KEYS[1], field) or '0')
if tonumber(ARGV[2]) > (old or 0) then redis.call('HSET', KEYS[1], field, ARGV[2]) end
return 1
"""
"""Script: hash; model, time, MOST."""

Forget = Callable[[str | None, float], object]


class Epochs:
    """As far as they are known here. `waiting`: those that Redis has not confirmed, by model."""

    def __init__(self, forget: Forget, now: Callable[[], float]) -> None:
        """`forget`: is told of what others cleared (None: all models), each time once."""
        self._forget = forget
        self._now = now
        self._known: dict[str, float] = {}
        self.waiting: dict[str, float] = {}

    def counts(self, entry: Entry) -> bool:
        """Whether it was answered after it was last cleared."""
        known = self._known
        return not known or entry.at >= max(known.get(ALL, 0.0), known.get(entry.asked, 0.0))

    def clear(self, model: str, before: float) -> None:
        """Here and now; Redis is to be told."""
        name = self._learn(model, before)
        if name is not None:
            self.waiting[name] = before

    def told(self, model: str, at: float) -> None:
        """Redis has confirmed it."""
        if self.waiting.get(model) == at:
            del self.waiting[model]

    def heard(self, model: str, raw: object) -> bool:
        """What Redis has for a model, None for nothing. False: it is nothing that a gateway wrote."""
        if raw is None:
            return True
        at = _time(raw, self._now() + AHEAD)
        if at is None:
            return False
        name = self._learn(model, at)
        if name is not None:
            self._forget(name or None, at)
        return True

    def compare(self, reply: object) -> bool:
        """All that Redis has (HGETALL). What it lost is to be told again. False: it is nothing that a gateway wrote."""
        if not isinstance(reply, list) or len(reply) % 2:
            return False
        found = dict(_pairs(reply))
        for model, raw in found.items():
            self.heard(model, raw)
        for model, at in self._known.items():
            had = _time(found.get(model), self._now() + AHEAD)
            if had is None or had < at:
                self.waiting[model] = at
        return True

    def _learn(self, model: str, at: float) -> str | None:
        """The name under which it is news; None: it is none."""
        known = self._known
        name = model if model in known or len(known) < MOST else ALL
        if at <= known.get(name, 0.0):
            return None
        known[name] = at
        return name


def _pairs(reply: list[object]) -> Iterator[tuple[str, object]]:
    for name, raw in zip(reply[::2], reply[1::2], strict=True):
        if isinstance(name, bytes):
            yield name.decode("utf-8", "replace"), raw


def _time(raw: object, most: float) -> float | None:
    if not isinstance(raw, bytes) or len(raw) > 32:
        return None
    try:
        at = float(raw)
    except ValueError:
        return None
    return at if 0 < at <= most else None  # nan is neither
