"""Routing rules as they are judged: the first that holds decides, those that say `continue` have their say on the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

from llm_gateway.config.conditions.tree import ALWAYS, And, Condition, Not, Or, Test, either, every, leaves
from llm_gateway.config.schema import Action, Routing, Rule
from llm_gateway.core.strategy import StrategyName
from llm_gateway.routing.compiled import CostOf, finder
from llm_gateway.routing.features import PRIORITIES, Features
from llm_gateway.routing.split import Copies, Split

_NAMES = 10_000
"""Models that are remembered as concerning no rule, or some."""
_MODEL = "model"


class Ruling(NamedTuple):
    """What the rules say of a request. None and empty: nothing."""

    matched: tuple[str, ...] = ()
    """Names of the rules that held, in order."""
    route: str | None = None
    """An alias or provider/model. Rules are not asked about it again, so that there can be no circle."""
    reject: str | None = None
    strategy: StrategyName | None = None
    priority: int | None = None
    mirror: tuple[str, ...] = ()
    """Aliases or provider/model that get a copy."""
    split: str = ""
    """Which side of a split was taken: `rule:route`."""


NOTHING = Ruling()


@dataclass(frozen=True)
class Reads:
    """What of a request the rules look at, beyond its model, its key (tenant, project, tags), operation, time and priority."""

    headers: frozenset[str] = frozenset()
    """In lower case."""
    metadata: bool = False
    tokens: bool = False
    output: bool = False
    needs: bool = False
    """Other bits than STREAMING, which `stream` asks for."""
    stream: bool = False
    cost: bool = False
    """Then also tokens and output."""
    user: bool = False
    session: bool = False
    source: bool = False


class Rules:
    """Compiled rules. Immutable but for the memory of models."""

    def __init__(self, rules: Iterable[Rule], cost_of: CostOf) -> None:
        rules = tuple(rules)
        conditions = [(_condition(rule), not rule.continue_) for rule in rules]
        self._find = finder(conditions, cost_of)
        self._verdicts = tuple(map(_Verdict, rules))
        self.reads = reads_of(rules)
        self.leads_to = leads_of(rules)
        """Routes that a request may be sent to, mirrors included."""
        self.strategies = frozenset(rule.then.strategy for rule in rules if rule.then.strategy is not None)
        self._possible = finder([(_possibly(condition), True) for condition, _ in conditions], cost_of)
        self._concerned: dict[str, bool] = {}

    def judge(self, features: Features) -> Ruling:
        """What holds for a request. Depends on `features` alone: the same give the same."""
        found = self._find(features)
        if not found:
            return NOTHING
        if len(found) == 1:
            return self._verdicts[found[0]].ruling(features)
        return reduce(_joined, (self._verdicts[index].ruling(features) for index in found))

    def concerns(self, model: str) -> bool:
        """Whether any rule could hold for a request for this model. If not, no features need to be collected for judging."""
        known = self._concerned.get(model)
        if known is None:
            known = bool(self._possible(Features(model=model, at=0.0, wall=0.0, seed=0)))
            if len(self._concerned) < _NAMES:
                self._concerned[model] = known
        return known


class _Verdict:
    """What one rule says of the requests that it holds for."""

    def __init__(self, rule: Rule) -> None:
        then = rule.then
        priority = None if then.priority is None else PRIORITIES[then.priority]
        self._always = Ruling((rule.name,), then.route, then.reject, then.strategy, priority)
        self._split = Split(rule.name, then.split, then.by) if then.split else None
        self._copies = Copies(rule.name, then.mirror) if then.mirror is not None else None

    def ruling(self, features: Features) -> Ruling:
        ruling = self._always
        if self._split is not None:
            route = self._split.route(features)
            ruling = ruling._replace(route=route, split=f"{ruling.matched[0]}:{route}")
        if self._copies is not None and self._copies.drawn(features):
            ruling = ruling._replace(mirror=(self._copies.to,))
        return ruling


def _joined(before: Ruling, behind: Ruling) -> Ruling:
    """What two rules say one after the other. Only the last one has a route or refuses; of the rest what was said first stays."""
    return Ruling(
        before.matched + behind.matched,
        behind.route,
        behind.reject,
        before.strategy or behind.strategy,
        behind.priority if before.priority is None else before.priority,
        before.mirror + behind.mirror,
        behind.split,
    )


def rules_of(routing: Routing, cost_of: CostOf) -> Rules | None:
    """The rules of a configuration; None if there are none. `cost_of`: expected cost at the cheapest candidate of the route that
    was asked for (cost.cheapest), in nano-dollars; only called when a condition on cost is reached.
    """
    return Rules(routing.rules, cost_of) if routing.rules else None


def _condition(rule: Rule) -> Condition:
    return rule.when.condition if rule.when is not None else ALWAYS


def reads_of(rules: Iterable[Rule]) -> Reads:
    """What of a request these rules look at."""
    tests = [test for rule in rules for test in leaves(_condition(rule))]
    fields = {test.field for test in tests} | {name for rule in rules for name in _held(rule.then)}
    cost = "cost" in fields
    return Reads(
        headers=frozenset(test.entry for test in tests if test.field == "header"),
        metadata="metadata" in fields,
        tokens=cost or "tokens" in fields,
        output=cost or "output" in fields,
        needs=any(test.field == "needs" and test.values != ("streaming",) for test in tests),
        stream="stream" in fields or "needs" in fields,
        cost=cost,
        user="user" in fields,
        session="session" in fields,
        source="source" in fields,
    )


def leads_of(rules: Iterable[Rule]) -> tuple[str, ...]:
    """The routes that these rules name, each once."""
    names: list[str] = []
    for rule in rules:
        then = rule.then
        names += [share.route for share in then.split]
        names += [name for name in (then.route, None if then.mirror is None else then.mirror.to) if name]
    return tuple(dict.fromkeys(names))


def _held(then: Action) -> tuple[str, ...]:
    """What a split holds on to."""
    if not then.split or then.by in ("key", "request"):
        return ()
    return ("user", "session")


def _possibly(condition: Condition, *, wanted: bool = True) -> Condition:
    """What must be true of the model alone for `condition` to be able to hold (or, if not `wanted`, to fail)."""
    match condition:
        case Test():
            if condition.field != _MODEL:
                return ALWAYS
            return condition if wanted else Not(condition)
        case Not():
            return _possibly(condition.of, wanted=not wanted)
        case And() | Or():
            parts = [_possibly(one, wanted=wanted) for one in condition.of]
            if isinstance(condition, And) == wanted:
                return every(*(part for part in parts if part != ALWAYS))
            return ALWAYS if ALWAYS in parts or not parts else either(*parts)
