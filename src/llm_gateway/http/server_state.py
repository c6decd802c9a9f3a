"""What all connections of one server share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import Protocol

from llm_gateway.http.headers import StatusLines
from llm_gateway.http.known_heads import KnownHeads
from llm_gateway.http.limits import ServerLimits
from llm_gateway.http.refusal import RenderRefusal
from llm_gateway.http.request import Request

Handler = Callable[[Request], Awaitable[None]]
OnError = Callable[[BaseException], None]

_HOSTS_KEPT = 1024  # distinct Host values remembered as valid; the rest are checked each time


class Member(Protocol):
    """A connection as the server needs it."""

    deadline: float  # loop.time() at which expire() is due; infinity while nothing is waited for

    def expire(self, now: float) -> None: ...
    def retire(self) -> None: ...
    def cancel(self, reason: str) -> None: ...
    def cut(self, *, reset: bool = False) -> None: ...


class ServerState:
    """Limits, counters and the set of connections. `quiet` is set whenever no connection and no handler is left."""

    __slots__ = (
        "active",
        "buffered",
        "draining",
        "handler",
        "heads",
        "hosts",
        "idle_until",
        "leaving",
        "limits",
        "lines",
        "loop",
        "members",
        "on_error",
        "quiet",
        "render_refusal",
    )

    def __init__(
        self,
        handler: Handler,
        limits: ServerLimits,
        lines: StatusLines,
        on_error: OnError,
        render_refusal: RenderRefusal,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.handler = handler
        self.limits = limits
        self.lines = lines
        self.on_error = on_error
        self.render_refusal = render_refusal
        self.loop = loop
        self.members: set[Member] = set()
        self.hosts: set[bytes | None] = set()
        self.heads = KnownHeads()
        self.idle_until = inf  # a deadline for who is idle now, renewed with each sweep: never too early, late by one at most
        self.active = 0  # handlers running
        self.buffered = 0  # bytes of request bodies held
        self.leaving = False  # every answer says Connection: close
        self.draining = False  # and no connection is taken any more
        self.quiet = asyncio.Event()
        self.quiet.set()

    def know_host(self, host: bytes) -> None:
        """Remember a Host that passed the check."""
        if len(self.hosts) < _HOSTS_KEPT:
            self.hosts.add(host)

    def left(self) -> None:
        """A connection or a handler has ended."""
        if not self.members and not self.active:
            self.quiet.set()
