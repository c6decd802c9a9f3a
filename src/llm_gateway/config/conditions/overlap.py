"""Which conditions can never hold, and which hold whenever another does. What is claimed is true; what is true may be missed.

A condition is laid out as ways in which it can hold, each a set of single tests, passed or failed, by field. Beyond MOST_WAYS
nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

from llm_gateway.config.conditions.fields import CONTAINS, ENDS, FIELDS, GLOB, IS, STARTS, Kind
from llm_gateway.config.conditions.spans import (
    NUMBERS,
    Span,
    last_of,
    networks,
    passes,
    shared,
    simple,
    spans,
    without,
)
from llm_gateway.config.conditions.tree import And, Condition, Not, Or, Test

MOST_WAYS = 32
Subject = tuple[str, str]


@dataclass(frozen=True)
class Part:
    """What one way asks of one field: tests that are passed, and tests that are not."""

    kind: Kind
    words: tuple[str, ...]
    passed: tuple[Test, ...]
    failed: tuple[Test, ...]

    @cached_property
    def numbers(self) -> tuple[Span, ...]:
        """Of NUMBERS: the known ones that fit."""
        left: tuple[Span, ...] = ((0, last_of(self.kind)),)
        for test in self.passed:
            left = shared(left, spans(test))
        for test in self.failed:
            left = without(left, spans(test))
        return left

    @cached_property
    def unknown(self) -> bool:
        """Whether a number that nobody knows fits."""
        return self.kind in (Kind.COUNT, Kind.MONEY) and not self.passed

    @cached_property
    def texts(self) -> tuple[str, ...] | None:
        """All texts that fit, where they can be counted."""
        exact = next((test for test in self.passed if test.op == IS), None)
        known = self.words if exact is None else tuple(map(str, exact.values))
        if not known or self.kind not in (Kind.TEXT, Kind.WORD):
            return None
        yes, no = [passes(test) for test in self.passed], [passes(test) for test in self.failed]
        return tuple(text for text in known if all(one(text) for one in yes) and not any(one(text) for one in no))

    def possible(self) -> bool:
        """False only if no value fits."""
        if self.kind in NUMBERS:
            return bool(self.numbers) or self.unknown
        if self.texts is not None:
            return bool(self.texts)
        if any(implies(test, other) for test in self.passed for other in self.failed):
            return False
        return not any(apart(one, other) for i, one in enumerate(self.passed) for other in self.passed[:i])

    def implies(self, test: Test, *, passed: bool) -> bool:
        """True only if every value that fits passes `test` (or fails it, if `passed` is False)."""
        if self.kind in NUMBERS:
            if passed:
                return not self.unknown and not without(self.numbers, spans(test))
            return not shared(self.numbers, spans(test))
        if self.texts is not None:
            holds = passes(test)
            return all(holds(text) == passed for text in self.texts)
        if passed:
            return any(implies(one, test) for one in self.passed)
        return any(implies(test, one) for one in self.failed) or any(apart(one, test) for one in self.passed)


@dataclass(frozen=True)
class Way:
    """One way in which a condition can hold."""

    parts: dict[Subject, Part] = field(default_factory=dict)

    def possible(self) -> bool:
        return all(part.possible() for part in self.parts.values())

    def within(self, other: Way) -> bool:
        """True only if this cannot hold without `other`."""
        for subject, asked in other.parts.items():
            part = self.parts.get(subject)
            if part is None:
                return False
            if not all(part.implies(test, passed=True) for test in asked.passed):
                return False
            if not all(part.implies(test, passed=False) for test in asked.failed):
                return False
        return True


class Reach:
    """When a condition holds, as far as that can be told."""

    def __init__(self, condition: Condition) -> None:
        laid_out = _ways(condition, passed=True)
        self._known = laid_out is not None
        self._ways = [way for way in map(_way, laid_out or ()) if way.possible()]

    @property
    def never(self) -> bool:
        """Whether it is certain that the condition can never hold."""
        return self._known and not self._ways

    def within(self, other: Reach) -> bool:
        """Whether it is certain that `other` holds whenever this does."""
        return self._known and all(any(way.within(one) for one in other._ways) for way in self._ways)


_Signed = tuple[Test, bool]


def _ways(condition: Condition, *, passed: bool) -> list[tuple[_Signed, ...]] | None:
    """In disjunctive normal form; None if that grows beyond MOST_WAYS."""
    match condition:
        case Test():
            return [((condition, passed),)]
        case Not():
            return _ways(condition.of, passed=not passed)
        case And() | Or():
            inner = []
            for one in condition.of:
                ways = _ways(one, passed=passed)
                if ways is None:
                    return None
                inner.append(ways)
            if isinstance(condition, And) == passed:
                return _crossed(inner)
            found = [way for ways in inner for way in ways]
            return found if len(found) <= MOST_WAYS else None


def _crossed(inner: list[list[tuple[_Signed, ...]]]) -> list[tuple[_Signed, ...]] | None:
    count = 1
    for ways in inner:
        count *= len(ways)
        if count > MOST_WAYS:
            return None
    return [tuple(signed for way in chosen for signed in way) for chosen in product(*inner)]


def _way(tests: Iterable[_Signed]) -> Way:
    found: dict[Subject, tuple[list[Test], list[Test]]] = {}
    for test, passed in tests:
        found.setdefault((test.field, test.entry), ([], []))[0 if passed else 1].append(test)
    parts = {}
    for (name, entry), (passed_ones, failed) in found.items():
        known = FIELDS[name]
        parts[name, entry] = Part(known.kind, known.words, tuple(passed_ones), tuple(failed))
    return Way(parts)


def implies(one: Test, other: Test) -> bool:
    """Of two tests of the same field, not of numbers: True only if whatever passes the first passes the second."""
    kind = FIELDS[one.field].kind
    if kind is Kind.NETWORK:
        return all(any(_inside(net, wide) for wide in networks(other)) for net in networks(one))
    if kind not in (Kind.TEXT, Kind.WORD):
        return set(one.values) <= set(other.values)
    if one.op == other.op and set(one.values) <= set(other.values):
        return True
    plain = [_plain(one.op, str(value)) for value in one.values]
    if all(op == IS for op, _ in plain):
        holds = passes(other)
        return all(holds(text) for _, text in plain)
    wide = [_plain(other.op, str(value)) for value in other.values]
    return all(any(_narrower(narrow, one) for one in wide) for narrow in plain)


def apart(one: Test, other: Test) -> bool:
    """Of two tests of the same field: True only if nothing passes both."""
    if FIELDS[one.field].kind is Kind.NETWORK:
        return not any(_inside(a, b) or _inside(b, a) for a in networks(one) for b in networks(other))
    pairs = [(_plain(one.op, str(a)), _plain(other.op, str(b))) for a in one.values for b in other.values]
    return FIELDS[one.field].kind is Kind.TEXT and all(_no_text(a, b) for a, b in pairs)


def _plain(op: str, value: str) -> tuple[str, str]:
    return (simple(value) if op == GLOB else None) or (op, value)


def _narrower(one: tuple[str, str], other: tuple[str, str]) -> bool:
    (narrow, text), (wide, part) = one, other
    if narrow not in (IS, STARTS, ENDS, CONTAINS):
        return one == other
    match wide:
        case "contains":
            return part in text
        case "starts_with":
            return narrow in (IS, STARTS) and text.startswith(part)
        case "ends_with":
            return narrow in (IS, ENDS) and text.endswith(part)
    return one == other


def _no_text(one: tuple[str, str], other: tuple[str, str]) -> bool:
    for (op, text), (second, part) in ((one, other), (other, one)):
        if op == IS and not passes(Test("model", second, (part,)))(text):
            return True
    (op, text), (second, part) = one, other
    if op != second or op not in (STARTS, ENDS):
        return False
    return (
        not (text.startswith(part) or part.startswith(text)) if op == STARTS else not (text.endswith(part) or part.endswith(text))
    )


def _inside(net: object, wide: object) -> bool:
    return type(net) is type(wide) and net.subnet_of(wide)  # type: ignore[attr-defined]
