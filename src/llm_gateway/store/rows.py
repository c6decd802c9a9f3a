"""Rows as the rest of the program sees them: field names are column names, documents are JSON texts."""

from __future__ import annotations

from typing import Literal

import msgspec


class ObjectRow(msgspec.Struct, frozen=True):
    kind: str
    name: str
    document: str
    version: int
    created_at: int
    updated_at: int
    updated_by: str


class KeyRow(msgspec.Struct, frozen=True):
    """`digest` is all that is kept of the key itself."""

    id: str
    digest: bytes
    prefix: str
    """What it is recognised by: its first characters."""
    name: str
    kind: str
    tenant: str
    project: str
    document: str
    """Scopes, models, limits ...: whatever is not searched for."""
    status: Literal["active", "disabled", "revoked"]
    expires_at: int | None
    created_at: int
    created_by: str
    revoked_at: int | None = None
    rotated_from: str | None = None
    last_used_at: int | None = None
    version: int = 1


class PersonRow(msgspec.Struct, frozen=True):
    id: str
    login: str
    name: str
    password: str | None
    """An argon2 hash; None: signs in elsewhere."""
    roles: str
    tenant: str
    status: Literal["active", "disabled"]
    failures: int
    locked_until: int | None
    last_login_at: int | None
    created_at: int
    version: int = 1


class EndUserRow(msgspec.Struct, frozen=True):
    tenant: str
    name: str
    document: str
    created_at: int
    updated_at: int
    version: int = 1


class ProviderKeyRow(msgspec.Struct, frozen=True):
    id: str
    tenant: str
    provider: str
    name: str
    sealed: bytes
    created_at: int
    created_by: str
    version: int = 1


class SessionRow(msgspec.Struct, frozen=True):
    id: bytes
    person: str
    document: str
    created_at: int
    used_at: int
    expires_at: int


class AuditRow(msgspec.Struct, frozen=True):
    node: str
    """The installation whose chain it belongs to (`install.id` in its state directory)."""
    seq: int
    event_id: str
    at: int
    actor: str
    action: str
    resource: str
    result: str
    before: str
    after: str
    ip: str
    user_agent: str
    request_id: str
    prev_hash: bytes
    hash: bytes
    signature: bytes


class SnapshotRow(msgspec.Struct, frozen=True):
    number: int
    created_at: int
    created_by: str
    digest: str
    summary: str


class AnswerRow(msgspec.Struct, frozen=True):
    """What an idempotency key was answered with. `status` 0: it is not yet."""

    request_hash: bytes
    status: int
    headers: str
    body: bytes


class ResponseRow(msgspec.Struct, frozen=True):
    """The fields of edge/stored.py's Stored."""

    response: bytes
    items: bytes
    previous: str | None
    provider: str
    at_provider: bool
    partial: bool
    finished: bool


class Position(msgspec.Struct, frozen=True):
    segment: int
    offset: int


class Spent(msgspec.Struct, frozen=True):
    meter: str
    period: int
    spent: int
    version: int


class UsageRow(msgspec.Struct, frozen=True):
    """Sums over the rows of a group. Corrections change `cost` and nothing else."""

    group: dict[str, str | int]
    requests: int = 0
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0
    accepted_prediction: int = 0
    rejected_prediction: int = 0
    cost: int = 0
    estimated: int = 0
    """Rows with estimated tokens or prices."""
    unpriced: int = 0
    """Rows that used what has no price."""
    latency_ms: float = 0.0
    """The sum; divide by requests."""
