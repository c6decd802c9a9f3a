"""Ids and times that follow from a request, so that answers depend neither on the clock nor on chance."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime

FIRST_SECOND = 1_735_689_600  # 2025-01-01
SECONDS = 31_000_000


def identifier(prefix: str, digest: str) -> str:
    """An id in the manner of the providers."""
    return f"{prefix}{digest[:24]}"


def created(digest: str) -> int:
    """A Unix time in 2025."""
    return FIRST_SECOND + int(hashlib.blake2b(digest.encode(), digest_size=4).hexdigest(), 16) % SECONDS


def created_at(digest: str) -> str:
    """The same moment as RFC 3339 has it."""
    return datetime.fromtimestamp(created(digest), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def uuid_of(source: str) -> str:
    """A UUID of version 4."""
    return str(uuid.UUID(bytes=hashlib.blake2b(source.encode(), digest_size=16).digest(), version=4))
