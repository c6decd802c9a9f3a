"""A worker's half of content logging: whose requests are told to control, as they were, and how much of them. Nothing here waits.

Of a request that is not to be logged nothing is kept but what is kept anyway. Of one that is, references are held until control
is told, once a second: what it reads out of them and hides is control's work (control.content), in a thread there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from llm_gateway.config.schema.content import Content as Settings
from llm_gateway.core.clock import Clock
from llm_gateway.core.exchange import Exchange

TOPIC = "content"
MOST_HELD = 8 << 20
"""Bytes that wait until control is told; what would be beyond is dropped and counted."""
MESSAGE = 512 << 10
"""Bytes of one message to control, about."""
WIRE = 2
"""Bytes of a request or an answer that are told for each byte of text that may be kept: notation around it goes."""


class Said(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One request, as it was. `request` and `answer` are bytes of bodies, cut off where `*_size` is more."""

    at: float
    """Unix seconds."""
    id: str
    tenant: str
    project: str
    key: str
    user: str
    """The end user, hashed."""
    path: str
    model: str
    provider: str
    served: str
    status: int
    outcome: str
    error: str
    stream: bool
    request: bytes
    request_size: int
    answer: bytes
    answer_size: int
    cached: str = ""
    """How a kept answer came to be given; "": a provider was asked."""


class Contents:
    """One per worker; `configure` whenever another configuration holds."""

    def __init__(self, clock: Clock, user: Callable[[Exchange], str]) -> None:
        """`user` gives the hash that stands for the end user."""
        self._clock = clock
        self._user = user
        self._tenants: frozenset[str] = frozenset()
        self._most = 0
        self._held: list[Said] = []
        self._size = 0
        self.dropped = 0
        """Requests that found no room; not yet told."""

    def configure(self, settings: Settings) -> Contents | None:
        """None: nobody's are logged, so nothing is to be done. What is held of who is not to be logged any more is let go."""
        self._tenants = frozenset(settings.tenants if settings.on else ())
        self._most = int(settings.record) * WIRE
        self._held = [said for said in self._held if said.tenant in self._tenants]
        self._size = sum(map(_size, self._held))
        return self if self._tenants else None

    def wanted(self, ex: Exchange) -> int:
        """How many bytes of its answer are needed at its end; 0: none."""
        caller = ex.caller
        return self._most if caller is not None and caller.tenant in self._tenants else 0

    def ended(self, ex: Exchange) -> None:
        """A request is over."""
        most, caller = self.wanted(ex), ex.caller
        if not most or caller is None:
            return
        if self._size >= MOST_HELD:
            self.dropped += 1
            return
        error = ex.error
        said = Said(
            self._clock.now(),
            ex.id,
            caller.tenant,
            caller.project,
            caller.key_name,
            self._user(ex),
            ex.path.decode("latin-1"),
            ex.model,
            ex.served_provider,
            ex.served_model,
            ex.status,
            ex.outcome,
            "" if error is None else error.code or "",
            ex.stream,
            ex.body[:most],
            len(ex.body),
            ex.sample[:most],
            ex.bytes_out,
            ex.cached,
        )
        self._held.append(said)
        self._size += _size(said)

    def tell(self, tell: Callable[[str, Any], bool]) -> None:
        """Hand over what is held. What cannot be sent waits, as long as there is room. `tell`: channel.link.Link.tell."""
        while self._held or self.dropped:
            size = count = 0
            for said in self._held:
                if count and size + _size(said) > MESSAGE:
                    break
                size += _size(said)
                count += 1
            if not tell(TOPIC, [msgspec.msgpack.encode(self._held[:count]), self.dropped]):
                return
            del self._held[:count]
            self._size -= size
            self.dropped = 0


def _size(said: Said) -> int:
    return len(said.request) + len(said.answer) + 512
