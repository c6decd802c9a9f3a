"""Who may use the operators' port: the same keys as in the data plane, by the scopes that are for administering.

A key whose requests must be signed must sign them here, too (docs/SIGNING.md). Wrong keys count with those that the workers see,
and so do signatures.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from llm_gateway.control.app import body_of, headers_of
from llm_gateway.control.guarding import Guard
from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import Forbidden, Overloaded, Unauthenticated
from llm_gateway.http.request import Request as Signed
from llm_gateway.identity.keys import Identify, KeyTable, presented
from llm_gateway.identity.roles import demand
from llm_gateway.identity.rows import Grant
from llm_gateway.identity.signing import Signatures, signing_secret
from llm_gateway.snapshot import Snapshot

Built = Callable[[], Snapshot | None]
"""The snapshot that holds now; None: none was built yet."""
Used = Callable[[list[str], dict[str, bytes]], None]
"""Told ids of keys that were used, and digests under the current pepper of those that were found under an older one."""


def nobody_wants_to_know(_ids: list[str], _renewed: dict[str, bytes]) -> None:
    """A `Used`."""


class Admission:
    """Asks the keys of the snapshot that holds now."""

    def __init__(self, built: Built, clock: Clock, used: Used = nobody_wants_to_know, guard: Guard | None = None) -> None:
        """`guard` None: what is wrong is not counted."""
        self._built = built
        self._clock = clock
        self._used = used
        self._guard = guard
        self._signatures = Signatures(clock, None if guard is None else guard.once)

    @property
    def open(self) -> bool:
        """Whether no key is known and none is needed. Raises Overloaded while nothing is known yet."""
        return self._snapshot().keys.open

    async def caller(self, request: Request) -> Caller:
        """Raises Unauthenticated, RateLimited; InvalidRequest for a signed body that is too large; Overloaded while nothing is
        known yet.
        """
        try:
            return await self._caller(request)
        except Unauthenticated as refusal:
            peer = request.client.host if request.client else ""
            raise (refusal if self._guard is None else self._guard.refused(peer, refusal)) from None

    async def _caller(self, request: Request) -> Caller:
        snapshot = self._snapshot()
        if self._guard is not None:
            self._guard.configure(snapshot.config)
        headers = headers_of(request)
        caller = Identify(snapshot.keys, self._clock).caller(headers)
        if caller.require_signature:
            self._signatures.configure(snapshot.config.auth.signing)
            await self._signed(request, snapshot.keys)
        if caller.kind != "anonymous":
            self._used([caller.key_id], snapshot.keys.uses.take().renewed)
        return caller

    def refuse_disabled(self, tenant: str) -> None:
        """Who signed in belongs to a tenant as a key does. Raises Forbidden for one that is disabled, Overloaded."""
        if tenant and self._snapshot().directory.rights(Grant(), tenant, unknown=True).disabled:
            raise Forbidden("The tenant that you belong to is disabled.", code="tenant_disabled")

    async def demand(self, request: Request, scope: str) -> Caller:
        """Who has the scope. Where no key is known and none is needed, whoever reaches the port may look, and nobody may change
        anything: with `expose_admin` the port is reached from where the main one is.

        Raises as `caller` does, Forbidden.
        """
        caller = await self.caller(request)
        return caller if self._snapshot().keys.open and scope.endswith(":read") else demand(caller, scope)

    async def _signed(self, request: Request, keys: KeyTable) -> None:
        """Raises Unauthenticated, RateLimited, InvalidRequest."""
        headers = headers_of(request)
        key = presented(headers) or b""
        request._body = body = await body_of(request)  # noqa: SLF001 - Starlette's own place for it: handlers read it from there
        path: bytes = request.scope.get("raw_path") or request.url.path.encode()
        asked = Signed(
            request.method.encode(),
            path.partition(b"?")[0],
            request.url.query.encode(),
            dict(headers),
            request.client.host if request.client else "",
            0.0,
            None,
            body,
        )
        self._signatures.check(asked, [signing_secret(pepper, pepper.digest(key)) for pepper in keys.peppers])

    def _snapshot(self) -> Snapshot:
        snapshot = self._built()
        if snapshot is None:
            raise Overloaded("The control process is starting.", code="starting", retry_after=1.0)
        return snapshot
