"""Tokens to callers: signed ones are checked here, others by asking whoever issued them.

A token that was found good is remembered by its whole SHA-256 until it expires, or until a reload; all else is looked at anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Container
from hashlib import sha256

from llm_gateway.config.schema.tokens import Jwt
from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import IdentityUnavailable
from llm_gateway.identity.claimed import Admit
from llm_gateway.identity.introspection import Introspect
from llm_gateway.identity.issuers import Trusted
from llm_gateway.identity.jose import Refused, Token, looks_signed, taken_apart
from llm_gateway.identity.keysets import KeySets

_LONGEST_ID = 256


class Tokens:
    """One per snapshot. What it raises: Refused for a token that is not good, IdentityUnavailable where that cannot be known now,
    and what the directory raises for who may not be served.
    """

    def __init__(
        self,
        config: Jwt,
        keysets: KeySets,
        admit: Admit,
        clock: Clock,
        *,
        introspect: Introspect | None = None,
        revoked: Container[str] = frozenset(),
    ) -> None:
        """`revoked`: ids of tokens (`jti`) that are refused besides those of the configuration; may change while it is used."""
        self._issuers = {
            one.issuer: Trusted(one, keysets.of(one) if one.secret is None else None, clock) for one in config.issuers
        }
        self._most = config.remembered
        self._admit = admit
        self._clock = clock
        self._introspect = introspect
        self._revoked = frozenset(config.revoked)
        self._also_revoked = revoked
        self._known: OrderedDict[bytes, tuple[Caller, str]] = OrderedDict()

    def known(self, token: bytes) -> Caller | None:
        """Who sent this token, if that is remembered. Raises Refused if the token was good and is not any more."""
        digest = sha256(token).digest()
        found = self._known.get(digest)
        if found is None:
            return None
        caller, token_id = found
        if caller.expires is not None and self._clock.now() >= caller.expires:
            del self._known[digest]
            return None
        if token_id and token_id in self._also_revoked:
            raise Refused("revoked")
        return caller

    def caller_of(self, token: bytes) -> Caller | Awaitable[Caller]:
        """Who sent this token; to be awaited only where somebody has to be asked first."""
        if looks_signed(token):
            caller = self.known(token)
            if caller is not None:
                return caller
            taken = taken_apart(token)
            trusted = self._issuers.get(issuer) if isinstance(issuer := taken.claims.get("iss"), str) else None
            if trusted is not None:
                trusted.refuse_form(taken)
                if trusted.has(taken):
                    return self._checked(token, taken, trusted)
                if trusted.may_ask():
                    return self._after_asking(token, taken, trusted)
                return self._unknown_key(trusted)
        if self._introspect is None:
            raise Refused("issuer")
        return self._introspect.known(token) or self._introspect.caller_of(token)

    async def _after_asking(self, token: bytes, taken: Token, trusted: Trusted) -> Caller:
        await trusted.ask()
        if trusted.has(taken):
            return self._checked(token, taken, trusted)
        return self._unknown_key(trusted)

    def _unknown_key(self, trusted: Trusted) -> Caller:
        if trusted.keys() is None:
            raise IdentityUnavailable(
                "The token cannot be checked at the moment: its issuer's keys are not there.", retry_after=5.0
            )
        raise Refused("key")

    def _checked(self, token: bytes, taken: Token, trusted: Trusted) -> Caller:
        claimed = trusted.claimed(taken)
        token_id = taken.claims.get("jti", "")
        if not isinstance(token_id, str) or len(token_id) > _LONGEST_ID:
            raise Refused("jti")
        if token_id and (token_id in self._revoked or token_id in self._also_revoked):
            raise Refused("revoked")
        caller = self._admit(claimed)
        if len(self._known) >= self._most:
            self._known.popitem(last=False)
        self._known[sha256(token).digest()] = (caller, token_id)
        return caller
