"""Who is let in at the operators' port at all, as plain ASGI around whatever answers: by address and Host, before anything else.

The same rules as in the data plane (identity.access): what a trusted proxy says of the client counts, what others say does not.
What the audit log, the lockout and `from here` go by is the address that this layer leaves in the scope.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from llm_gateway.config.schema import Config
from llm_gateway.core.errors import GatewayError, Overloaded
from llm_gateway.http.request import Request
from llm_gateway.identity.access import HEALTH, Door, admin_doors

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Any, Any], Awaitable[None]]
Refuse = Callable[[Scope, Any, Any, GatewayError], Awaitable[None]]
"""Answers in the place of what stands behind."""
TurnedAway = Callable[[str, str], None]
"""Told the address and why."""


def unseen(_peer: str, _code: str) -> None:
    """A TurnedAway."""


class Entrance:
    """`config` gives what holds now; None: nothing is known yet, and all but health has to wait."""

    def __init__(self, app: Asgi, config: Callable[[], Config | None], refuse: Refuse, turned_away: TurnedAway = unseen) -> None:
        self._app = app
        self._config = config
        self._refuse = refuse
        self._turned_away = turned_away
        self._known: Config | None = None
        self._doors: tuple[Door, Door] | None = None

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            try:
                self._pass(scope)
            except GatewayError as refusal:
                await self._refuse(scope, receive, send, refusal)
                return
        await self._app(scope, receive, send)

    def _pass(self, scope: Scope) -> None:
        """Raises GatewayError."""
        asked = _asked(scope)
        config = self._config()
        if config is None:
            if asked.path.startswith(HEALTH):
                return
            raise Overloaded("The control process is starting.", code="starting", retry_after=1.0)
        direct, forwarded = self._use(config)
        door = forwarded if scope.get("server") is None else direct  # None: a worker passed it on from the main port
        try:
            door(asked)
        except GatewayError as refusal:
            self._turned_away(asked.peer, refusal.code)
            raise
        if scope.get("client"):
            scope["client"] = (asked.peer, scope["client"][1])

    def _use(self, config: Config) -> tuple[Door, Door]:
        if self._doors is None or config is not self._known:
            self._known, self._doors = config, admin_doors(config.server, config.auth.admin.url)
        return self._doors


def _asked(scope: Scope) -> Request:
    """What a door looks at. A second Host is none: what reads the request behind it could take the other one."""
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        headers[name] = headers[name] + b", " + value if name in headers else value
    if b"," in headers.get(b"host", b""):
        del headers[b"host"]
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    peer = scope["client"][0] if scope.get("client") else ""
    return Request(scope.get("method", "GET").encode(), path, b"", headers, peer, 0.0, None)
