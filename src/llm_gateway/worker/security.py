"""What a worker tells control of those who call: attacks on its door for the audit log, and which keys were used.

Requests do not wait for it: events are noted in a bounded table, and told once a second.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, Protocol

import msgspec

from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import GatewayError
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.security_event import Action, Noted, SecurityEvent, failure
from llm_gateway.http.request import Request
from llm_gateway.identity.access import Door
from llm_gateway.identity.keys import KeyTable
from llm_gateway.worker.node import Node

USES_EVERY = 10
"""Reports between two of which keys were used."""
BATCH = 200
"""Events of one message: a quarter of a megabyte at most."""
MOST_USED = 10_000
"""Ids of one message."""
DENIED = frozenset({"insufficient_permissions", "model_not_accessible", "tenant_disabled", "project_disabled", "user_blocked"})


class Told(Protocol):
    """channel.link.Link.tell: whether it was sent."""

    def __call__(self, topic: str, body: Any) -> bool: ...


class Watched:
    """A door, and who was not let in."""

    def __init__(self, door: Door, turned_away: Callable[[str, str], None]) -> None:
        self._door = door
        self._turned_away = turned_away

    def __call__(self, request: Request) -> None:
        """Raises as the door does."""
        try:
            self._door(request)
        except GatewayError as error:
            self._turned_away(request.peer, error.code)
            raise


class Security:
    """One per worker."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.noted = Noted()
        self.node = Node()
        self._reports = 0

    def failed(self, peer: str, code: str) -> None:
        """Someone had wrong credentials. None at all is no attack."""
        if code != "missing_api_key":
            self._add(failure(code), ip=peer, reason=code)

    def locked(self, source: str, failures: int) -> None:
        """An address is locked out from now on."""
        self._add("auth.locked_out", ip=source, reason=f"{failures} failures")

    def turned_away(self, peer: str, code: str) -> None:
        """The door was shut."""
        self._add("auth.refused_address", ip=peer, reason=code)

    def after(self, ended: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
        """`ended`, and a look at requests that came to nothing."""

        def looked(ex: Exchange) -> None:
            ended(ex)
            if ex.error is not None and ex.error.code in DENIED:
                self._denied(ex)

        return looked

    def tell(self, tell: Told, keys: KeyTable | None, *, last: bool = False) -> None:
        """Once a second, while there is a connection. What cannot be sent is told the next time."""
        if len(self.noted):
            events, beyond = self.noted.take()
            rest = iter(events)
            while batch := list(islice(rest, BATCH)):
                if not tell("security", [msgspec.to_builtins(batch), beyond]):
                    for event in (*batch, *rest):
                        self.noted.add(event)
                    break
                beyond = 0
        self._reports += 1
        if keys is None or (self._reports % USES_EVERY and not last):
            return
        used, renewed = keys.uses.take()
        ids = iter(used)
        while batch_of := list(islice(ids, MOST_USED)):
            tell("uses", [batch_of, {}])
        digests = iter(renewed.items())
        while some := dict(islice(digests, MOST_USED)):
            tell("uses", [[], some])

    def _denied(self, ex: Exchange) -> None:
        error, caller = ex.error, ex.caller
        assert error is not None  # noqa: S101 - the caller looked
        actor, tenant = ("", "") if caller is None else (caller.key_id, caller.tenant)
        facts = {"resource": f"models/{ex.model}", "reason": error.code, "request_id": ex.id, "tenant": tenant}
        self._add("permission.denied", actor=actor, ip=ex.peer, **facts)

    def _add(self, action: Action, **facts: Any) -> None:
        self.noted.add(SecurityEvent(int(self._clock.now() * 1000), action, **facts))
