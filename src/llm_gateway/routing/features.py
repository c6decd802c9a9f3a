"""What of a request a routing decision may depend on. Collected once, and only as much as the route's policy reads."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntFlag
from types import MappingProxyType
from typing import Literal

import msgspec

from llm_gateway.core.strategy import StrategyName

NOTHING: Mapping[str, str] = MappingProxyType({})
LOW, NORMAL, HIGH, CRITICAL = 0, 1, 2, 3
PRIORITIES: Mapping[str, int] = MappingProxyType({"low": LOW, "normal": NORMAL, "high": HIGH, "critical": CRITICAL})
"""Priority classes by their names in requests."""


class Needs(IntFlag):
    """What the model must be able to do. The names are those of the catalogue and of rules."""

    STREAMING = 1
    TOOLS = 2
    IMAGES = 4
    AUDIO = 8
    DOCUMENTS = 16
    JSON_SCHEMA = 32
    REASONING = 64


class Wishes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a caller asked of routing (x_gateway_routing and X-Gateway-* headers; requirements 1.2). None: nothing said."""

    strategy: StrategyName | None = None
    prefer: tuple[str, ...] = ()
    """Providers, or provider/model, to be tried first, in order."""
    regions: tuple[str, ...] = ()
    """Regions to be tried first, in order, where `prefer` leaves the choice."""
    exclude: frozenset[str] = frozenset()
    fallback: bool | None = None
    retries: int | None = None
    max_cost: int | None = None
    """Nano-dollars that this request may be expected to cost."""
    deadline: float | None = None
    """Seconds for the whole request."""
    priority: Literal[0, 1, 2, 3] | None = None


class Features(msgspec.Struct, gc=False, omit_defaults=True):
    """`at`: monotonic seconds, on the clock of the Standings. `wall`: Unix seconds. `seed`: 64 random bits. `turn`: how many
    decisions the route had before. Text that a caller does not send is "".
    """

    model: str
    at: float
    wall: float
    seed: int
    turn: int = 0
    operation: str = "chat"
    needs: int = 0
    """Bits of Needs; those that nobody looked for are 0."""
    tokens: int = -1
    """Estimated prompt tokens; -1: not estimated."""
    output: int = -1
    """The most that the caller allows; -1: nothing said."""
    key: str = ""
    tenant: str = ""
    project: str = ""
    user: str = ""
    """The end user that the request names."""
    session: str = ""
    """What sticky routing holds on to: a session id, else the user, else the key."""
    tags: frozenset[str] = frozenset()
    """Of the key."""
    headers: Mapping[str, str] = NOTHING
    """Those that rules name, in lower case."""
    metadata: Mapping[str, str] = NOTHING
    source: str = ""
    """The caller's address."""
    region: str = ""
    """Where the gateway runs (routing.region)."""
    priority: int = NORMAL
    regions: frozenset[str] | None = None
    """Where the caller's requests may be served; None: anywhere."""
    providers: frozenset[str] | None = None
    """Which providers the caller may use; None: all."""
    prefix: tuple[int, ...] = ()
    """Fingerprints of the prompt's beginning, shortest first (prefix.py)."""
    cached: Mapping[str, int] = MappingProxyType({})
    """By candidate name: tokens that its prompt cache is expected to hold of this prompt."""
    held: Mapping[str, float] = MappingProxyType({})
    """By candidate name: the share of what its prompt cache was expected to hold that it did hold, 0 to 1."""
    again: float = -1.0
    """How many more requests are expected to begin with this whole prompt; -1.0: not known."""
    budget: int | None = None
    """Nano-dollars that may still be spent on it; None: no such limit."""
    wishes: Wishes | None = None
