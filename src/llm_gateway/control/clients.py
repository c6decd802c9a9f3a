"""Whose request it is at the operators' port when proxies stand in front of it, as plain ASGI around whatever answers.

The same rule as in the data plane (identity.forwarded, `server.access`): what a trusted proxy says counts, what others say does
not. What the audit log, the lockout and `from here` go by is the address that this layer leaves in the scope.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from llm_gateway.config.schema.access import Access
from llm_gateway.identity.forwarded import client_of
from llm_gateway.identity.networks import Networks, address_of

Asgi = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]
_LONGEST_HEADER = 4096


class ClientAddresses:
    """`access` gives what holds now; None: nothing is known yet, and nobody is believed."""

    def __init__(self, app: Asgi, access: Callable[[], Access | None]) -> None:
        self._app = app
        self._access = access
        self._known: Access | None = None
        self._trusted = Networks(())

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope.get("client"):
            access = self._access()
            if access is not None and access.trusted_proxies:
                self._use(access)
                host, port = scope["client"]
                scope["client"] = (self._client(host, scope["headers"], access.header), port)
        await self._app(scope, receive, send)

    def _use(self, access: Access) -> None:
        if access is not self._known:
            self._known, self._trusted = access, Networks(access.trusted_proxies)

    def _client(self, host: str, headers: list[tuple[bytes, bytes]], header: str) -> str:
        peer = address_of(host)
        if peer is None or peer not in self._trusted:
            return host
        wanted = header.lower().encode("ascii")
        said = b", ".join(value for name, value in headers if name.lower() == wanted)
        if not said or len(said) > _LONGEST_HEADER:
            return host
        return str(client_of(peer, said.decode("latin-1"), self._trusted, standard=header == "Forwarded"))
