"""What the API owns, as this control process knows it: read from the store for each build, and kept while the store is away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from sqlalchemy import Connection

from llm_gateway.config.load import Overlay
from llm_gateway.control.configuring.documents import restored
from llm_gateway.control.configuring.kinds import KINDS, Made
from llm_gateway.control.configuring.overlay import PART, overlay_of, packed, unpacked
from llm_gateway.control.storing import Transactions
from llm_gateway.credentials.ring import Ring
from llm_gateway.store import marks, objects
from llm_gateway.store.errors import StoreError

MARK = "changed.objects"
Held = Mapping[tuple[str, str], Made]


class Parts(Protocol):
    """control.builder.Builder."""

    extra: dict[str, bytes]


class Layer:
    """`objects` are those of the last build."""

    def __init__(self, store: Transactions, ring: Ring, parts: Parts) -> None:
        """Begins with what the snapshot has that the workers act on."""
        self._store = store
        self._ring = ring
        self._parts = parts
        self.objects = unpacked(parts.extra.get(PART))
        self.mark = -1
        """How many changes there had been at the last build; -1: the store was never asked."""

    async def overlay(self) -> Overlay:
        """For a build. Raises ConfigErrors for a document that cannot be opened."""
        try:
            self.mark, held = await self.everything()
        except StoreError:
            return overlay_of(self.objects)
        self.objects = tuple(held.values())
        if self.objects:
            self._parts.extra[PART] = packed(self.objects)
        else:
            self._parts.extra.pop(PART, None)
        return overlay_of(self.objects)

    async def moved(self) -> bool:
        """Whether something was changed since the last build, here or at another node. Raises StoreError."""
        return await self._store.read(counted) != self.mark

    async def everything(self) -> tuple[int, Held]:
        """All of them, and how many changes there have been. Raises StoreError, ConfigErrors."""
        mark, rows = await self._store.read(lambda connection: (counted(connection), objects.everything(connection)))
        return mark, by_id(restored(row, self._ring) for row in rows if row.kind in KINDS)


def by_id(made: Iterable[Made]) -> dict[tuple[str, str], Made]:
    return {one.id: one for one in made}


def counted(connection: Connection) -> int:
    """How many changes there have been; nobody else changes anything until this transaction ends, once it has changed one."""
    return marks.get(connection, MARK)
