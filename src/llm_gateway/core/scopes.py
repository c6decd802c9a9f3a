"""What a key may do at all, as words: `what:how`. Which request needs which of them stands in identity/roles.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType

ASKING = frozenset(
    {
        "chat:create",
        "embeddings:create",
        "rerank:create",
        "images:create",
        "audio:create",
        "moderations:create",
        "documents:create",
        "realtime:create",
        "batches:create",
        "files:write",
        "responses:write",
        "passthrough:use",
    }
)
"""What costs money, or changes something at a provider."""
READING = frozenset({"models:read", "usage:read", "health:read", "routing:read", "files:read", "batches:read", "responses:read"})
"""What shows something to its owner."""
ADMIN = frozenset({"admin:read", "admin:write"})
"""The admin API: which part of it is a matter of roles."""
DATA = ASKING | READING
EVERY = DATA | ADMIN

OF_KIND: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "gateway": DATA,
        "readonly": READING,
        "admin": READING | ADMIN,
        "jwt": DATA,
        "mtls": DATA,
        "anonymous": DATA,
    }
)
"""What a key of each kind may do if nothing narrower is said."""
MOST: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "gateway": DATA,
        "readonly": READING,
        "admin": EVERY,
        "jwt": EVERY,
        "mtls": EVERY,
        "anonymous": EVERY,
    }
)
"""What can be said at all for a key of each kind."""


def known(pattern: str) -> bool:
    """Whether it names a scope, or some of them: `chat:create`, `files:*`, `*:read`, `*`."""
    return any(fnmatchcase(scope, pattern) for scope in EVERY)


def granted(kind: str, patterns: Iterable[str] | None) -> frozenset[str]:
    """What a key of this kind may do. `patterns` None: what is usual for it. Never more than is possible for its kind."""
    if patterns is None:
        return OF_KIND[kind]
    wanted = tuple(patterns)
    return frozenset(scope for scope in MOST[kind] if any(fnmatchcase(scope, pattern) for pattern in wanted))
