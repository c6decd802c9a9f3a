"""What is kept of answered responses, so that callers can go on from them, look at them again and delete them.

A response holds its own request's input and the id of the one before it: a conversation is a chain, each text is kept once, and
what is deleted is gone from every conversation that it was part of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

LONGEST_ID = 256
OVERHEAD = 600
"""Bytes that an entry takes besides what it holds: its objects, its places in two dicts."""
SWEEP_SECONDS = 60.0
IN_MEMORY = 64 << 20
"""Bytes, unless the configuration says how many."""


class Stored(msgspec.Struct, frozen=True, gc=False):
    """One response."""

    response: bytes
    """The JSON that the caller got."""
    items: bytes
    """The items of its request's own input, a JSON array."""
    previous: str | None = None
    """The response that it went on from."""
    provider: str = ""
    """Who answered, as the configuration names it."""
    at_provider: bool = False
    """Whether the id is the provider's own, who may keep the response as well."""
    partial: bool = False
    """Whether only the provider knows all that it was made from: it can be continued there alone."""
    finished: bool = True
    """False while the provider works on it in the background."""


class ResponseStore(Protocol):
    """Each response belongs to an owner, and nobody else ever gets it. Expired ones are not there.

    One that is elsewhere raises StorageUnavailable where it cannot tell, never where something is put.
    """

    async def get(self, owner: str, ident: str) -> Stored | None:
        """Counts as a use: what is used is kept longer."""
        ...

    async def chain(self, owner: str, ident: str, links: int, size: int) -> list[Stored]:
        """The response of that id and those that it goes on from, the newest first: up to one that is not there, `links` of
        them, or until they have more than `size` bytes. A use of each.
        """
        ...

    async def put(self, owner: str, ident: str, stored: Stored) -> bool:
        """Whether it is kept now, in the place of one of the same id. It is readable when this returns."""
        ...

    def begin(self, owner: str, ident: str, stored: Stored) -> bool:
        """The same without waiting until it is where it will stay: whoever asks for it finds it all the same."""
        ...

    async def delete(self, owner: str, ident: str) -> bool:
        """Whether it was there."""
        ...


class _Entry(msgspec.Struct, gc=False):
    stored: Stored
    size: int
    used: float


class _Shelf:
    """One owner's responses, the least recently used first."""

    __slots__ = ("entries", "size")

    def __init__(self) -> None:
        self.entries: dict[str, _Entry] = {}
        self.size = 0

    def take(self, ident: str) -> _Entry | None:
        entry = self.entries.pop(ident, None)
        if entry is not None:
            self.size -= entry.size
        return entry

    def add(self, ident: str, entry: _Entry) -> None:
        self.entries[ident] = entry
        self.size += entry.size

    def oldest(self) -> str:
        return next(iter(self.entries))


class MemoryStore:
    """A ResponseStore in this process, within so many bytes and for so long after the last use.

    When it is full, whoever holds more than an equal share gives way first: nobody can push out the others' responses.
    """

    def __init__(self, monotonic: Callable[[], float], capacity: int = IN_MEMORY, ttl: float = 30 * 86_400.0) -> None:
        """`capacity` in bytes, `ttl` in seconds."""
        self._monotonic = monotonic
        self._capacity = self._each = capacity
        self._ttl = ttl
        self._shelves: dict[str, _Shelf] = {}
        self._swept = monotonic()
        self.size = 0
        """Bytes held."""

    def configure(self, capacity: int, ttl: float, each: int | None = None) -> None:
        """From now on; `each`: bytes of one owner. What no longer fits goes at once."""
        self._capacity = capacity
        self._each = capacity if each is None else min(each, capacity)
        self._ttl = ttl
        self._sweep()
        for owner in list(self._shelves):
            self._trim(owner)
        self._shrink(None)

    async def get(self, owner: str, ident: str) -> Stored | None:
        entry = self._take(owner, ident)
        if entry is None:
            return None
        now = self._monotonic()
        if now - entry.used > self._ttl:
            return None
        entry.used = now
        self._add(owner, ident, entry)
        return entry.stored

    async def chain(self, owner: str, ident: str, links: int, size: int) -> list[Stored]:
        found: list[Stored] = []
        seen: set[str] = set()
        wanted: str | None = ident
        while wanted is not None and wanted not in seen and len(found) < links and size >= 0:
            stored = await self.get(owner, wanted)
            if stored is None:
                break
            seen.add(wanted)
            found.append(stored)
            size -= len(stored.response) + len(stored.items)
            wanted = stored.previous
        return found

    async def put(self, owner: str, ident: str, stored: Stored) -> bool:
        return self.begin(owner, ident, stored)

    def begin(self, owner: str, ident: str, stored: Stored) -> bool:
        size = OVERHEAD + len(ident) + len(stored.response) + len(stored.items)
        if size > self._each or not 0 < len(ident) <= LONGEST_ID:
            return False
        self._take(owner, ident)
        now = self._monotonic()
        if now - self._swept > SWEEP_SECONDS:
            self._sweep()
        self._add(owner, ident, _Entry(stored, size, now))
        self._trim(owner)
        self._shrink(owner)
        return ident in self._shelves[owner].entries if owner in self._shelves else False

    async def delete(self, owner: str, ident: str) -> bool:
        entry = self._take(owner, ident)
        return entry is not None and self._monotonic() - entry.used <= self._ttl

    def _take(self, owner: str, ident: str) -> _Entry | None:
        shelf = self._shelves.get(owner)
        entry = None if shelf is None else shelf.take(ident)
        if shelf is None or entry is None:
            return None
        self.size -= entry.size
        if not shelf.entries:
            del self._shelves[owner]
        return entry

    def _add(self, owner: str, ident: str, entry: _Entry) -> None:
        self._shelves.setdefault(owner, _Shelf()).add(ident, entry)
        self.size += entry.size

    def _trim(self, owner: str) -> None:
        while self._held(owner) > self._each:
            self._take(owner, self._shelves[owner].oldest())

    def _shrink(self, putter: str | None) -> None:
        while self.size > self._capacity:
            owner = putter
            if owner is None or self._held(owner) * len(self._shelves) <= self._capacity:
                owner = max(self._shelves, key=self._held)
            self._take(owner, self._shelves[owner].oldest())

    def _held(self, owner: str) -> int:
        shelf = self._shelves.get(owner)
        return 0 if shelf is None else shelf.size

    def _sweep(self) -> None:
        """Expired responses are not only out of reach, they go."""
        self._swept = now = self._monotonic()
        for owner, shelf in list(self._shelves.items()):
            for ident, entry in list(shelf.entries.items()):
                if now - entry.used <= self._ttl:
                    break  # those behind it were used later
                self._take(owner, ident)
