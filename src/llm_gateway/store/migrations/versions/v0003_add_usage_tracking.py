"""The ledger, what is folded from it, and how far that came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
compatible_with = "0001"
"""The newest migration that the oldest version knows which can work with this schema."""


def upgrade() -> None:
    _ledger()
    _rollups()
    _shipped()
    _budgets_spent()
    _alerts()
    _ledger_indexes()


def downgrade() -> None:
    op.drop_table("alerts")
    op.drop_table("budgets_spent")
    op.drop_table("shipped")
    op.drop_table("rollups")
    op.drop_table("ledger")


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("http_status", sa.BigInteger, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("end_user", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("served_model", sa.Text, nullable=False),
        sa.Column("stream", sa.Boolean, nullable=False),
        sa.Column("input", sa.BigInteger, nullable=False),
        sa.Column("cache_read", sa.BigInteger, nullable=False),
        sa.Column("cache_write", sa.BigInteger, nullable=False),
        sa.Column("cache_write_1h", sa.BigInteger, nullable=False),
        sa.Column("output", sa.BigInteger, nullable=False),
        sa.Column("reasoning", sa.BigInteger, nullable=False),
        sa.Column("audio_input", sa.BigInteger, nullable=False),
        sa.Column("audio_output", sa.BigInteger, nullable=False),
        sa.Column("accepted_prediction", sa.BigInteger, nullable=False),
        sa.Column("rejected_prediction", sa.BigInteger, nullable=False),
        sa.Column("units", sa.Text, nullable=False),
        sa.Column("cost", sa.BigInteger, nullable=False),
        sa.Column("cost_source", sa.Text, nullable=False),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.Column("unpriced", sa.Text, nullable=False),
        sa.Column("price_version", sa.Text, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("latency_ms", sa.Double, nullable=False),
        sa.Column("ttft_ms", sa.Double, nullable=False),
        sa.Column("attempts", sa.Text, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("corrects", sa.Text, nullable=False),
        sa.Column("schema", sa.BigInteger, nullable=False),
        postgresql_partition_by="RANGE (at)",
    )


def _ledger_indexes() -> None:
    op.create_index("ledger_at", "ledger", ["at"])
    op.create_index(
        "ledger_corrects",
        "ledger",
        ["corrects"],
        sqlite_where=sa.text("corrects <> ''"),
        postgresql_where=sa.text("corrects <> ''"),
    )
    op.create_index("ledger_key", "ledger", ["key", "at"])
    op.create_index("ledger_model", "ledger", ["model", "at"])
    op.create_index("ledger_provider", "ledger", ["provider", "at"])
    op.create_index("ledger_request", "ledger", ["request_id"])
    op.create_index("ledger_tenant", "ledger", ["tenant", "at"])


def _rollups() -> None:
    op.create_table(
        "rollups",
        sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary, primary_key=True, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("end_user", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("served_model", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("input", sa.BigInteger, nullable=False),
        sa.Column("cache_read", sa.BigInteger, nullable=False),
        sa.Column("cache_write", sa.BigInteger, nullable=False),
        sa.Column("cache_write_1h", sa.BigInteger, nullable=False),
        sa.Column("output", sa.BigInteger, nullable=False),
        sa.Column("reasoning", sa.BigInteger, nullable=False),
        sa.Column("audio_input", sa.BigInteger, nullable=False),
        sa.Column("audio_output", sa.BigInteger, nullable=False),
        sa.Column("accepted_prediction", sa.BigInteger, nullable=False),
        sa.Column("rejected_prediction", sa.BigInteger, nullable=False),
        sa.Column("cost", sa.BigInteger, nullable=False),
        sa.Column("estimated", sa.BigInteger, nullable=False),
        sa.Column("unpriced", sa.BigInteger, nullable=False),
        sa.Column("latency_ms", sa.Double, nullable=False),
    )


def _shipped() -> None:
    op.create_table(
        "shipped",
        sa.Column("source", sa.Text, primary_key=True, nullable=False),
        sa.Column("segment", sa.BigInteger, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )


def _budgets_spent() -> None:
    op.create_table(
        "budgets_spent",
        sa.Column("meter", sa.Text, primary_key=True, nullable=False),
        sa.Column("period", sa.BigInteger, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("meter", sa.Text, primary_key=True, nullable=False),
        sa.Column("period", sa.BigInteger, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("percent", sa.BigInteger, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
