"""What a route is made of: candidates (a deployment as a route sees it) in legs (an alias's own, then each fallback's)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import accumulate, groupby
from math import gcd
from operator import attrgetter, or_

from llm_gateway.core.strategy import StrategyName
from llm_gateway.providers.deployment import Deployment, Patience
from llm_gateway.routing.draws import Salts
from llm_gateway.routing.standing import Standing

LEAST_SHARE = 1e-9
"""The weight of who has none."""
SLOTS_PER_WEIGHT = 1000


class Rates(tuple[int, int, int]):
    """Nano-dollars of a million tokens: fresh input, cached input, output."""

    __slots__ = ()


@dataclass(frozen=True, eq=False)
class Candidate:
    """One deployment as a route sees it. Immutable but for its two Standings."""

    deployment: Deployment
    patience: Patience
    standing: Standing
    account: Standing
    weight: float = 1.0
    priority: int = 0
    """Smaller ones are asked first; the strategy chooses among equals."""
    tags: frozenset[str] = frozenset()
    region: str = ""
    quality: float = 0.0
    """Higher is better."""
    lacks: int = 0
    """Bits of features.Needs that the model is known not to have. What nobody knows it has."""
    context: int = 0
    """Tokens of the context window; 0: not known."""
    max_output: int = 0
    rates: Rates | None = None
    """None: not known."""
    deprecated: bool = False

    @property
    def name(self) -> str:
        """provider/model."""
        return self.deployment.name

    @property
    def provider(self) -> str:
        return self.deployment.upstream.name


class Lineup:
    """Candidates that a strategy chooses among, and what is read of them, side by side: worked out once, read by every decision.

    Immutable, but for the Standings.
    """

    def __init__(self, candidates: tuple[Candidate, ...]) -> None:
        self.candidates = candidates

    @cached_property
    def standings(self) -> tuple[Standing, ...]:
        return tuple(candidate.standing for candidate in self.candidates)

    @cached_property
    def accounts(self) -> tuple[Standing, ...]:
        """Each once."""
        return tuple({id(candidate.account): candidate.account for candidate in self.candidates}.values())

    @cached_property
    def watched(self) -> tuple[Standing, ...]:
        """Those of the deployments and of their accounts, each once."""
        return tuple({id(one): one for one in (*self.standings, *self.accounts)}.values())

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(candidate.name for candidate in self.candidates)

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each name stands."""
        return {name: place for place, name in enumerate(self.names)}

    @cached_property
    def salts(self) -> Salts:
        return Salts(self.names)

    @cached_property
    def prices(self) -> tuple[tuple[float, float, float], ...]:
        """Nano-dollars of a million tokens: fresh input, what cached input is cheaper, output. Zeros: see `unpriced`."""
        known = (candidate.rates or Rates((0, 0, 0)) for candidate in self.candidates)
        return tuple((float(fresh), float(fresh - cached), float(output)) for fresh, cached, output in known)

    @cached_property
    def unpriced(self) -> tuple[int, ...]:
        """Whose prices are not known."""
        return tuple(place for place, candidate in enumerate(self.candidates) if candidate.rates is None)

    @cached_property
    def shares(self) -> tuple[float, ...]:
        """Weights, none of them 0: who has none is passed over before it comes to that, unless nobody has."""
        return tuple(candidate.weight if candidate.weight > 0 else LEAST_SHARE for candidate in self.candidates)

    @cached_property
    def even(self) -> bool:
        """Whether all weights are equal."""
        return len(set(self.shares)) <= 1

    @cached_property
    def cumulative(self) -> tuple[float, ...]:
        """The sums of the shares so far."""
        return tuple(accumulate(self.shares))

    @cached_property
    def slots(self) -> tuple[int, ...]:
        """Weights as whole numbers in the same proportions, to a thousandth: who takes how many turns of a cycle; their sums."""
        weights = [candidate.weight for candidate in self.candidates]
        scale = 1 if all(weight == int(weight) for weight in weights) else SLOTS_PER_WEIGHT
        whole = [max(round(weight * scale), 1) if weight > 0 else 0 for weight in weights]
        common = gcd(*whole)
        return tuple(accumulate(slots // common if common else 1 for slots in whole))

    @cached_property
    def has_idle(self) -> bool:
        """Whether somebody has a weight of 0."""
        return any(candidate.weight <= 0 for candidate in self.candidates)

    @cached_property
    def lacks(self) -> int:
        """Bits of features.Needs that somebody does not have."""
        return reduce(or_, (candidate.lacks for candidate in self.candidates), 0)

    @cached_property
    def smallest(self) -> int:
        """The smallest known context window; 0: none is known."""
        return min((candidate.context for candidate in self.candidates if candidate.context), default=0)

    @cached_property
    def least_output(self) -> int:
        """The smallest known limit of output; 0: none is known."""
        return min((candidate.max_output for candidate in self.candidates if candidate.max_output), default=0)

    @cached_property
    def has_deprecated(self) -> bool:
        return any(candidate.deprecated for candidate in self.candidates)


@dataclass(frozen=True, eq=False)
class Leg:
    """Deployments that are equal choices, and how one of them is chosen."""

    name: str
    """The alias, or the provider/model of a fallback."""
    candidates: tuple[Candidate, ...]
    strategy: StrategyName = "priority"

    @cached_property
    def lineups(self) -> tuple[Lineup, ...]:
        """Those of one priority together, the ones to be asked first in front."""
        ordered = sorted(self.candidates, key=attrgetter("priority"))
        return tuple(Lineup(tuple(equals)) for _, equals in groupby(ordered, key=attrgetter("priority")))
