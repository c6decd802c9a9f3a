"""Who asks, by whatever a request carries. The pipeline's first stage where there is more than keys.

1.  `Authorization`, else `x-api-key`, else `x-goog-api-key`: what stands in the first of them counts, and nothing else is
    looked at. It is a key of the gateway, else a signed token of a configured issuer, else a token that its issuer is asked
    about. If it is none of them the request is refused: wrong credentials are never made good by others beside them.
2.  Without any of them: the client certificate, if a rule holds for it.
3.  Without that: nobody (anonymous), where no key is needed.

All that is wrong about a key or a token is told in one wording; only who has a good one that is over is told so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import inf
from typing import Any

from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import GatewayError, Unauthenticated
from llm_gateway.core.exchange import Exchange
from llm_gateway.http.request import Request
from llm_gateway.identity.certificates import Certificates
from llm_gateway.identity.jose import Refused, looks_signed
from llm_gateway.identity.keys import LONGEST_KEY, Identify, KeyTable, presented
from llm_gateway.identity.lockout import Lockout
from llm_gateway.identity.signing import Signatures, signing_secret
from llm_gateway.identity.tokens import Tokens
from llm_gateway.identity.validity import Expired

_OURS = b"sk-"
"""What begins so was meant to be a key of this gateway, or of a provider: it is never sent to who could read it."""
_TELL_SECONDS = 10.0

Note = Callable[[str, str], None]
Log = Callable[..., None]
"""Level, event, and fields by name."""


class Who:
    """One per snapshot; `signatures` and `lockout` outlive it."""

    def __init__(  # noqa: PLR0913 - what it asks and tells, each by name
        self,
        identify: Identify,
        keys: KeyTable,
        clock: Clock,
        signatures: Signatures,
        lockout: Lockout,
        *,
        tokens: Tokens | None = None,
        certificates: Certificates | None = None,
        log: Log | None = None,
        note: Note | None = None,
    ) -> None:
        """`note` is told of each refusal: from where, and its code."""
        self._identify = identify
        self._keys = keys
        self._clock = clock
        self._signatures = signatures
        self._lockout = lockout
        self._tokens = tokens
        self._certificates = certificates
        self._log = log
        self._note = note
        self._told: dict[str, float] = {}

    def __call__(self, ex: Exchange) -> Awaitable[None] | None:
        """Sets `ex.caller`. What is left to await where somebody has to be asked. Raises Unauthenticated, RateLimited, Forbidden,
        IdentityUnavailable.
        """
        notes, epoch = ex.notes, self._keys.epoch
        caller = None if notes is None else notes.get(epoch)
        if caller is None or (caller.expires is not None and caller.expires <= self._clock.now()):
            try:
                found, by_head = self._find(ex.http, ex.peer)
            except Unauthenticated as refusal:
                raise self._failed(ex.peer, refusal) from None
            if not isinstance(found, Caller):
                return self._later(ex, found)
            caller = found
            if by_head and notes is not None:
                notes[epoch] = caller  # the same head, the same credentials
        if caller.require_signature:
            return self._accept_signed(ex, caller)
        self._identify.accept(ex, caller)
        return None

    async def caller(self, request: Request) -> Caller:
        """For what is no exchange. Raises as `__call__` does."""
        try:
            found, _ = self._find(request, request.peer)
            caller = found if isinstance(found, Caller) else await self._asked(found, request.peer)
        except Unauthenticated as refusal:
            raise self._failed(request.peer, refusal) from None
        if caller.require_signature:
            await self._signed(request, request.peer)
        return caller

    def again(self, ex: Exchange) -> Caller | Awaitable[Caller]:
        """Who sent a request that takes long, looked at once more: keys are revoked meanwhile. To be awaited where somebody has
        to be asked. Raises as `__call__` does; but it is no try to come in, so nobody is locked out for it.
        """
        found, _ = self._find(ex.http, ex.peer)
        return found if isinstance(found, Caller) else self._asked(found, ex.peer)

    async def _later(self, ex: Exchange, found: Awaitable[Caller]) -> None:
        try:
            caller = await self._asked(found, ex.peer)
        except Unauthenticated as refusal:
            raise self._failed(ex.peer, refusal) from None
        if caller.require_signature:
            await self._accept_signed(ex, caller)
        else:
            self._identify.accept(ex, caller)

    async def _accept_signed(self, ex: Exchange, caller: Caller) -> None:
        await self._signed(ex.http, ex.peer)
        self._identify.accept(ex, caller)

    def _find(self, request: Request, peer: str) -> tuple[Caller | Awaitable[Caller], bool]:
        """Who it is, and whether that follows from the head alone. Raises GatewayError."""
        keys, tokens = self._keys, self._tokens
        key = presented(request.headers) if tokens is not None or not keys.open else None
        if key is not None and keys.open and not (tokens is not None and looks_signed(key)):
            key = None  # no key is known and none is needed: what SDKs send because they must says nothing
        if key is None:
            caller = self._by_certificate(request)
            return (caller, False) if caller is not None else (self._identify.caller(request.headers), self._certificates is None)
        caller = keys.find(key) if len(key) <= LONGEST_KEY else None
        if caller is not None:
            self._identify.current(caller)
            return caller, True
        if tokens is None or key.startswith(_OURS):
            self._keys.unknown()
        return self._by_token(tokens, key, peer), True

    def _by_token(self, tokens: Tokens, key: bytes, peer: str) -> Caller | Awaitable[Caller]:
        try:
            found = tokens.caller_of(key)
        except Refused as refused:
            raise self._refused(refused, peer) from None
        if isinstance(found, Caller):
            self._identify.current(found)
        return found

    def _by_certificate(self, request: Request) -> Caller | None:
        certificate: dict[str, Any] | None = request.client_cert
        if self._certificates is None or certificate is None:
            return None
        caller = self._certificates.caller_of(certificate)
        if caller is not None:
            self._identify.current(caller)
        return caller

    async def _asked(self, found: Awaitable[Caller], peer: str) -> Caller:
        try:
            caller = await found
        except Refused as refused:
            raise self._refused(refused, peer) from None
        self._identify.current(caller)
        return caller

    async def _signed(self, request: Request, peer: str) -> None:
        key = presented(request.headers) or b""
        secrets = [signing_secret(pepper, pepper.digest(key)) for pepper in self._keys.peppers]
        try:
            asked = self._signatures.check(request, secrets)
            if asked is not None:
                await asked
        except Unauthenticated as refusal:
            raise self._failed(peer, refusal) from None

    def _failed(self, peer: str, refusal: Unauthenticated) -> GatewayError:
        """Credentials that are missing, or were good once, are no try at finding some."""
        if self._note is not None:
            self._note(peer, refusal.code)
        if refusal.code in ("missing_api_key", "expired_api_key", "expired_token", "expired_signature"):
            return refusal
        return self._lockout.failed(peer, refusal)

    def _refused(self, refused: Refused, peer: str) -> Unauthenticated:
        self._tell(refused.why, peer)
        if isinstance(refused, Expired):
            return Unauthenticated("The token has expired.", code="expired_token")
        return _unknown()

    def _tell(self, why: str, peer: str) -> None:
        """Operators need to know why tokens are refused; their log must not be filled by strangers."""
        now = self._clock.monotonic()
        if self._log is not None and now >= self._told.get(why, -inf) + _TELL_SECONDS:
            self._told[why] = now
            self._log("info", "token_refused", why=why, source=peer)


def _unknown() -> Unauthenticated:
    return Unauthenticated("The API key is not known here.")
