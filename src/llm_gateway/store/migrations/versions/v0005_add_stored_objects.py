"""Stored responses, and whose files and batches are whose."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
compatible_with = "0001"
"""The newest migration that the oldest version knows which can work with this schema."""


def upgrade() -> None:
    _responses()
    _owners()


def downgrade() -> None:
    op.drop_table("owners")
    op.drop_table("responses")


def _responses() -> None:
    op.create_table(
        "responses",
        sa.Column("owner", sa.Text, primary_key=True, nullable=False),
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("response", sa.LargeBinary, nullable=False),
        sa.Column("items", sa.LargeBinary, nullable=False),
        sa.Column("previous", sa.Text, nullable=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("at_provider", sa.Boolean, nullable=False),
        sa.Column("partial", sa.Boolean, nullable=False),
        sa.Column("finished", sa.Boolean, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger, nullable=False),
    )
    op.create_index("responses_expire", "responses", ["used_at", "size"])
    op.create_index("responses_used", "responses", ["owner", "used_at", "size"])


def _owners() -> None:
    op.create_table(
        "owners",
        sa.Column("provider", sa.Text, primary_key=True, nullable=False),
        sa.Column("kind", sa.Text, primary_key=True, nullable=False),
        sa.Column("item", sa.Text, primary_key=True, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
    )
    op.create_index("owners_made", "owners", ["made_at"])
    op.create_index("owners_owner", "owners", ["owner", "made_at"])
