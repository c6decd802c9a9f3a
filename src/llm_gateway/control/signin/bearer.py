"""Tokens at the admin API: those of the issuers of `auth.jwt`, and of `auth.introspection`, with the roles that they name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request

from llm_gateway.control.app import headers_of
from llm_gateway.control.signin.outside import Outside
from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import Unauthenticated
from llm_gateway.identity.admitting import Admitting
from llm_gateway.identity.introspection import Introspect
from llm_gateway.identity.jose import Refused
from llm_gateway.identity.keys import LONGEST_KEY, Identify, presented
from llm_gateway.identity.keysets import KeySets
from llm_gateway.identity.roles import Principal, principal_of
from llm_gateway.identity.tokens import Tokens
from llm_gateway.identity.validity import Expired
from llm_gateway.snapshot import Snapshot
from llm_gateway.telemetry.journal import Log

_OURS = b"sk-"


class Bearer:
    """One per control process. What is no token is left to whoever knows keys."""

    def __init__(
        self, built: Callable[[], Snapshot | None], outside: Outside, clock: Clock, log: Log, draw: Callable[[], float]
    ) -> None:
        self._built = built
        self._outside = outside
        self._clock = clock
        self._keysets = KeySets(clock, draw, log)
        self._snapshot: Snapshot | None = None
        self._tokens: Tokens | None = None
        self._asking: list[Introspect] = []

    async def __call__(self, request: Request) -> Principal | None:
        """Raises Unauthenticated, Forbidden, IdentityUnavailable."""
        snapshot = self._built()
        if snapshot is None:
            return None
        self._use(snapshot)
        tokens = self._tokens
        token = presented(headers_of(request)) if tokens is not None and "authorization" in request.headers else None
        if tokens is None or token is None or token.startswith(_OURS):
            return None
        if len(token) <= LONGEST_KEY and snapshot.keys.find(token) is not None:
            return None
        caller = await self._caller(tokens, token)
        Identify(snapshot.keys, self._clock).current(caller)
        return principal_of(caller)

    async def close(self) -> None:
        await asyncio.gather(*(one.close() for one in self._asking))
        await self._keysets.close()

    async def _caller(self, tokens: Tokens, token: bytes) -> Caller:
        try:
            found: Caller | Awaitable[Caller] = tokens.caller_of(token)
            return found if isinstance(found, Caller) else await found
        except Expired:
            raise Unauthenticated("The token has expired.", code="expired_token") from None
        except Refused:
            raise Unauthenticated("The API key is not known here.") from None

    def _use(self, snapshot: Snapshot) -> None:
        """A reload may have changed who is believed."""
        if snapshot is self._snapshot:
            return
        auth = snapshot.config.auth
        self._outside.use(snapshot.config.network)
        self._keysets.use(self._outside.client)
        self._keysets.only(auth.jwt.issuers)
        admit = Admitting(snapshot.directory, unknown_tenants=auth.jwt.unknown_tenants == "allow")
        introspect = None
        if auth.introspection is not None:
            introspect = Introspect(auth.introspection, self._keysets.http, admit, self._clock)
            self._asking = [*self._asking[-1:], introspect]
        there = bool(auth.jwt.issuers) or introspect is not None
        self._tokens = Tokens(auth.jwt, self._keysets, admit, self._clock, introspect=introspect) if there else None
        self._snapshot = snapshot
