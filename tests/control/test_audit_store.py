"""The audit log's copy in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from control.audit_support import BEGINNING, SEALS, chained, end
from llm_gateway.control.audit import Entry, verify
from llm_gateway.control.audit_store import Diverged, TableAudit, entry_of
from llm_gateway.store import audit
from llm_gateway.store.connect import Store
from llm_gateway.store.threads import Threads
from servers import postgres
from store_support import DIALECTS, new_store

__all__ = ["postgres"]


@pytest.fixture(params=DIALECTS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = new_store(str(request.param), tmp_path)
    yield made
    made.close()


def rows(store: Store, node: str = "here") -> list[Entry]:
    return [entry_of(row) for row in store.read(lambda connection: list(audit.walk(connection, node)))]


def test_entries_are_kept_as_they_are(store: Store) -> None:
    """And verify there; what was brought before is not added twice."""

    async def main() -> None:
        table = TableAudit(Threads(store), "here")
        assert await table.last() is None
        entries = chained(8, after={"text": "ü\0"}, actor="a\0b")
        await table.append(entries[:5])
        await table.append(entries[3:])
        assert await table.last() == end(entries)
        assert rows(store) == entries
        assert verify(rows(store), SEALS, BEGINNING, end(entries)).broken is None

    asyncio.run(main())


def test_another_chain_is_refused(store: Store) -> None:
    """All of it: half a batch would be a gap."""

    async def main() -> None:
        table = TableAudit(Threads(store), "here")
        entries = chained(3)
        await table.append(entries)
        with pytest.raises(Diverged):
            await table.append(chained(5, actor="other")[3:])
        assert rows(store) == entries

    asyncio.run(main())


def test_nodes_that_share_a_store_have_a_chain_each(store: Store) -> None:
    """Each numbers its own entries; neither is taken for a forgery of the other, and both verify."""

    async def main() -> None:
        here, there = TableAudit(Threads(store), "here"), TableAudit(Threads(store), "there")
        ours, theirs = chained(4), chained(3, actor="other")
        await here.append(ours[:2])
        await there.append([msgspec.structs.replace(entry, event_id=f"other-{entry.seq}") for entry in theirs])
        await here.append(ours[2:])
        assert (await here.last(), (await there.last() or end([])).seq) == (end(ours), 3)
        assert verify(rows(store), SEALS, BEGINNING, end(ours)).broken is None
        assert [entry.actor for entry in rows(store, "there")] == ["other"] * 3

    asyncio.run(main())
