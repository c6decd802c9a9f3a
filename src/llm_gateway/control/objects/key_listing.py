"""Keys of the file and of the store as one list: those of the file first, as if they were made before all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from llm_gateway.config.schema.auth import ApiKey
from llm_gateway.store import keys
from llm_gateway.store.paging import Page, place_of
from llm_gateway.store.rows import KeyRow


class Listing:
    """One list."""

    def __init__(self, known: Sequence[ApiKey], wanted: Mapping[str, str | None]) -> None:
        """`wanted`: tenant, project, status, kind and name that a key must have; None: any."""
        self._wanted: dict[str, Any] = dict(wanted)
        rows = (_row(key) for key in known)
        self._file = sorted((row for row in rows if self._fits(row)), key=lambda row: row.id)

    def by_cursor(self, connection: Connection) -> Callable[..., Page[KeyRow]]:
        """For paging.stored."""

        def page(*, limit: int, cursor: str | None, descending: bool) -> Page[KeyRow]:
            at = None if cursor is None else place_of(cursor)
            if descending:
                return self._backwards(connection, limit, cursor, at)
            before: list[KeyRow] = []
            if at is None or at[0] == 0:
                before = [row for row in self._file if at is None or row.id > at[1]]
                if len(before) > limit:
                    return Page(before[:limit], "more")
                cursor = None
            room = limit - len(before)
            found = self._stored(connection, max(room, 1), cursor, descending=False)
            if not room:
                return Page(before, "more" if found.rows else None)
            return Page([*before, *found.rows], found.next)

        return page

    def by_offset(self, connection: Connection) -> Callable[..., tuple[list[KeyRow], int]]:
        """For paging.stored."""

        def part(*, limit: int, offset: int, descending: bool) -> tuple[list[KeyRow], int]:
            if descending:
                rows, total = keys.part_of(connection, **self._wanted, limit=limit, offset=offset, descending=True)
                behind = max(offset - total, 0)
                rows += self._file[::-1][behind : behind + limit - len(rows)] if offset + limit > total else []
                return rows, total + len(self._file)
            before = self._file[offset : offset + limit]
            rest = max(offset - len(self._file), 0)
            rows, total = keys.part_of(connection, **self._wanted, limit=max(limit - len(before), 1), offset=rest)
            return [*before, *rows][:limit], total + len(self._file)

        return part

    def _backwards(self, connection: Connection, limit: int, cursor: str | None, at: Any) -> Page[KeyRow]:
        if at is not None and at[0] == 0:
            left = [row for row in self._file if row.id < at[1]][::-1]
            return Page(left[:limit], "more" if len(left) > limit else None)
        found = self._stored(connection, limit, cursor, descending=True)
        if found.next is not None or not self._file:
            return found
        room = limit - len(found.rows)
        return Page([*found.rows, *self._file[::-1][:room]], "more" if len(self._file) > room else None)

    def _stored(self, connection: Connection, limit: int, cursor: str | None, *, descending: bool) -> Page[KeyRow]:
        return keys.listed(connection, **self._wanted, limit=limit, cursor=cursor, descending=descending)

    def _fits(self, row: KeyRow) -> bool:
        return all(value is None or getattr(row, name) == value for name, value in self._wanted.items())


def _row(key: ApiKey) -> KeyRow:
    """Version 0: of the file."""
    return KeyRow(
        id=key.name,
        digest=b"",
        prefix="",
        name=key.name,
        kind=key.kind,
        tenant=key.tenant,
        project=key.project,
        document="{}",
        status="disabled" if key.disabled else "active",
        expires_at=None,
        created_at=0,
        created_by="file",
        version=0,
    )
