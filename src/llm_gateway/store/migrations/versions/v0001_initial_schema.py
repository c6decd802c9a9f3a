"""What the admin API owns, people and their sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
compatible_with = "0001"
"""The newest migration that the oldest version knows which can work with this schema."""


def upgrade() -> None:
    _marks()
    _objects()
    _keys()
    _people()
    _end_users()
    _sessions()


def downgrade() -> None:
    op.drop_table("sessions")
    op.drop_table("end_users")
    op.drop_table("people")
    op.drop_table("keys")
    op.drop_table("objects")
    op.drop_table("marks")


def _marks() -> None:
    op.create_table(
        "marks",
        sa.Column("name", sa.Text, primary_key=True, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
    )


def _objects() -> None:
    op.create_table(
        "objects",
        sa.Column("kind", sa.Text, primary_key=True, nullable=False),
        sa.Column("name", sa.Text, primary_key=True, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("updated_by", sa.Text, nullable=False),
    )


def _keys() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("revoked_at", sa.BigInteger, nullable=True),
        sa.Column("rotated_from", sa.Text, nullable=True),
        sa.Column("last_used_at", sa.BigInteger, nullable=True),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_index("keys_created", "keys", ["created_at", "id"])
    op.create_index("keys_tenant", "keys", ["tenant", "created_at", "id"])


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("login", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("password", sa.Text, nullable=True),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("locked_until", sa.BigInteger, nullable=True),
        sa.Column("last_login_at", sa.BigInteger, nullable=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_index("people_created", "people", ["created_at", "id"])


def _end_users() -> None:
    op.create_table(
        "end_users",
        sa.Column("tenant", sa.Text, primary_key=True, nullable=False),
        sa.Column("name", sa.Text, primary_key=True, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.LargeBinary, primary_key=True, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("sessions_expires", "sessions", ["expires_at"])
    op.create_index("sessions_person", "sessions", ["person"])
