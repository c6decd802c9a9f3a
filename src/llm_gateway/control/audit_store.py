"""The store's copy of the audit log: the table `audit`, which follows the files."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import msgspec
from sqlalchemy import Connection

from llm_gateway.control.audit import Entry, Head, Point, Seals, Verdict, verify
from llm_gateway.control.storing import Transactions
from llm_gateway.store import audit
from llm_gateway.store.connect import Store
from llm_gateway.store.rows import AuditRow


class Diverged(Exception):
    """The table has another chain than the files."""


class TableAudit:
    """An AuditStore (audit_log.py). Its methods raise StoreError, and Diverged."""

    def __init__(self, threads: Transactions, node: str) -> None:
        """`node`: the installation's id (audit_open.install_id): each has a chain of its own in the table."""
        self._threads = threads
        self._node = node

    async def last(self) -> Point | None:
        row = await self._threads.read(lambda connection: audit.newest(connection, self._node))
        return None if row is None else Point(row.seq, row.hash)

    async def append(self, entries: Sequence[Entry]) -> None:
        """All or none; what is there already is left alone."""

        def add(connection: Connection) -> None:
            node = self._node
            newest = audit.newest(connection, node)
            for entry in entries:
                if newest is None or entry.seq > newest.seq:
                    newest = audit.append(connection, node, lambda before, entry=entry: _following(node, before, entry))  # type: ignore[misc]

        await self._threads.write(add)


def verify_table(store: Store, node: str, seals: Seals, beginning: Point, head: Head | None) -> Verdict:
    """Whether this node's chain in the table is whole, and that of the files as far as both go. It may end before them.

    Rows from before the table's own oldest are not missed: they may have been let go of. Raises StoreError.
    """

    def check(connection: Connection) -> Verdict:
        newest, rows = audit.newest(connection, node), audit.walk(connection, node)
        first = next(rows, None)
        if newest is None or first is None:
            return Verdict(0, 0)
        at = beginning if first.seq == 1 else Point(first.seq - 1, first.prev_hash)
        last = head.last if head is not None and head.last.seq <= newest.seq else None
        return verify(map(entry_of, chain([first], rows)), seals, at, last)

    return store.read(check)


def entry_of(row: AuditRow) -> Entry:
    """A row as an entry, for verify."""
    return Entry(*msgspec.structs.astuple(row)[1:])


def _following(node: str, before: AuditRow | None, entry: Entry) -> AuditRow:
    if before is not None and (before.seq != entry.seq - 1 or before.hash != entry.prev_hash):
        raise Diverged(f"entry {entry.seq} does not follow the newest row, {before.seq}")
    return AuditRow(node, *msgspec.structs.astuple(entry))
