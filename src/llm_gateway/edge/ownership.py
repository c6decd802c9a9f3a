"""Whose a file or a batch is. What a provider keeps belongs to one account; among the callers here it belongs to a key."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

Place = tuple[str, str]
"""Provider and kind (openai_files, openai_batches)."""


class Owners(Protocol):
    """Who made what. Whatever is forgotten is nobody's."""

    async def owners(self, place: Place, ids: Collection[str]) -> Mapping[str, str]:
        """Id -> the owner's key name, of those that have one."""
        ...

    async def add(self, place: Place, ids: Collection[str], owner: str) -> None:
        """What has an owner keeps it."""
        ...

    async def forget(self, place: Place, item: str) -> None: ...


class MemoryOwners:
    """In memory, bounded in number and time. Outlives a reload."""

    def __init__(self, monotonic: Callable[[], float], most: int = 100_000, seconds: float = 90 * 86_400.0) -> None:
        self._monotonic = monotonic
        self._most = most
        self._seconds = seconds
        self._owners: dict[tuple[Place, str], str] = {}
        self._made: dict[str, OrderedDict[tuple[Place, str], float]] = {}
        """Owner -> what is his and until when, oldest first."""

    def configure(self, most: int, seconds: float) -> None:
        """What another configuration wants. What it has too much of is forgotten with the next `add`."""
        self._most, self._seconds = most, seconds

    async def owners(self, place: Place, ids: Collection[str]) -> Mapping[str, str]:
        now = self._monotonic()
        found: dict[str, str] = {}
        for item in ids:
            owner = self._owners.get((place, item))
            if owner is not None and self._made[owner][place, item] > now:
                found[item] = owner
        return found

    async def add(self, place: Place, ids: Collection[str], owner: str) -> None:
        now = self._monotonic()
        known = await self.owners(place, ids)
        for item in ids:
            if item in known:
                continue
            self._drop((place, item))
            self._owners[place, item] = owner
            self._made.setdefault(owner, OrderedDict())[place, item] = now + self._seconds
        while len(self._owners) > self._most:
            most = max(self._made, key=lambda owner: len(self._made[owner]))
            self._drop(next(iter(self._made[most])))

    async def forget(self, place: Place, item: str) -> None:
        self._drop((place, item))

    def _drop(self, key: tuple[Place, str]) -> None:
        owner = self._owners.pop(key, None)
        if owner is not None:
            del self._made[owner][key]
            if not self._made[owner]:
                del self._made[owner]
