"""One request that waits for Redis (scripts/take.lua): what it asks, and what becomes of every way in which it may end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from llm_gateway.limits.meter import Charge, StoreDown, Taken
from llm_gateway.limits.redis_holds import Entry, Holds
from llm_gateway.limits.redis_scripts import TAKE
from llm_gateway.redis.link import Link
from llm_gateway.redis.owner import Away
from llm_gateway.redis.words import bulk, whole

GIVEN = -1
"""Instead of an amount that was refused."""


class Behind(Protocol):
    """The book, as a Take sees it."""

    holds: Holds
    link: Link

    def alone(self, hold: str, charges: Sequence[Charge], now: float, lease: float) -> Taken: ...

    def refused(self, why: str) -> None: ...


class Take:
    """`send` raises Away; after it, `done` gets what was taken, or StoreDown, in any case."""

    __slots__ = ("book", "charges", "done", "entries", "hold", "lease", "now")

    def __init__(
        self, book: Behind, hold: str, charges: Sequence[Charge], entries: list[Entry], now: float, lease: float
    ) -> None:
        assert book.holds.loop is not None, "the book was not started"  # noqa: S101
        self.book = book
        self.hold = hold
        self.charges = charges
        self.entries = entries
        self.now = now
        self.lease = lease
        self.done: asyncio.Future[Taken] = book.holds.loop.create_future()

    def send(self, *, text: bool = False) -> None:
        """`text`: with the whole script."""
        entries = self.entries
        parts = [TAKE.head(len(entries), 2 + 7 * len(entries), text)]
        parts += [key for _, key, _ in entries]
        parts += (bulk(self.hold), whole(int(self.lease * 1000)))
        parts += [counter.words(amount) for counter, _, amount in entries]
        self.book.link.send(parts, self)

    def replied(self, reply: Any) -> None:
        if type(reply) is not list:
            self._puzzled(str(reply))
        elif not self.done.done():
            self.done.set_result(self._refused(reply) if reply[0] else self._given(reply))
        elif not reply[0]:  # it was given what nobody waits for any more
            self.book.holds.take_back(self.hold, self.entries)

    def late(self) -> None:
        if not self.done.done():
            try:
                self.done.set_result(self.book.alone(self.hold, self.charges, self.now, self.lease))
            except StoreDown as error:
                self.done.set_exception(error)

    def lost(self) -> None:
        self.book.holds.take_back(self.hold, [entry for entry in self.entries if entry[0].kind != "r"])
        self.late()

    def _given(self, reply: list[int]) -> Taken:
        states, at = [], 1
        for counter, _, _ in self.entries:
            states.append(counter.heard(reply[at], reply[at + 1], reply[at + 2], GIVEN, self.now))
            at += 3
        self.book.holds.given(self.hold, self.entries, self.lease)
        return Taken(-1, states)

    def _refused(self, reply: list[int]) -> Taken:
        """The limit that is in the way for longest is told."""
        states, at = [], 1
        for counter, _, amount in self.entries:
            states.append(counter.heard(reply[at], reply[at + 1], reply[at + 2], amount, self.now))
            at += 3
        hard = [i for i, (counter, _, _) in enumerate(self.entries) if counter.meter.hard]
        longest = max(hard, key=lambda i: states[i].retry)
        return Taken(longest if states[longest].retry > 0 else reply[0] - 1, states)

    def _puzzled(self, error: str) -> None:
        if not error.startswith("NOSCRIPT"):
            self.late()
            self.book.refused(error)
        elif not self.done.done():
            try:
                self.send(text=True)
            except Away:
                self.late()
