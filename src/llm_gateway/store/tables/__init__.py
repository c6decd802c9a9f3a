"""The tables as queries see them. Migrations make them; tests/store/test_tables.py holds both together."""

from __future__ import annotations

from llm_gateway.store.tables.configuration import end_users, keys, marks, objects, people, provider_keys, sessions
from llm_gateway.store.tables.control import audit, idempotency, owners, responses, snapshots
from llm_gateway.store.tables.shape import metadata
from llm_gateway.store.tables.usage import alerts, budgets_spent, ledger, rollups, shipped

__all__ = [
    "alerts",
    "audit",
    "budgets_spent",
    "end_users",
    "idempotency",
    "keys",
    "ledger",
    "marks",
    "metadata",
    "objects",
    "owners",
    "people",
    "provider_keys",
    "responses",
    "rollups",
    "sessions",
    "shipped",
    "snapshots",
]
