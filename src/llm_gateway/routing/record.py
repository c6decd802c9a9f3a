"""A decision as it is logged: everything that it depended on, and what came out, so that it can be made again offline.

    record = record_of(features, route, policy, decision)     # in the same breath as decide(): Standings move on
    line = to_json(record)
    recompute(from_json(line))                                # from the record alone
    recompute(from_json(line), router.route)                  # with the routes of some configuration: what would it do?

Both give a Decision whose `outcome_of` equals `record.outcome`, bit for bit, as long as the configuration is the same. A record
holds no prompt text (fingerprints of it, at most) and no secrets: of headers that rules read, those that carry credentials are
left out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from math import inf
from typing import Any, cast

import msgspec

from llm_gateway.core.strategy import StrategyName
from llm_gateway.providers.deployment import Deployment, Patience
from llm_gateway.routing.candidate import Candidate, Leg, Rates
from llm_gateway.routing.decide import Policy, Rules, decide
from llm_gateway.routing.decision import Decision
from llm_gateway.routing.features import Features
from llm_gateway.routing.route import Route
from llm_gateway.routing.rules import Ruling
from llm_gateway.routing.standing import Standing

VERSION = 1
SECRET_PARTS = ("authorization", "key", "token", "cookie", "secret", "password", "credential")
"""A header with one of these in its name is not recorded."""


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """A candidate without its Standings."""

    name: str
    provider: str
    weight: float = 1.0
    priority: int = 0
    tags: frozenset[str] = frozenset()
    region: str = ""
    quality: float = 0.0
    lacks: int = 0
    context: int = 0
    max_output: int = 0
    rates: tuple[int, int, int] | None = None
    deprecated: bool = False


class LegFacts(msgspec.Struct, frozen=True):
    name: str
    strategy: StrategyName
    candidates: tuple[Facts, ...]


class RouteFacts(msgspec.Struct, frozen=True):
    """`total`: seconds for the whole request."""

    name: str
    total: float
    legs: tuple[LegFacts, ...]


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Decision in plain data."""

    route: str = ""
    strategy: str = ""
    legs: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Each leg's name, and its candidates in order."""
    refused: tuple[tuple[str, str], ...] = ()
    scored: tuple[tuple[str, float | None, dict[str, float]], ...] = ()
    """Name, score (None: endless, as that of an unknown price) and terms."""
    rules: tuple[str, ...] = ()
    priority: int = 1
    mirror: str | None = None
    split: str = ""


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """`routes`: the route that was asked for, then those that rules led to. `standings`, `accounts`: by name, as they were."""

    features: Features
    routes: tuple[RouteFacts, ...]
    standings: dict[str, Standing]
    accounts: dict[str, Standing]
    outcome: Outcome
    ruling: Ruling | None = None
    explained: bool = False
    version: int = VERSION


def record_of(features: Features, route: Route, policy: Policy, decision: Decision) -> Record:
    """What `decide(features, route, policy)` gave, and why. The Standings are copied as they are now."""
    ruling = None if policy.rules is None else policy.rules.judge(features)
    routes = {route.name: route}
    if ruling is not None and policy.find is not None:
        for name in (ruling.route, *ruling.mirror):
            found = None if name is None else policy.find(name)
            if found is not None:
                routes.setdefault(found.name, found)
    everyone = [candidate for one in routes.values() for candidate in one.everyone]
    return Record(
        _without_secrets(features),
        tuple(map(_facts_of, routes.values())),
        {candidate.name: _copied(candidate.standing) for candidate in everyone},
        {candidate.provider: _copied(candidate.account) for candidate in everyone},
        outcome_of(decision),
        ruling,
        explained=bool(decision.scored),
    )


def outcome_of(decision: Decision) -> Outcome:
    return Outcome(
        decision.route.name,
        decision.strategy,
        tuple((leg.name, tuple(candidate.name for candidate in order)) for leg, order in decision.legs),
        tuple((candidate.name, reason) for candidate, reason in decision.refused),
        tuple((candidate.name, None if score == inf else score, terms) for candidate, score, terms in decision.scored),
        decision.rules,
        decision.priority,
        None if decision.mirror is None else decision.mirror.candidate.name,
        decision.split,
    )


def recompute(record: Record, find: Callable[[str], Route | None] | None = None, rules: Rules | None = None) -> Decision:
    """The decision, made again. `find` has the routes of a configuration, of which the recorded Standings are taken to be those;
    None: the recorded ones. `rules` judge anew; None: what they said is in the record.

    Raises what `decide` raises, and LookupError if `find` has no such route.
    """
    lookup = _recorded(record) if find is None else find

    def found(name: str) -> Route | None:
        route = lookup(name)
        return None if route is None else _with_standings(route, record)

    route = found(record.routes[0].name)
    if route is None:
        raise LookupError(record.routes[0].name)
    if rules is None and record.ruling is not None:
        rules = _Said(record.ruling)
    return decide(record.features, route, Policy(rules, found), explain=record.explained)


def to_json(record: Record) -> bytes:
    return msgspec.json.encode(record, enc_hook=_plain, order="deterministic")


def from_json(line: bytes) -> Record:
    """Raises msgspec.MsgspecError for what is no record."""
    return msgspec.json.decode(line, type=Record)


@dataclass(frozen=True)
class _Said:
    """Rules that have spoken."""

    ruling: Ruling
    leads_to: tuple[str, ...] = ()
    strategies: frozenset[StrategyName] = frozenset()

    def judge(self, features: Features) -> Ruling:  # noqa: ARG002 - it is known
        return self.ruling

    def concerns(self, model: str) -> bool:  # noqa: ARG002 - whatever it is
        return True


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a record holds no {type(value).__name__}")


def _without_secrets(features: Features) -> Features:
    headers = {name: text for name, text in features.headers.items() if not any(part in name for part in SECRET_PARTS)}
    return msgspec.structs.replace(features, headers=headers)


def _copied(standing: Standing) -> Standing:
    """JSON has no infinity: for ever is the largest number instead, which decides the same."""
    endless = {name: sys.float_info.max for name in ("until", "left_until") if getattr(standing, name) == inf}
    return msgspec.structs.replace(standing, **endless, paces=tuple(map(copy, standing.paces)))


def _facts_of(route: Route) -> RouteFacts:
    return RouteFacts(
        route.name,
        route.total,
        tuple(LegFacts(leg.name, leg.strategy, tuple(map(_candidate_facts, leg.candidates))) for leg in route.legs),
    )


def _candidate_facts(one: Candidate) -> Facts:
    return Facts(
        one.name,
        one.provider,
        one.weight,
        one.priority,
        one.tags,
        one.region,
        one.quality,
        one.lacks,
        one.context,
        one.max_output,
        None if one.rates is None else (one.rates[0], one.rates[1], one.rates[2]),
        one.deprecated,
    )


@dataclass(frozen=True)
class _Account:
    name: str


@dataclass(frozen=True)
class _StandIn:
    """What a decision reads of a Deployment."""

    name: str
    upstream: _Account


def _recorded(record: Record) -> Callable[[str], Route | None]:
    routes = {facts.name: _route_of(facts, record) for facts in record.routes}
    return routes.get


def _route_of(facts: RouteFacts, record: Record) -> Route:
    legs = (Leg(leg.name, tuple(_candidate_of(one, record) for one in leg.candidates), leg.strategy) for leg in facts.legs)
    return Route(facts.name, tuple(legs), retries=0, total=facts.total)


def _candidate_of(facts: Facts, record: Record) -> Candidate:
    deployment = cast("Deployment", _StandIn(facts.name, _Account(facts.provider)))
    return Candidate(
        deployment,
        Patience(),
        record.standings[facts.name],
        record.accounts[facts.provider],
        facts.weight,
        facts.priority,
        facts.tags,
        facts.region,
        facts.quality,
        facts.lacks,
        facts.context,
        facts.max_output,
        None if facts.rates is None else Rates(facts.rates),
        facts.deprecated,
    )


def _with_standings(route: Route, record: Record) -> Route:
    """The route with the Standings of then. Of who was not there then, nothing is known."""
    return replace(route, legs=tuple(replace(leg, candidates=_as_then(leg.candidates, record)) for leg in route.legs))


def _as_then(candidates: Iterable[Candidate], record: Record) -> tuple[Candidate, ...]:
    return tuple(
        replace(
            one,
            standing=record.standings.get(one.name) or Standing(one.name),
            account=record.accounts.get(one.provider) or Standing(one.provider),
        )
        for one in candidates
    )
