"""What control keeps for itself and for the workers' stored objects."""

from __future__ import annotations

from sqlalchemy import Index, Table

from llm_gateway.store.tables.shape import blob, flag, maybe_text, metadata, number, text

audit = Table(
    "audit",
    metadata,
    text("node", primary=True),
    number("seq", primary=True),
    text("event_id", unique=True),
    number("at"),
    text("actor"),
    text("action"),
    text("resource"),
    text("result"),
    text("before"),
    text("after"),
    text("ip"),
    text("user_agent"),
    text("request_id"),
    blob("prev_hash"),
    blob("hash"),
    blob("signature"),
    Index("audit_at", "at"),
)

snapshots = Table(
    "snapshots",
    metadata,
    number("number", primary=True),
    number("created_at"),
    text("created_by"),
    text("digest"),
    text("summary"),
    blob("document"),
)

idempotency = Table(
    "idempotency",
    metadata,
    text("key", primary=True),
    text("principal", primary=True),
    blob("request_hash"),
    number("status"),
    text("headers"),
    blob("body"),
    number("created_at"),
    number("expires_at"),
    Index("idempotency_expires", "expires_at"),
)
"""Answers to requests that may come again. `status` 0: the first one still runs."""

responses = Table(
    "responses",
    metadata,
    text("owner", primary=True),
    text("id", primary=True),
    blob("response"),
    blob("items"),
    maybe_text("previous"),
    text("provider"),
    flag("at_provider"),
    flag("partial"),
    flag("finished"),
    number("size"),
    number("made_at"),
    number("used_at"),
    Index("responses_used", "owner", "used_at", "size"),
    Index("responses_expire", "used_at", "size"),
)
"""What edge/stored.py calls Stored, by its owner; sealed. `size` 0: it was deleted at `used_at`, and nothing of it is left."""

owners = Table(
    "owners",
    metadata,
    text("provider", primary=True),
    text("kind", primary=True),
    text("item", primary=True),
    text("owner"),
    number("made_at"),
    Index("owners_owner", "owner", "made_at"),
    Index("owners_made", "made_at"),
)
"""Whose a file or a batch at a provider is (edge/ownership.py)."""
