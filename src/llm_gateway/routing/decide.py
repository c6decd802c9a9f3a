"""Who is asked, in which order, and why not the others: a pure function of the request's features and the Standings.

    rules -> route -> for each leg: filters -> strategy -> the caller's preferences

No clock, no randomness but the seed, no I/O: what is logged (record.py) gives the same decision again, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Protocol

from msgspec.structs import replace

from llm_gateway.core.errors import Forbidden, NotFound
from llm_gateway.core.strategy import StrategyName
from llm_gateway.routing.appetite import NOTHING, Appetite
from llm_gateway.routing.candidate import Candidate, Leg, Lineup
from llm_gateway.routing.decision import Chosen, Decision, Mirror, Refused, Scored
from llm_gateway.routing.features import Features, Wishes
from llm_gateway.routing.filters import sieve
from llm_gateway.routing.route import Route
from llm_gateway.routing.rules import Ruling
from llm_gateway.routing.strategies import ANCHORED, STRATEGIES
from llm_gateway.routing.strategies.sticky import key_of


class Rules(Protocol):
    def judge(self, features: Features) -> Ruling: ...
    def concerns(self, model: str) -> bool: ...
    @property
    def leads_to(self) -> tuple[str, ...]: ...
    @property
    def strategies(self) -> frozenset[StrategyName]: ...


@dataclass(frozen=True)
class Policy:
    """What decides besides the route. `find`: the route of a name that rules send to or mirror to."""

    rules: Rules | None = None
    find: Callable[[str], Route | None] | None = None

    @cached_property
    def appetite(self) -> Appetite:
        """What of a request is looked at by what rules lead to."""
        if self.rules is None or self.find is None:
            return NOTHING
        routes = filter(None, map(self.find, self.rules.leads_to))
        wanted = reduce(Appetite.joined, (route.appetite for route in routes), NOTHING)
        return wanted.and_for(self.rules.strategies)


PLAIN = Policy()


def decide(features: Features, route: Route, policy: Policy = PLAIN, *, explain: bool = False) -> Decision:
    """The decision for one request. Nobody left: no legs, and everybody among the refused.

    Raises Forbidden (rejected_by_rule) when a rule refuses the request, NotFound for a rule's route that is not there.
    """
    if policy.rules is None:
        return _eased(features, route, None, explain=explain)
    ruling = policy.rules.judge(features)
    if ruling.reject is not None:
        raise _rejected(ruling)
    if ruling.route is not None:
        route = _found(policy, ruling.route)
    decision = _eased(features, route, ruling.strategy, explain=explain)
    decision.rules = ruling.matched
    decision.split = ruling.split
    if ruling.priority is not None:
        decision.priority = ruling.priority
    if ruling.mirror:
        decision.mirror = _mirror(policy, ruling, features)
    return decision


def _eased(features: Features, route: Route, ruled: StrategyName | None, *, explain: bool) -> Decision:
    """As `_decided`. Where nobody is left for what a list of models says they cannot do, they are asked all the same: lists are
    wrong at times, and the provider says it best.
    """
    decision = _decided(features, route, ruled, explain=explain)
    if decision.legs or not decision.refused or not all(_only_known(one) for one in decision.refused):
        return decision
    return _decided(replace(features, needs=0, tokens=-1), route, ruled, explain=explain)


def _only_known(refused: Refused) -> bool:
    """Whether it is refused only for what the catalogue says of its model."""
    return refused.reason in ("context_window", "deprecated") or refused.reason.startswith("lacks_")


def _decided(features: Features, route: Route, ruled: StrategyName | None, *, explain: bool) -> Decision:
    """`ruled`: the strategy that rules ask for; the caller's wish, where it is allowed one, comes before it."""
    wishes = features.wishes
    forced = ruled if wishes is None or wishes.strategy is None else wishes.strategy
    legs = route.legs if wishes is None or wishes.fallback is not False else route.legs[:1]
    chosen: list[Chosen] = []
    refused: list[Refused] = []
    scored: list[Scored] | None = [] if explain else None
    for leg in legs:
        order = _order(leg, forced or leg.strategy, features, route.total, refused, scored)
        if order:
            chosen.append(Chosen(leg, order))
    if wishes is not None and (wishes.prefer or wishes.regions):
        chosen = _preferred(chosen, wishes)
    deciding = [one.leg for one in chosen] or route.legs
    strategy: str = forced or (deciding[0].strategy if deciding else "priority")
    return Decision(
        route,
        tuple(chosen),
        strategy,
        tuple(refused),
        () if scored is None else tuple(scored),
        (),
        features.priority,
        None,
        "",
        wishes,
    )


def _order(
    leg: Leg, strategy: StrategyName, features: Features, total: float, refused: list[Refused], scored: list[Scored] | None
) -> tuple[Candidate, ...]:
    """The leg's candidates that are left, best first."""
    order: tuple[Candidate, ...] = ()
    late: tuple[Candidate, ...] = ()
    anchored = key_of(features) if strategy in ANCHORED and features.session else None
    for lineup in leg.lineups:
        sieved = sieve(lineup, features, total, anchored)
        if sieved is None:
            order += _ranked(lineup, strategy, features, scored)
            continue
        refused += sieved.refused
        ranked = _ranked(sieved.lineup, strategy, features, scored, sieved.late)
        if sieved.late:
            late += tuple([candidate for candidate in ranked if candidate in sieved.late])
            ranked = tuple([candidate for candidate in ranked if candidate not in sieved.late])
        order += ranked
    return order + late


def _ranked(
    lineup: Lineup,
    strategy: StrategyName,
    features: Features,
    scored: list[Scored] | None,
    late: frozenset[Candidate] = frozenset(),
) -> tuple[Candidate, ...]:
    """By the strategy. `scored` is given what it looked at."""
    candidates = lineup.candidates
    if scored is None and (len(candidates) < 2 or strategy == "priority"):
        return candidates
    if not candidates:
        return ()
    rank, terms = STRATEGIES[strategy]
    positions, scores = rank(lineup, features)
    if scored is not None:
        places = {position: float(place) for place, position in enumerate(positions)}
        for position, candidate in enumerate(candidates):
            looked_at = terms(lineup, features, position)
            if candidate.priority:
                looked_at["priority"] = float(candidate.priority)
            if candidate in late:
                looked_at["late"] = 1.0
            scored.append(Scored(candidate, places[position] if scores is None else float(scores[position]), looked_at))
    return tuple(map(candidates.__getitem__, positions))


def _preferred(chosen: list[Chosen], wishes: Wishes) -> list[Chosen]:
    """What the caller wants to be tried first in front, leg by leg and inside of each; otherwise nothing changes its place.
    Regions count inside of a leg only: they are no reason to ask another model.
    """
    last = len(wishes.prefer)
    places = {name: place for place, name in reversed(list(enumerate(wishes.prefer)))}
    far = len(wishes.regions)
    regions = {name: place for place, name in reversed(list(enumerate(wishes.regions)))}

    def place(candidate: Candidate) -> int:
        return min(places.get(candidate.name, last), places.get(candidate.provider, last))

    def inside(candidate: Candidate) -> tuple[int, int]:
        return place(candidate), regions.get(candidate.region, far)

    sorted_legs = [Chosen(one.leg, tuple(sorted(one.order, key=inside))) for one in chosen]
    return sorted(sorted_legs, key=lambda one: place(one.order[0]))


def _rejected(ruling: Ruling) -> Forbidden:
    name = ruling.matched[-1] if ruling.matched else ""
    return Forbidden(
        f"A routing rule of this gateway refuses this request: {ruling.reject}",
        code="rejected_by_rule",
        details={"rule": name, "reason": ruling.reject},
    )


def _found(policy: Policy, name: str) -> Route:
    route = None if policy.find is None else policy.find(name)
    if route is None:
        raise NotFound(
            f"A routing rule of this gateway sends this request to {name}, which is not there.", code="model_not_found"
        )
    return route


def _mirror(policy: Policy, ruling: Ruling, features: Features) -> Mirror | None:
    """The first of the ruling's mirrors that can be asked now. One at most: a mirror shall not become a load of its own."""
    for name in ruling.mirror:
        route = None if policy.find is None else policy.find(name)
        if route is None:
            continue
        for leg in route.legs:
            order = _order(leg, leg.strategy, features, route.total, [], None)
            if order:
                return Mirror(order[0])
    return None
