"""The ledger and what is folded from it."""

from __future__ import annotations

from sqlalchemy import Index, Table
from sqlalchemy import text as sql

from llm_gateway.store.tables.shape import blob, flag, metadata, number, real, text

TOKENS = (
    "input",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "output",
    "reasoning",
    "audio_input",
    "audio_output",
    "accepted_prediction",
    "rejected_prediction",
)
"""Token classes: columns of the ledger and of the rollups."""

ledger = Table(
    "ledger",
    metadata,
    text("id", primary=True),
    number("at", primary=True),
    text("request_id"),
    text("status"),
    number("http_status"),
    text("error"),
    text("operation"),
    text("key"),
    text("tenant"),
    text("project"),
    text("end_user"),
    text("tags"),
    text("model"),
    text("provider"),
    text("served_model"),
    flag("stream"),
    *(number(name) for name in TOKENS),
    text("units"),
    number("cost"),
    text("cost_source"),
    flag("estimated"),
    text("unpriced"),
    text("price_version"),
    text("tier"),
    real("latency_ms"),
    real("ttft_ms"),
    text("attempts"),
    text("decision"),
    text("corrects"),
    number("schema"),
    Index("ledger_at", "at"),
    Index("ledger_tenant", "tenant", "at"),
    Index("ledger_key", "key", "at"),
    Index("ledger_model", "model", "at"),
    Index("ledger_provider", "provider", "at"),
    Index("ledger_request", "request_id"),
    Index("ledger_corrects", "corrects", sqlite_where=sql("corrects <> ''"), postgresql_where=sql("corrects <> ''")),
    postgresql_partition_by="RANGE (at)",
)
"""core/ledger.py's LedgerRow. Its `user` is `end_user` here: in PostgreSQL an unquoted `user` is whoever is connected."""

rollups = Table(
    "rollups",
    metadata,
    number("day", primary=True),
    blob("digest", primary=True),
    text("tenant"),
    text("project"),
    text("key"),
    text("end_user"),
    text("model"),
    text("provider"),
    text("served_model"),
    text("status"),
    number("requests"),
    *(number(name) for name in TOKENS),
    number("cost"),
    number("estimated"),
    number("unpriced"),
    real("latency_ms"),
)
"""One row a day (UTC, its first millisecond) for all ledger rows that have these texts in common; `digest` is of them."""

shipped = Table(
    "shipped",
    metadata,
    text("source", primary=True),
    number("segment"),
    number("offset"),
    number("at"),
)
"""Up to where each write-ahead log was brought into the ledger."""

budgets_spent = Table(
    "budgets_spent",
    metadata,
    text("meter", primary=True),
    number("period", primary=True),
    number("spent"),
    number("version"),
    number("updated_at"),
)

alerts = Table(
    "alerts",
    metadata,
    text("meter", primary=True),
    number("period", primary=True),
    number("percent", primary=True),
    number("at"),
)
"""What somebody was told already."""
