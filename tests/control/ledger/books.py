"""Rows, logs and stores for tests of the ledger in control."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llm_gateway.accounting.records import Intent, Outcome, encode, fields
from llm_gateway.accounting.wal import Settings, Wal
from llm_gateway.control.ledger.bring import bring
from llm_gateway.control.ledger.budgets import Budgets
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.ids import Ids
from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store.connect import Store
from llm_gateway.store.errors import StoreUnavailable
from resilience_support import Noted

NOON = 1_699_963_200
"""Unix seconds: 2023-11-14 12:00 UTC."""
SMALL = Settings(1 << 20)


class Direct:
    """A store without threads, which can be away."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.away = False
        self.writes = 0

    async def read(self, work: Any) -> Any:
        if self.away:
            raise StoreUnavailable("it is away")
        return self.store.read(work)

    async def write(self, work: Any) -> Any:
        if self.away:
            raise StoreUnavailable("it is away")
        self.writes += 1
        return self.store.write(work)


def clock() -> FakeClock:
    return FakeClock(NOON)


def row(ident: str, cost: int = 100, at: float = NOON, **said: Any) -> LedgerRow:
    said = {"key": "k1", "tenant": "acme", "project": "web", "user": "ada", "tags": ("blue",), **said}
    return LedgerRow(id=ident, at=int(at * 1000), cost=cost, **said)


def put(store: Store, budgets: Budgets, *rows: LedgerRow) -> None:
    store.write(lambda connection: bring(connection, rows, budgets))


def log_of(state: Path, slot: int = 0) -> Wal:
    return Wal(state / "ledger" / str(slot), slot, lambda: NOON, SMALL)


class Writer:
    """Requests in a log."""

    def __init__(self, state: Path, slot: int = 0) -> None:
        self.wal = log_of(state, slot)
        self._ids = Ids(lambda: NOON)

    def begin(self, cost: int = 30, **said: Any) -> tuple[str, int]:
        ident = self._ids.ulid()
        said = {"key": "k1", "provider": "a", "served_model": "m", "input": 10, "output": 20, **said}
        return ident, self.wal.append(encode(fields(Intent(ident, NOON * 1000, cost=cost, **said))))

    def end(self, begun: tuple[str, int], cost: int = 5) -> str:
        ident, at = begun
        said = Outcome(
            ident, at, "completed", 200, provider="a", served_model="m", tokens=(1, 0, 0, 0, 2), cost=cost, source="prices"
        )
        self.wal.append(encode(fields(said)))
        return ident

    def whole(self, cost: int = 5, **said: Any) -> str:
        return self.end(self.begin(**said), cost)


def noted() -> Noted:
    return Noted()
