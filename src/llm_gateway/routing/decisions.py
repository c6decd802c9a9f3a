"""The decisions of the last requests and what became of their attempts, for the key that made them. No text of any prompt.

Bounded in number and in bytes: the oldest go first. A sample is kept with everything that it depended on (record.py), so that it
can be made again offline. Outlives a reload.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator

import msgspec

from llm_gateway.core.clock import Clock
from llm_gateway.core.exchange import Attempt, Exchange
from llm_gateway.routing.decision import Decision

_ENTRY_BYTES = 1000
"""About what an entry holds besides what is counted: itself, its place, its attempts."""
_CANDIDATE_BYTES = 100
_USUAL_PATH = 200
"""Bytes; longer ones are counted at once."""


class Kept(msgspec.Struct, gc=False, frozen=True, eq=False):
    """`attempts` is the request's own list, and goes on growing while the request does. `at`: Unix seconds."""

    request_id: str
    key: str
    at: float
    path: bytes
    model: str
    """The name that was asked for."""
    stream: bool
    decision: Decision
    attempts: list[Attempt]
    record: bytes | None
    """routing.record.Record in JSON; None: it is not in the sample."""
    size: int


class Decisions:
    """By key and request id, in the order in which they were made."""

    def __init__(self, clock: Clock, *, keep: int = 1000, size: int = 4 << 20, sample: float = 0.01) -> None:
        """`keep`: most decisions. `size`: most bytes, about. `sample`: the share of decisions that wants a record."""
        self._now = clock.now
        self._kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()  # a dict finds its first entry slowly
        self._recent: deque[tuple[str, str, float, bytes, str, bool, Decision, list[Attempt]]] = deque()
        """Of the usual kind, not yet in their place: nearly all requests are answered before somebody asks."""
        self._bytes = 0
        self._owed = 0.0
        self.configure(keep=keep, size=size, sample=sample)

    def configure(self, *, keep: int, size: int, sample: float) -> None:
        """New bounds. What is over them goes."""
        self._most, self._most_bytes, self._sample = keep, size, sample
        self._recent = deque(self._recent, maxlen=min(keep, size // _ENTRY_BYTES))
        self._trim()

    def wants_record(self) -> bool:
        """Whether the decision that is being made belongs to the sample. Every n-th does, evenly."""
        if not self._most:
            return False
        self._owed += self._sample
        if self._owed < 1.0:
            return False
        self._owed -= 1.0
        return True

    def keep(self, ex: Exchange, decision: Decision, record: bytes | None = None) -> None:
        """Remember what was decided for `ex`; what was decided for it before gives way."""
        key = "" if ex.caller is None else ex.caller.owner
        self._recent.append((ex.id, key, self._now(), ex.path, ex.model, ex.stream, decision, ex.attempts))
        if record is not None or decision.refused or len(ex.path) > _USUAL_PATH:
            self._fold(record)

    def _fold(self, record: bytes | None = None) -> None:
        """Puts the recent ones into their place; `record`: of the last one."""
        while self._recent:
            request_id, key, at, path, model, stream, decision, attempts = self._recent.popleft()
            before = self._kept.pop((key, request_id), None)
            if before is not None:
                self._bytes -= before.size
            own = record if not self._recent else None
            size = _ENTRY_BYTES + len(model) + len(path) + _CANDIDATE_BYTES * len(decision.refused) + len(own or b"")
            self._kept[key, request_id] = Kept(request_id, key, at, path, model, stream, decision, attempts, own, size)
            self._bytes += size
        self._trim()

    def find(self, key: str, request_id: str) -> Kept | None:
        """None: there is none, or not of this key."""
        self._fold()
        return self._kept.get((key, request_id))

    def latest(self, key: str) -> Iterator[Kept]:
        """Those of a key, the last one first."""
        self._fold()
        return (kept for kept in reversed(self._kept.values()) if kept.key == key)

    def _trim(self) -> None:
        while self._kept and (len(self._kept) > self._most or self._bytes > self._most_bytes):
            self._bytes -= self._kept.popitem(last=False)[1].size
