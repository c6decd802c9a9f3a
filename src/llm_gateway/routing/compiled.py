"""Conditions as one function of Python bytecode, so that fifty rules cost a few microseconds.

The function is built as a syntax tree, never as text: names in it are ours, and what a configuration says appears only as
constants. Its size is bounded by the number of rules and tests that a configuration may have.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import Any, cast

from llm_gateway.config.conditions.fields import CONTAINS, ENDS, FIELDS, GLOB, IS, NEEDS, STARTS, WEEKDAYS, Kind
from llm_gateway.config.conditions.spans import (
    ENDLESS,
    NUMBERS,
    address,
    last_of,
    pattern_of,
    ranges,
    simple,
    spans,
)
from llm_gateway.config.conditions.tree import And, Condition, Not, Or, Test, leaves
from llm_gateway.routing.features import Features, Needs

Finder = Callable[[Features], tuple[int, ...]]
CostOf = Callable[[Features], int | None]
"""Nano-dollars that a request may be expected to cost; None: not known."""

_PLAIN = frozenset(
    {
        "model",
        "operation",
        "tenant",
        "project",
        "key",
        "user",
        "session",
        "region",
        "tags",
        "tokens",
        "output",
        "needs",
        "priority",
    }
)
"""Fields of conditions that are fields of Features."""
_FINDER = "find"


def finder(conditions: Sequence[tuple[Condition, bool]], cost_of: CostOf) -> Finder:
    """A function that gives the numbers of the conditions that hold, in order. Those with True end the search."""
    writer = _Writer(cost_of)
    body: list[ast.stmt] = []
    for index, (condition, ends) in enumerate(conditions):
        body.append(ast.If(writer.write(condition), [_found(index, ends=ends)], []))
    tests = [test for condition, _ in conditions for test in leaves(condition)]
    ending = ast.Return(ast.Name("found", ast.Load()))
    return writer.function([*_beginning(tests), *writer.cuts(), *body, ending])


def _found(index: int, *, ends: bool) -> ast.stmt:
    """`return (*found, index)`, or `found = (*found, index)`."""
    more = ast.Tuple([ast.Starred(ast.Name("found", ast.Load()), ast.Load()), ast.Constant(index)], ast.Load())
    return ast.Return(more) if ends else ast.Assign([ast.Name("found", ast.Store())], more)


def _beginning(tests: Sequence[Test]) -> list[ast.stmt]:
    """What every test may use, each looked up once. A cost and an address are only worked out when a test asks for them."""
    lines = [_assign("found", ast.Tuple([], ast.Load()))]
    names = {test.field for test in tests}
    feature = {"stream": "needs", "time": "wall", "weekday": "wall", "header": "headers"}
    wanted = {feature.get(name, name) for name in names} - {"cost"}
    lines.extend(_assign(name, ast.Attribute(_load("f"), name, ast.Load())) for name in sorted(wanted))
    if "wall" in wanted:
        lines.append(_assign("wall", ast.Call(_load("int"), [_load("wall")], [])))
    if "time" in names:  # minutes of the day
        lines.append(_assign("time", _binary(_binary(_load("wall"), ast.FloorDiv(), 60), ast.Mod(), 24 * 60)))
    if "weekday" in names:  # Unix time began on a Thursday
        days = _binary(_binary(_load("wall"), ast.FloorDiv(), 86_400), ast.Add(), 3)
        lines.append(_assign("weekday", _binary(days, ast.Mod(), len(WEEKDAYS))))
    lines.extend(
        _assign(name, ast.Constant(None)) for name in ("cost", "place") if {"cost": "cost", "place": "source"}[name] in names
    )
    return lines


class _Writer:
    """Writes conditions as expressions; what they call stands in `names`."""

    def __init__(self, cost_of: CostOf) -> None:
        self.fronts: dict[str, tuple[str, int]] = {}
        self.names: dict[str, Any] = {
            "__builtins__": {},
            "int": int,
            "address": address,
            "cost_of": lambda features: -1 if (cost := cost_of(features)) is None else cost,
        }

    def function(self, body: list[ast.stmt]) -> Finder:
        arguments = ast.arguments(posonlyargs=[], args=[ast.arg("f")], kwonlyargs=[], kw_defaults=[], defaults=[])
        whole = ast.Module([ast.FunctionDef(_FINDER, arguments, body, [])], [])
        code = compile(ast.fix_missing_locations(whole), "<routing rules>", "exec")
        inner = next(one for one in code.co_consts if isinstance(one, CodeType))
        return cast("Finder", FunctionType(inner, self.names, _FINDER))

    def write(self, condition: Condition) -> ast.expr:
        match condition:
            case Test():
                return self._test(condition)
            case Not():
                return ast.UnaryOp(ast.Not(), self.write(condition.of))
            case And(of=()):
                return ast.Constant(True)
            case And():
                return ast.BoolOp(ast.And(), [self.write(one) for one in condition.of])
            case Or():
                return _any([self.write(one) for one in condition.of])

    def _test(self, test: Test) -> ast.expr:
        kind = FIELDS[test.field].kind
        if kind in NUMBERS:
            return _number(test, kind)
        match test.field:
            case "stream":
                return _binary(_load("needs"), ast.BitAnd(), int(Needs.STREAMING))
            case "needs":
                return _binary(_load("needs"), ast.BitAnd(), sum(1 << NEEDS.index(str(word)) for word in test.values))
            case "tags":
                return _any([_compare(ast.Constant(tag), ast.In(), _load("tags")) for tag in test.values])
            case "weekday":
                return _one_of(_load("weekday"), tuple(WEEKDAYS.index(str(day)) for day in test.values))
            case "source":
                place = _lazy("place", ast.Call(_load("address"), [_load("source")], []))
                return _any([_between(place, low, high, ENDLESS) for low, high in ranges(test)])
        return self._text(test)

    def _text(self, test: Test) -> ast.expr:
        plain = [(simple(str(value)) if test.op == GLOB else None) or (test.op, str(value)) for value in test.values]
        by_op: dict[str, list[str]] = {}
        for op, value in plain:
            by_op.setdefault(op, []).append(value)
        return _any([one for op, values in by_op.items() for one in self._texts(_subject(test), op, values)])

    def _texts(self, subject: ast.expr, op: str, values: list[str]) -> list[ast.expr]:
        if op == IS:
            return [_one_of(subject, tuple(values))]
        if op == STARTS and isinstance(subject, ast.Name):
            by_length: dict[int, list[str]] = {}
            for value in values:
                by_length.setdefault(len(value), []).append(value)
            return [_one_of(self._front(subject.id, length), tuple(found)) for length, found in by_length.items()]
        if op in (STARTS, ENDS):
            method = ast.Attribute(subject, "startswith" if op == STARTS else "endswith", ast.Load())
            return [ast.Call(method, [ast.Tuple([ast.Constant(value) for value in values], ast.Load())], [])]
        if op == CONTAINS:
            return [_compare(ast.Constant(value), ast.In(), subject) for value in values]
        return [self._pattern(subject, op, value) for value in values]

    def _pattern(self, subject: ast.expr, op: str, value: str) -> ast.expr:
        """Most texts are told apart by the pattern's beginning, without a call."""
        pattern = pattern_of(op, value)
        found: ast.expr = ast.Call(self._named(pattern.matches), [subject], [])
        if pattern.front and isinstance(subject, ast.Name):
            front = _compare(self._front(subject.id, len(pattern.front)), ast.Eq(), ast.Constant(pattern.front))
            found = ast.BoolOp(ast.And(), [front, found])
        return found

    def _front(self, name: str, length: int) -> ast.expr:
        """The beginning of a text, cut once for all tests of this length: half the time of a call of startswith for each."""
        self.fronts[f"{name}_{length}"] = (name, length)
        return _load(f"{name}_{length}")

    def cuts(self) -> list[ast.stmt]:
        """The lines that make what `_front` promised."""
        return [
            _assign(front, ast.Subscript(_load(name), ast.Slice(upper=ast.Constant(length)), ast.Load()))
            for front, (name, length) in self.fronts.items()
        ]

    def _named(self, function: Callable[..., bool]) -> ast.expr:
        name = f"test_{len(self.names)}"
        self.names[name] = function
        return _load(name)


def _subject(test: Test) -> ast.expr:
    if test.field in _PLAIN:
        return _load(test.field)
    entries = _load("headers" if test.field == "header" else "metadata")
    return ast.Call(ast.Attribute(entries, "get", ast.Load()), [ast.Constant(test.entry), ast.Constant("")], [])


def _number(test: Test, kind: Kind) -> ast.expr:
    subject = _load(test.field)
    if test.field == "cost":
        subject = _lazy("cost", ast.Call(_load("cost_of"), [_load("f")], []))
    found = spans(test)
    if test.op == IS or not found:
        return _one_of(subject, tuple(int(value) for value in test.values)) if found else ast.Constant(False)
    return _any([_between(subject, low, high, last_of(kind)) for low, high in found])


def _between(subject: ast.expr, low: int, high: int, last: int) -> ast.expr:
    """Numbers that nobody knows are negative, so there is always a lower bound."""
    if high >= min(last, ENDLESS):
        return _compare(subject, ast.GtE(), ast.Constant(low))
    return ast.Compare(ast.Constant(low), [ast.LtE(), ast.LtE()], [subject, ast.Constant(high)])


def _one_of(subject: ast.expr, values: tuple[Any, ...]) -> ast.expr:
    if len(values) == 1:
        return _compare(subject, ast.Eq(), ast.Constant(values[0]))
    return _compare(subject, ast.In(), ast.Set([ast.Constant(value) for value in values]))


def _lazy(name: str, value: ast.expr) -> ast.expr:
    """`name`, after `value` was put there if it was None."""
    assigned = ast.NamedExpr(ast.Name(name, ast.Store()), value)
    return ast.IfExp(_compare(_load(name), ast.IsNot(), ast.Constant(None)), _load(name), assigned)


def _any(parts: list[ast.expr]) -> ast.expr:
    return parts[0] if len(parts) == 1 else ast.BoolOp(ast.Or(), parts)


def _load(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def _assign(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name(name, ast.Store())], value)


def _binary(left: ast.expr, op: ast.operator, right: int) -> ast.expr:
    return ast.BinOp(left, op, ast.Constant(right))


def _compare(left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.expr:
    return ast.Compare(left, [op], [right])
