"""What the admin API owns: objects of the configuration, tenants' keys and people."""

from __future__ import annotations

from sqlalchemy import Index, Table

from llm_gateway.store.tables.shape import blob, maybe_text, metadata, moment, number, text

marks = Table("marks", metadata, text("name", primary=True), number("number"))
"""Numbers by name: `changed.<part>` grows with every change of a part, so that other nodes see it."""

objects = Table(
    "objects",
    metadata,
    text("kind", primary=True),
    text("name", primary=True),
    text("document"),
    number("version"),
    number("created_at"),
    number("updated_at"),
    text("updated_by"),
)
"""Documents of the configuration: providers, models, tenants ..., by what section they belong to."""

keys = Table(
    "keys",
    metadata,
    text("id", primary=True),
    blob("digest", unique=True),
    text("prefix"),
    text("name"),
    text("kind"),
    text("tenant"),
    text("project"),
    text("document"),
    text("status"),
    moment("expires_at"),
    number("created_at"),
    text("created_by"),
    moment("revoked_at"),
    maybe_text("rotated_from"),
    moment("last_used_at"),
    number("version"),
    Index("keys_created", "created_at", "id"),
    Index("keys_tenant", "tenant", "created_at", "id"),
)

people = Table(
    "people",
    metadata,
    text("id", primary=True),
    text("login", unique=True),
    text("name"),
    maybe_text("password"),
    text("roles"),
    text("tenant"),
    text("status"),
    number("failures"),
    moment("locked_until"),
    moment("last_login_at"),
    number("created_at"),
    number("version"),
    Index("people_created", "created_at", "id"),
)

end_users = Table(
    "end_users",
    metadata,
    text("tenant", primary=True),
    text("name", primary=True),
    text("document"),
    number("created_at"),
    number("updated_at"),
    number("version"),
)

provider_keys = Table(
    "provider_keys",
    metadata,
    text("id", primary=True),
    text("tenant"),
    text("provider"),
    text("name"),
    blob("sealed"),
    number("created_at"),
    text("created_by"),
    number("version"),
    Index("provider_keys_tenant", "tenant", "provider", "name", unique=True),
)

sessions = Table(
    "sessions",
    metadata,
    blob("id", primary=True),
    text("person"),
    text("document"),
    number("created_at"),
    number("used_at"),
    number("expires_at"),
    Index("sessions_person", "person"),
    Index("sessions_expires", "expires_at"),
)
"""Of people who signed in. `id` is a hash of what the cookie holds."""
