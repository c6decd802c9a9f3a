"""What a name stands for: legs of candidates in order, and how patient and how stubborn to be with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Literal

from llm_gateway.providers.deployment import Deployment, Patience
from llm_gateway.routing.appetite import Appetite, appetite_of
from llm_gateway.routing.candidate import Candidate, Leg
from llm_gateway.routing.decision import Chosen, Decision
from llm_gateway.routing.standing import Standing

Jitter = Literal["none", "proportional", "full", "equal", "decorrelated"]
Growth = Literal["fixed", "linear", "exponential", "fibonacci"]


@dataclass(frozen=True)
class Hedge:
    """A second attempt when the first is slower than most. `extra`: what such may cost, as a share of what all requests cost."""

    delay: float | None = None
    """Seconds without content after which the second one starts; None: the learned 95th percentile of prompts as long as it."""
    extra: float = 0.02


@dataclass(frozen=True)
class CacheTerms:
    """How long its answers are given again, and how much longer if nobody can answer. Seconds."""

    ttl: float
    stale: float = 0.0


@dataclass(eq=False)
class Turns:
    """How many decisions a route has had."""

    taken: int = 0


@dataclass(frozen=True, eq=False)
class Route:
    """`retries`: tries beyond one per candidate. `total`: seconds for the whole request. Immutable but for `turns`."""

    name: str
    legs: tuple[Leg, ...]
    retries: int
    total: float
    max_wait: float = 3.0
    """Seconds that a request waits for a provider that asks for a pause, before a different model is asked."""
    on_cut: Literal["error", "restart", "continue"] = "error"
    hedge: Hedge | None = None
    around_filter: bool = False
    """Whether another deployment may be asked what one refused to answer for its content."""
    show_alternatives: bool = False
    """Whether an error names other models when nobody could answer."""
    cache: CacheTerms | None = None
    """None: its answers are not kept."""
    turns: Turns = field(default_factory=Turns)

    @cached_property
    def candidates(self) -> tuple[tuple[Deployment, Patience], ...]:
        """All legs' deployments in order, each with its patience."""
        return tuple((candidate.deployment, candidate.patience) for leg in self.legs for candidate in leg.candidates)

    @cached_property
    def everyone(self) -> tuple[Candidate, ...]:
        return tuple(candidate for leg in self.legs for candidate in leg.candidates)

    @cached_property
    def watched(self) -> tuple[Standing, ...]:
        """The Standings of all candidates and their accounts, each once."""
        both = (standing for one in self.everyone for standing in (one.standing, one.account))
        return tuple({id(standing): standing for standing in both}.values())

    @cached_property
    def settled(self) -> Decision | None:
        """The decision for everybody while all candidates are well, where the order is the one that is written; None: there is
        something to decide.
        """
        several = len(self.everyone) > 1
        chosen = any(leg.strategy != "priority" and len(leg.candidates) > 1 for leg in self.legs)
        if not self.everyone or chosen or (several and any(one.lacks or one.deprecated for one in self.everyone)):
            return None
        orders = (tuple(one for lineup in leg.lineups for one in lineup.candidates) for leg in self.legs)
        legs = tuple(Chosen(leg, order) for leg, order in zip(self.legs, orders, strict=True))
        return Decision(self, legs, self.legs[0].strategy)

    @cached_property
    def appetite(self) -> Appetite:
        """What of a request its strategies and filters look at."""
        return appetite_of(self.legs)

    @cached_property
    def roomy(self) -> float:
        """Bytes of a body that no candidate's context window can be too small for, going by estimates (core/estimate.py)."""
        windows = [one.context for one in self.everyone if one.context]
        return 2 * min(windows) if windows and len(self.everyone) > 1 else inf
