"""Who asks: recognises a key without ever keeping it.

Keys are 256 random bits, so one keyed hash is enough (a slow one would only cost every request). The table is looked up by
digest: what an attacker could time is the comparison of digests under a secret pepper, which tells nothing about the key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import Forbidden, Unauthenticated
from llm_gateway.core.exchange import Exchange

LONGEST_KEY = 512
_BLOCK = 64  # SHA-256's block size in bytes


class Pepper:
    """HMAC-SHA256 (RFC 2104) under a fixed secret, with both pads hashed ahead of time."""

    def __init__(self, secret: bytes) -> None:
        key = hashlib.sha256(secret).digest() if len(secret) > _BLOCK else secret
        key = key.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(b ^ 0x36 for b in key))
        self._outer = hashlib.sha256(bytes(b ^ 0x5C for b in key))

    def digest(self, key: bytes) -> bytes:
        """The 32 bytes under which a key is known."""
        inner = self._inner.copy()
        inner.update(key)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


class KeyTable:
    """Digest -> Caller. Immutable; a reload builds a new one."""

    def __init__(self, pepper: Pepper, callers: Iterable[tuple[bytes, Caller]], anonymous: Caller | None) -> None:
        """`anonymous` is who a request without a key is; None: it is refused."""
        self.pepper = pepper
        self._callers: Mapping[bytes, Caller] = dict(callers)
        self.anonymous = anonymous
        self.open = anonymous is not None and not self._callers
        """No key is known and none is needed: whatever a request carries says nothing. Most SDKs insist on sending some key."""

    def find(self, key: bytes) -> Caller | None:
        return self._callers.get(self.pepper.digest(key))


class Identify:
    """The pipeline's first stage: sets `exchange.caller` or raises Unauthenticated."""

    def __init__(self, keys: KeyTable, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def __call__(self, ex: Exchange) -> None:
        """Raises Unauthenticated: missing_api_key, invalid_auth_header, invalid_api_key, in one wording for all wrong keys."""
        notes = ex.notes
        caller = None if notes is None else notes.get(self)
        if caller is None or caller.expires is not None:
            caller = self.caller(ex.headers)
            if notes is not None:
                notes[self] = caller  # the same head, the same key; forgotten with the head, or when a reload replaces us
        ex.caller = caller
        if ex.strict is None:
            ex.strict = caller.strict
        if caller.metadata_in_body:
            ex.metadata_wanted = True

    def caller(self, headers: Mapping[bytes, bytes]) -> Caller:
        keys = self._keys
        key = None if keys.open else presented(headers)
        if key is None:
            if keys.anonymous is not None:
                return keys.anonymous
            raise Unauthenticated(
                "No API key was given. Send it as 'Authorization: Bearer KEY', 'x-api-key: KEY' or 'x-goog-api-key: KEY'.",
                code="missing_api_key",
            )
        caller = keys.find(key) if len(key) <= LONGEST_KEY else None
        if caller is None:
            raise Unauthenticated("The API key is not known here.")
        if caller.expires is not None and caller.expires <= self._clock.now():
            raise Unauthenticated("The API key has expired.", code="expired_api_key")
        return caller


def presented(headers: Mapping[bytes, bytes]) -> bytes | None:
    """The key a request carries, None if none. Raises Unauthenticated for an Authorization header of another kind."""
    authorization = headers.get(b"authorization")
    if authorization is None:
        return headers.get(b"x-api-key") or headers.get(b"x-goog-api-key") or None
    key = authorization[7:].strip()
    if not key or (not authorization.startswith(b"Bearer ") and authorization[:7].lower() != b"bearer "):
        raise Unauthenticated("The Authorization header must read 'Bearer KEY'.", code="invalid_auth_header")
    return key


def authorize(ex: Exchange) -> None:
    """May this caller use this model? Raises Forbidden."""
    caller = ex.caller
    if caller is None or not caller.allows(ex.model):
        raise Forbidden(
            "This API key may not use the model that was asked for. GET /v1/models lists what it may use.",
            code="model_not_accessible",
            param="model",
        )
