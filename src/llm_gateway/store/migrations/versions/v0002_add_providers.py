"""Tenants" own keys at providers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
compatible_with = "0001"
"""The newest migration that the oldest version knows which can work with this schema."""


def upgrade() -> None:
    _provider_keys()


def downgrade() -> None:
    op.drop_table("provider_keys")


def _provider_keys() -> None:
    op.create_table(
        "provider_keys",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_index("provider_keys_tenant", "provider_keys", ["tenant", "provider", "name"], unique=True)
