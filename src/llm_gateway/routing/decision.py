"""What was decided: who is asked, in which order, and why not the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from llm_gateway.routing.candidate import Candidate, Leg
from llm_gateway.routing.features import Wishes


class Refused(NamedTuple):
    """A candidate that is not asked. `reason`: circuit_open, rate_limited, quota, credentials, unhealthy, excluded, lacks_tools
    ..., context_window, region, provider_not_allowed, too_expensive, deprecated, at_capacity, no_headroom.
    """

    candidate: Candidate
    reason: str


class Scored(NamedTuple):
    """A candidate and what put it where it stands: a lower score is better; the terms are for people."""

    candidate: Candidate
    score: float
    terms: dict[str, float]


class Chosen(NamedTuple):
    """A leg after filters and strategy."""

    leg: Leg
    order: tuple[Candidate, ...]


@dataclass(slots=True, eq=False)
class Mirror:
    """Another deployment that is given the request too; its answer is thrown away."""

    candidate: Candidate


@dataclass(slots=True, eq=False)
class Decision:
    """Legs in order, none of them empty. Never changed once made: plain routes share one."""

    route: Any
    """The Route that it is for (route.py)."""
    legs: tuple[Chosen, ...]
    strategy: str
    refused: tuple[Refused, ...] = ()
    scored: tuple[Scored, ...] = ()
    """Only where `explain` asked for them."""
    rules: tuple[str, ...] = ()
    """Names of the rules that matched."""
    priority: int = 1
    mirror: Mirror | None = None
    split: str = ""
    """Which side of a split the request is on."""
    wishes: Wishes | None = None
    """What the caller asked of routing."""
    line: bytes = b""
    """Header lines for requests that its first candidate answers, once told.py has made them; only of a route's `settled`."""

    @property
    def total(self) -> float:
        """Seconds for the whole request."""
        wished = None if self.wishes is None else self.wishes.deadline
        total: float = self.route.total
        return total if wished is None else min(wished, total)
