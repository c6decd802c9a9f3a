"""Who asks: recognises a key without ever keeping it.

Keys are 256 random bits, so one keyed hash is enough (a slow one would only cost every request). The table is looked up by
digest: what an attacker could time is the comparison of digests under a secret pepper, which tells nothing about the key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn, Protocol

from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import Forbidden, StorageUnavailable, Unauthenticated
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.scopes import DATA
from llm_gateway.identity.roles import demand, scope_of
from llm_gateway.identity.uses import Uses

LONGEST_KEY = 512
DEFAULT_MODEL = "default"
"""The name for which a caller gets the model that its key, its project or its tenant says."""
REVOKED = 10_000
"""So many revoked ids are remembered until the next directory comes without them."""
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


class Keys(Protocol):
    """identity.directory.Directory."""

    def find(self, digest: bytes) -> Caller | None: ...

    def __len__(self) -> int: ...


class KeyTable:
    """Key -> Caller. A reload builds a new one; until then keys only leave it."""

    def __init__(
        self,
        peppers: Sequence[Pepper],
        keys: Keys,
        anonymous: Caller | None,
        uses: Uses | None = None,
        revoked: Iterable[str] = (),
    ) -> None:
        """`peppers`: the current one, and those before it whose digests still count; `anonymous`: who a request without a key
        is; None: it is refused.
        """
        self.peppers = tuple(peppers)
        self.pepper = peppers[0]
        self._older = tuple(peppers[1:])
        self._find = keys.find
        self.uses = uses or Uses()
        self.anonymous = anonymous
        self.open = anonymous is not None and not len(keys)
        """No key is known and none is needed: whatever a request carries says nothing. Most SDKs insist on sending some key."""
        self.waiting = False
        """Whether the store's keys were never read yet: one that is not known here may be good."""
        self._revoked = dict.fromkeys(revoked)
        self.epoch = object()
        """Another one whenever a caller that was found before may not be one any more."""

    @property
    def revoked(self) -> tuple[str, ...]:
        """Ids that `revoke` was told, for the next table."""
        return tuple(self._revoked)

    def find(self, key: bytes) -> Caller | None:
        digest = self.pepper.digest(key)
        caller = self._find(digest)
        if caller is None and self._older:
            for pepper in self._older:
                caller = self._find(pepper.digest(key)) or caller  # all of them, so that unknown keys cost the same
            if caller is not None:
                self.uses.renew(caller.key_id, digest)
        if caller is not None and self._revoked and caller.key_id in self._revoked:
            return None
        return caller

    def unknown(self) -> NoReturn:
        """Refuses who is not in it. Raises Unauthenticated; StorageUnavailable while it may only not be here yet."""
        if self.waiting:
            raise StorageUnavailable("The gateway has just started and could not read its keys yet. Please try again soon.")
        raise Unauthenticated("The API key is not known here.")

    def revoke(self, ids: Iterable[str]) -> None:
        """These keys are refused from now on, also on connections where they were accepted before."""
        self._revoked.update(dict.fromkeys(ids))
        while len(self._revoked) > REVOKED:
            del self._revoked[next(iter(self._revoked))]
        self.epoch = object()


class Identify:
    """The pipeline's first stage: sets `exchange.caller` or raises Unauthenticated."""

    def __init__(self, keys: KeyTable, clock: Clock) -> None:
        self._keys = keys
        self._uses = keys.uses
        self._clock = clock

    def __call__(self, ex: Exchange) -> None:
        """Raises Unauthenticated: missing_api_key, invalid_auth_header, invalid_api_key, in one wording for all wrong keys;
        Forbidden for one whose tenant is disabled; and StorageUnavailable while it cannot be known whether a key is good.
        """
        notes = ex.notes
        epoch = self._keys.epoch
        caller = None if notes is None else notes.get(epoch)
        if caller is None or caller.expires is not None:
            caller = self.caller(ex.headers)
            if notes is not None:
                notes[epoch] = caller  # the same head, the same key; forgotten with the head, or when a reload replaces us
        self.accept(ex, caller)

    def accept(self, ex: Exchange, caller: Caller) -> None:
        """`caller`, however it was recognised, is who sent this."""
        ex.caller = caller
        if caller.noted != self._uses.period:
            self._uses.note(caller)
        if ex.strict is None:
            ex.strict = caller.strict
        if caller.metadata_in_body:
            ex.metadata_wanted = True

    def caller(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Who has the key in these headers. Raises as `__call__` does."""
        keys = self._keys
        key = None if keys.open else presented(headers)
        if key is None:
            if keys.anonymous is not None:
                return keys.anonymous
            if keys.waiting:
                keys.unknown()
            raise Unauthenticated(
                "No API key was given. Send it as 'Authorization: Bearer KEY', 'x-api-key: KEY' or 'x-goog-api-key: KEY'.",
                code="missing_api_key",
            )
        caller = keys.find(key) if len(key) <= LONGEST_KEY else None
        if caller is None:
            keys.unknown()
        self.current(caller)
        return caller

    def current(self, caller: Caller) -> None:
        """Raises Forbidden for who belongs to something that is disabled, Unauthenticated for a key that has expired."""
        if caller.disabled:
            if caller.disabled.startswith("tenant"):
                raise Forbidden("The tenant that this API key belongs to is disabled.", code="tenant_disabled")
            raise Forbidden("The project that this API key belongs to is disabled.", code="project_disabled")
        if caller.expires is not None and caller.expires <= self._clock.now():
            raise Unauthenticated("The API key has expired.", code="expired_api_key")


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
    """May this caller do this, with this model? Raises Forbidden. End users are looked at where their limits are.

    The model `default` becomes what the caller's key, project or tenant says.
    """
    caller = ex.caller
    if caller is None:
        raise _not_accessible()
    if caller.scopes is not DATA:  # nearly all have this very set, in which each operation of models is
        demand(caller, scope_of(ex.front.operation))
    if caller.default_model is not None and ex.model == DEFAULT_MODEL:
        ex.model = caller.default_model
    if not caller.allows(ex.model):
        raise _not_accessible()


def _not_accessible() -> Forbidden:
    return Forbidden(
        "This API key may not use the model that was asked for. GET /v1/models lists what it may use.",
        code="model_not_accessible",
        param="model",
    )
