"""What of a request a route's strategies and filters look at: nothing else is collected, and what is costly only then."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import NamedTuple

from llm_gateway.core.strategy import StrategyName
from llm_gateway.routing.candidate import Leg

COUNTING: frozenset[StrategyName] = frozenset({"lowest_cost", "usage_headroom", "prefix_affinity"})
"""Strategies that read how long the prompt is."""
HOLDING: frozenset[StrategyName] = frozenset({"sticky", "prefix_affinity"})
"""Those that read the session."""
REMEMBERING: frozenset[StrategyName] = frozenset({"prefix_affinity"})
"""Those that read what prompt caches are expected to hold."""


class Appetite(NamedTuple):
    """`lacks`: bits of features.Needs that some candidate does not have. `smallest`: the smallest known context window in tokens;
    0: none is known. `names`: of the candidates.
    """

    lacks: int = 0
    smallest: int = 0
    tokens: bool = False
    session: bool = False
    prefix: bool = False
    names: tuple[str, ...] = ()

    def and_for(self, strategies: Iterable[StrategyName]) -> Appetite:
        """What is read if one of these strategies decides, too."""
        wanted = frozenset(strategies)
        return self._replace(
            tokens=self.tokens or not wanted.isdisjoint(COUNTING),
            session=self.session or not wanted.isdisjoint(HOLDING),
            prefix=self.prefix or not wanted.isdisjoint(REMEMBERING),
        )

    def joined(self, other: Appetite) -> Appetite:
        """What either of them reads."""
        return Appetite(
            self.lacks | other.lacks,
            min(filter(None, (self.smallest, other.smallest)), default=0),
            self.tokens or other.tokens,
            self.session or other.session,
            self.prefix or other.prefix,
            tuple(dict.fromkeys((*self.names, *other.names))),
        )


NOTHING = Appetite()


def appetite_of(legs: tuple[Leg, ...]) -> Appetite:
    """Where there is one candidate only, nothing about it is asked: the provider itself says best what it cannot do."""
    everyone = [candidate for leg in legs for candidate in leg.candidates]
    if len(everyone) < 2:
        return NOTHING
    known = Appetite(
        lacks=reduce(or_, (one.lacks for one in everyone), 0),
        smallest=min((one.context for one in everyone if one.context), default=0),
        names=tuple(one.name for one in everyone),
    )
    return known.and_for(leg.strategy for leg in legs if len(leg.candidates) > 1)
