"""What is wrong with routing rules once they are read beside everything else: routes and names that do not exist, rules that can
never hold, and rules that are never reached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from llm_gateway.config.conditions.fields import FIELDS, IS, Kind
from llm_gateway.config.conditions.overlap import Reach
from llm_gateway.config.conditions.spans import passes
from llm_gateway.config.conditions.tree import ALWAYS, Test, leaves
from llm_gateway.config.errors import Path, Problems, did_you_mean, one_of, shown
from llm_gateway.config.schema import ApiKey, Rule, Sections
from llm_gateway.config.schema.auth import ANONYMOUS
from llm_gateway.config.schema.tenants import DEFAULT, Scope
from llm_gateway.config.tree import Node, locate

MOST_RULES = 500
MOST_TESTS = 5000
"""In all rules together."""

_Index = tuple[int, Rule]


def check_rules(sections: Sections, root: Node, problems: Problems, check_route: Callable[[Path, str | None], None]) -> None:
    """Note what does not fit. `check_route` notes a name that is neither alias nor provider/model."""
    checks = _Rules(sections, root, problems)
    checks.run(check_route)


class _Rules:
    def __init__(self, sections: Sections, root: Node, problems: Problems) -> None:
        self._sections = sections
        self._root = root
        self._problems = problems
        self._rules: list[_Index] = [
            (index, rule) for index, rule in enumerate(sections.routing.rules or ()) if rule is not None and rule.then is not None
        ]

    def run(self, check_route: Callable[[Path, str | None], None]) -> None:
        if self._too_many():
            return
        seen: dict[str, int] = {}
        known = known_names(self._sections)
        for index, rule in self._rules:
            if rule.name and seen.setdefault(rule.name, index) != index:
                self._note((index, "name"), f"is also the name of routing.rules[{seen[rule.name]}]")
            for path, name in _routes(rule):
                check_route(("routing", "rules", index, *path), name)
            self._names(index, rule, known)
        self._reach()

    def _too_many(self) -> bool:
        tests = sum(1 for _, rule in self._rules if rule.when for _ in leaves(rule.when.condition))
        if len(self._rules) > MOST_RULES or tests > MOST_TESTS:
            self._note((), f"has more than {MOST_RULES} rules, or more than {MOST_TESTS} tests in them")
            return True
        return False

    def _names(self, index: int, rule: Rule, known: Mapping[str, frozenset[str]]) -> None:
        """Tests for tenants, projects, keys and tags that no key has, and for a region that was never said."""
        if rule.when is None:
            return
        for test in leaves(rule.when.condition):
            if test.field == "region" and not self._sections.routing.region:
                self._say(index, rule, test, "asks for the gateway's region, and there is none", "say routing.region")
            names = known.get(test.field)
            for value in test.values if names is not None else ():
                holds = passes(Test(test.field, IS if FIELDS[test.field].kind is Kind.WORDS else test.op, (value,)))
                if names is not None and not any(map(holds, names)):
                    what = f"no key has such a {test.field.removesuffix('s')}" if test.field != "key" else "there is no such key"
                    given = "" if rule.when.hidden else f': "{shown(str(value))}"'
                    named = sorted(filter(None, names))
                    self._say(index, rule, test, what + given, did_you_mean(str(value), named) or one_of(named))

    def _reach(self) -> None:
        """Rules that can never hold, and those that an earlier one always forestalls."""
        ending: list[tuple[_Index, Reach]] = []
        for index, rule in self._rules:
            if rule.when is None and not self._readable(index):
                continue  # it has a condition that was already reported
            reach = Reach(rule.when.condition if rule.when else ALWAYS)
            if reach.never:
                self._note((index, "when"), "can never hold: its tests contradict each other")
                continue
            first = next((before for before, wider in ending if reach.within(wider)), None)
            if first is not None:
                at = locate(self._root, ("routing", "rules", first[0]))[0].where
                place = f"line {at.line}" if at.line else f"routing.rules[{first[0]}]"
                message = f'is never reached: rule "{shown(first[1].name or "")}" ({place}) holds whenever it does'
                self._note((index,), message, "put it first, narrow that one, or say continue: true there")
            elif not rule.continue_:
                ending.append(((index, rule), reach))

    def _readable(self, index: int) -> bool:
        node, _ = locate(self._root, ("routing", "rules", index))
        written = node.value.get("when") if isinstance(node.value, dict) else None
        return written is None or written.value is None

    def _say(self, index: int, rule: Rule, test: Test, message: str, suggestion: str) -> None:
        path = ("routing", "rules", index, "when")
        if test.where.line and rule.when is not None and not rule.when.hidden:
            self._problems.add(test.where, path, message, suggestion)
        else:
            self._note((index, "when"), message, suggestion)

    def _note(self, path: Path, message: str, suggestion: str = "") -> None:
        node, written = locate(self._root, ("routing", "rules", *path))
        self._problems.add(node.where, written, message, suggestion)


def known_names(sections: Sections) -> dict[str, frozenset[str]]:
    """By field: every name that a request can have there. Fields of keys that could not be read are left out."""
    keys: list[ApiKey] = []
    for key in sections.auth.keys or ():
        if key is None or None in (key.name, key.tenant, key.project, key.tags):
            return {}
        keys.append(key)
    if sections.auth.others:
        return {}  # who has a token or a certificate can be of any of them
    tenants = {name: tenant for name, tenant in (sections.tenants or {}).items() if tenant is not None}
    projects = [name for tenant in tenants.values() for name in tenant.projects or ()]
    scopes: list[Scope] = [*tenants.values()]
    scopes += [part for tenant in tenants.values() for part in (tenant.projects or {}).values() if part is not None]
    nobody = [] if sections.auth.needed else [""]
    return {
        "tenant": frozenset([*nobody, *(key.tenant for key in keys), *tenants, *([DEFAULT] if tenants else ())]),
        "project": frozenset([*nobody, *(key.project for key in keys), *projects]),
        "key": frozenset([*(ANONYMOUS for _ in nobody), *(key.name for key in keys)]),
        "tags": frozenset(tag for tags in (*(key.tags for key in keys), *(scope.tags for scope in scopes)) for tag in tags or ()),
    }


def _routes(rule: Rule) -> Iterable[tuple[Path, str | None]]:
    """Every name of a route in a rule, and where it stands."""
    then = rule.then
    yield ("then", "route"), then.route
    if then.mirror is not None:
        yield ("then", "mirror", "to"), then.mirror.to
    for at, share in enumerate(then.split or ()):
        if share is not None:
            yield ("then", "split", at, "route"), share.route
