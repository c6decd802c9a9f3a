"""How long and how much: the client's deadlines and caps, all in seconds and bytes unless a name says otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines of one exchange.

    connect: address lookup, TCP, proxy and TLS together. head: from the request being written to the whole final
    response head. idle: between two reads of the body. total: the whole exchange from `send`, for whole answers
    only. pool: waiting for a free connection.
    """

    connect: float = 5.0
    head: float = 30.0
    idle: float = 30.0
    total: float | None = None
    pool: float = 5.0


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """What the client holds at most.

    body_bytes caps a whole answer as `Response.read` returns it, and what is buffered on the way there. stream_bytes
    caps the decoded bytes of one stream. read_high_water is how much of a body nobody has asked for yet is read
    before reading pauses. origins is how many per-origin pools are remembered.
    """

    connections_per_origin: int = 512
    waiting_per_origin: int = 1024
    idle_per_origin: int = 128
    idle_expiry: float = 60.0
    head_bytes: int = 64 * 1024
    header_count: int = 200
    body_bytes: int = 32 * 1024 * 1024
    stream_bytes: int = 256 * 1024 * 1024
    read_high_water: int = 1024 * 1024
    origins: int = 1024
