"""Answers on their way to Redis: nobody waits for them, and what waits is bounded by bytes.

Each is sealed in a turn of the event loop of its own, after the answer has begun to go to its caller, and only so much flies at
once that a lookup behind it is not late for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from llm_gateway.cache.entry import Entry
from llm_gateway.cache.redis_breaker import Breaker
from llm_gateway.core.clock import Clock
from llm_gateway.redis.link import Link
from llm_gateway.redis.owner import Away
from llm_gateway.redis.words import bulk, whole

MOST_WAITING = 16 << 20
"""Bytes; one that is larger waits if it is alone."""
MOST_FLYING = 512 << 10
_OK = b"OK"
_PX = bulk("PX")


class _Waiting(NamedTuple):
    name: bytes
    key: bytes
    entry: Entry


class Writes:
    """One per connection."""

    def __init__(self, link: Link, seal: Callable[[bytes, Entry], bytes], clock: Clock) -> None:
        self._link = link
        self._seal = seal
        self._clock = clock
        self._breaker = Breaker()
        self._queue: deque[_Waiting] = deque()
        self._bytes = 0
        self._flying = 0
        self._due = False
        self.full = False
        """Whether Redis has so little room left that answers should not take it."""
        self.dropped = 0
        """Answers that did not get there."""

    def __len__(self) -> int:
        """Bytes that wait or fly."""
        return self._bytes + self._flying

    def add(self, name: bytes, key: bytes, entry: Entry) -> None:
        """`name`: of the key in Redis, as a word of a command."""
        weight = entry.weight
        if not self._link.up or self.full or (self._queue and self._bytes + weight > MOST_WAITING):
            self.dropped += 1
            return
        self._queue.append(_Waiting(name, key, entry))
        self._bytes += weight
        self._soon()

    def begin(self) -> None:
        """Redis is there anew."""
        self._breaker.well()

    def give_up(self) -> None:
        """What waits is not written any more."""
        self.dropped += len(self._queue)
        self._queue.clear()
        self._bytes = 0

    def _soon(self) -> None:
        if not self._due and self._queue and self._flying < MOST_FLYING:
            self._due = True
            asyncio.get_running_loop().call_soon(self._one)

    def _one(self) -> None:
        self._due = False
        if not self._queue:
            return
        if self.full or not self._breaker.lets(self._clock.monotonic()):
            self.give_up()
            return
        name, key, entry = self._queue.popleft()
        self._bytes -= entry.weight
        left = int((entry.until - self._clock.now()) * 1000)
        if left > 0:
            self._send(name, key, entry, left)
        self._soon()

    def _send(self, name: bytes, key: bytes, entry: Entry, left: int) -> None:
        """`left`: milliseconds."""
        try:
            value = self._seal(key, entry)
            size = len(value)
            self._link.send(
                (b"*5\r\n$3\r\nSET\r\n", name, b"$%d\r\n" % size, value, b"\r\n", _PX, whole(left)), _Write(self, size)
            )
        except (Away, ValueError):
            self.dropped += 1
        else:
            self._flying += size

    def ended(self, size: int, *, well: bool) -> None:
        """By a write."""
        self._flying -= size
        if well:
            self._breaker.well()
        else:
            self.dropped += 1
            self._breaker.failed(self._clock.monotonic())
        self._soon()


class _Write:
    __slots__ = ("_end",)

    def __init__(self, writes: Writes, size: int) -> None:
        self._end = partial(writes.ended, size)

    def replied(self, reply: Any) -> None:
        self._end(well=reply == _OK)

    def late(self) -> None:
        """Its reply may still come."""

    def lost(self) -> None:
        self._end(well=False)
