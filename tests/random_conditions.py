"""Random conditions and requests, and what a condition means: read slowly and plainly, to compare the real thing with."""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from typing import Any

from hypothesis import strategies as st

from llm_gateway.config.conditions.fields import FIELDS, OPERATIONS, PRIORITIES, WEEKDAYS, Kind
from llm_gateway.config.conditions.tree import And, Condition, Not, Or, Test, clock, either, every
from llm_gateway.config.values import Money
from llm_gateway.routing.features import Features, Needs

TEXTS = ("a", "ab", "abc", "b", "gpt", "gpt-4o", "gpt-4o-mini", "ü", 'q"\\/', "10", " ")
GLOBS = ("a*", "*b", "*", "gpt-?o", "*4*", "g*-*i", "abc", "**")
REGEXES = ("^gpt", "a|b$", "[a-c]+", "^(gpt|a)-?\\d*", "o$", "\\/")
NETWORKS = ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "192.168.0.0/24", "2001:db8::/32", "::/0", "0.0.0.0/0")
ADDRESSES = ("10.1.2.3", "10.200.0.1", "192.168.0.7", "2001:db8::1", "::1", "::ffff:10.1.2.3", "", "not an address")
ORDERED = ("is", "<", "<=", ">", ">=")
NUMBERS = {Kind.COUNT: (0, 1, 5, 1000, 20000), Kind.MONEY: (0, 1_000, 5_000_000, 10**9), Kind.LEVEL: (0, 1, 2, 3)}
MINUTES = (0, 1, 359, 360, 720, 1320, 1439)


def some(values: tuple[Any, ...]) -> st.SearchStrategy[tuple[Any, ...]]:
    """One to three of them, each once."""
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(tuple)


@st.composite
def tests(draw: st.DrawFn) -> Condition:
    """One test of any field."""
    field = draw(st.sampled_from(sorted(FIELDS.values(), key=lambda field: field.name)))
    entry = draw(st.sampled_from(("x-team", "cost-center", "x"))) if field.named else ""
    op, values = draw(comparisons(field.kind, field.words))
    return Test(field.name, op, values, entry)


@st.composite
def comparisons(draw: st.DrawFn, kind: Kind, words: tuple[str, ...]) -> tuple[str, tuple[Any, ...]]:
    """An operator that the kind has, and values for it."""
    if kind is Kind.TEXT:
        op = draw(st.sampled_from(("is", "starts_with", "ends_with", "contains", "glob", "regex", "regex_i")))
        if op.startswith("regex"):
            return op, (draw(st.sampled_from(REGEXES)),)
        return op, draw(some({"is": (*TEXTS, ""), "glob": GLOBS}.get(op, TEXTS)))
    if kind is Kind.TIME:
        ends = draw(st.lists(st.sampled_from(MINUTES), min_size=2, max_size=2, unique=True))
        op = draw(st.sampled_from(("between", "<", "<=", ">", ">=")))
        return op, tuple(ends) if op == "between" else tuple(ends[:1])
    if kind in NUMBERS:
        if draw(st.booleans()):
            low, high = sorted(draw(st.tuples(st.sampled_from(NUMBERS[kind]), st.sampled_from(NUMBERS[kind]))))
            return "between", (low, high)
        op = draw(st.sampled_from(ORDERED))
        values = draw(some(NUMBERS[kind]))
        return op, values if op == "is" else values[:1]
    if kind is Kind.WORDS:
        return "contains", draw(some(words or TEXTS))
    if kind is Kind.NETWORK:
        return "is", draw(some(NETWORKS))
    return "is", (1,) if kind is Kind.YES else draw(some(words))


def conditions() -> st.SearchStrategy[Condition]:
    """Conditions of a few tests."""
    return st.recursive(
        tests(),
        lambda inner: st.one_of(
            inner.map(Not),
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: every(*parts)),
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: either(*parts)),
        ),
        max_leaves=8,
    )


@st.composite
def requests(draw: st.DrawFn) -> Features:
    """Requests that have something in common with the conditions."""
    text = st.sampled_from((*TEXTS, ""))
    entries = st.dictionaries(st.sampled_from(("x-team", "cost-center", "x")), text, max_size=2)
    return Features(
        model=draw(text),
        at=1.0,
        wall=draw(st.integers(0, 7 * 1440 - 1)) * 60.0 + 0.5,
        seed=draw(st.integers(0, 2**64 - 1)),
        operation=draw(st.sampled_from(OPERATIONS)),
        needs=draw(st.integers(0, 127)),
        tokens=draw(st.sampled_from((-1, 0, 1, 4, 5, 1001, 20000, 20001))),
        output=draw(st.sampled_from((-1, 0, 5, 30000))),
        key=draw(text),
        tenant=draw(text),
        project=draw(text),
        user=draw(text),
        session=draw(text),
        tags=frozenset(draw(st.lists(text, max_size=3))),
        headers=draw(entries),
        metadata=draw(entries),
        source=draw(st.sampled_from(ADDRESSES)),
        region=draw(text),
        priority=draw(st.integers(0, 3)),
    )


def holds(condition: Condition, request: Features, cost: int | None = None) -> bool:
    """What a condition means."""
    match condition:
        case Not():
            return not holds(condition.of, request, cost)
        case And():
            return all(holds(one, request, cost) for one in condition.of)
        case Or():
            return any(holds(one, request, cost) for one in condition.of)
        case Test():
            return _passes(condition, request, cost)


def _passes(test: Test, request: Features, cost: int | None) -> bool:
    kind = FIELDS[test.field].kind
    if kind is Kind.YES:
        return bool(request.needs & Needs.STREAMING)
    if test.field == "needs":
        return any(request.needs & Needs[str(word).upper()] for word in test.values)
    if test.field == "tags":
        return any(tag in request.tags for tag in test.values)
    if kind is Kind.NETWORK:
        return any(_in_network(request.source, str(net)) for net in test.values)
    if kind in (Kind.COUNT, Kind.MONEY, Kind.LEVEL, Kind.TIME):
        return _number(test, _value(test, request, cost))
    if test.field == "weekday":
        text = WEEKDAYS[(int(request.wall) // 86400 + 3) % 7]
    elif test.field == "header":
        text = request.headers.get(test.entry, "")
    elif test.field == "metadata":
        text = request.metadata.get(test.entry, "")
    else:
        text = getattr(request, test.field)
    return any(_text(test.op, text, str(value)) for value in test.values)


def _value(test: Test, request: Features, cost: int | None) -> int:
    if test.field == "time":
        return int(request.wall) // 60 % 1440
    if test.field == "cost":
        return -1 if cost is None else cost
    found: int = getattr(request, test.field)
    return found


def _number(test: Test, number: int) -> bool:
    first = int(test.values[0])
    if number < 0:
        return False
    if test.op == "between":
        second = int(test.values[1])
        if test.field != "time":
            return first <= number <= second
        return first <= number < second if first < second else number >= first or number < second
    if test.op == "is":
        return number in test.values
    return {"<": number < first, "<=": number <= first, ">": number > first, ">=": number >= first}[test.op]


def _text(op: str, text: str, value: str) -> bool:
    match op:
        case "is":
            return text == value
        case "starts_with":
            return text.startswith(value)
        case "ends_with":
            return text.endswith(value)
        case "contains":
            return value in text
        case "glob":
            return fnmatch.fnmatchcase(text, value)
    return re.search(value, text, re.IGNORECASE if op == "regex_i" else re.ASCII) is not None


def _in_network(text: str, network: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address in ipaddress.ip_network(network)


def as_yaml(condition: Condition) -> dict[str, Any]:
    """The condition as the mapping that means it, as a file would have it."""
    match condition:
        case Not():
            return {"not": as_yaml(condition.of)}
        case And():
            return {"all": [as_yaml(one) for one in condition.of]}
        case Or():
            return {"any": [as_yaml(one) for one in condition.of]}
        case Test():
            return _test_as_yaml(condition)


def _test_as_yaml(test: Test) -> dict[str, Any]:
    kind = FIELDS[test.field].kind
    if kind is Kind.YES:
        return {test.field: True}
    values = [_written(test, kind, value) for value in test.values]
    plain = test.op == "is" or (test.op == "contains" and kind is Kind.WORDS)
    names = {"glob": "matches", "regex": "matches", "regex_i": "matches", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
    one = values[0] if len(values) == 1 else values
    inner = one if plain else {names.get(test.op, test.op): one}
    return {test.field: {test.entry: inner} if test.entry else inner}


def _written(test: Test, kind: Kind, value: Any) -> Any:
    if test.op in ("regex", "regex_i"):
        return f"/{value}/{'i' if test.op == 'regex_i' else ''}"
    if kind is Kind.TIME:
        return clock(value)
    if kind is Kind.LEVEL:
        return PRIORITIES[value]
    if kind is Kind.MONEY:
        return float(str(Money(value)))
    return value
