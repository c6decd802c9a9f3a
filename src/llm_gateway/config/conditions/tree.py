"""Conditions as a tree, equal however they were written, and how one is written out in one line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as detail

from llm_gateway.config.conditions.fields import (
    BETWEEN,
    FIELDS,
    GLOB,
    IS,
    PRIORITIES,
    REGEX,
    REGEX_FOLDED,
    Kind,
)
from llm_gateway.config.errors import Where
from llm_gateway.config.values import Money

NOWHERE = Where("")

Value = str | int
"""Text as text; counts as they are; dollars as nano-dollars; priorities as 0 to 3; times as minutes of the day (UTC); networks
as CIDR.
"""


@dataclass(frozen=True, slots=True)
class Test:
    """One question about one field. It holds if it holds for one of `values` (`between` has its two ends there).

    A number that nobody knows passes no test, so its negation holds. Text that was not sent is "".
    """

    __test__ = False  # pytest: not a class of tests

    field: str
    op: str
    values: tuple[Value, ...]
    entry: str = ""
    """Of `header` (in lower case) and `metadata`: whose entry."""
    where: Where = detail(default=NOWHERE, compare=False)

    def __str__(self) -> str:
        subject = f"{self.field}({_quoted(self.entry)})" if FIELDS[self.field].named else self.field
        return _test(self, subject)


@dataclass(frozen=True, slots=True)
class Not:
    """Holds if `of` does not."""

    of: Condition

    def __str__(self) -> str:
        return f"not ({self.of})" if isinstance(self.of, And | Or) and len(self.of.of) > 1 else f"not {self.of}"


@dataclass(frozen=True, slots=True)
class And:
    """Holds if all hold; with none it always does."""

    of: tuple[Condition, ...] = ()

    def __str__(self) -> str:
        return " and ".join(f"({one})" if isinstance(one, Or) else str(one) for one in self.of)


@dataclass(frozen=True, slots=True)
class Or:
    """Holds if one of at least two holds."""

    of: tuple[Condition, ...]

    def __str__(self) -> str:
        return " or ".join(map(str, self.of))


Condition = Test | Not | And | Or
ALWAYS = And()
"""What a rule without `when` asks for. The one condition that has no text."""


def every(*conditions: Condition) -> Condition:
    """All of them; of one alone, that one."""
    flat = tuple(inner for one in conditions for inner in (one.of if isinstance(one, And) else (one,)))
    return flat[0] if len(flat) == 1 else And(flat)


def either(*conditions: Condition) -> Condition:
    """One of them, of at least one."""
    flat = tuple(inner for one in conditions for inner in (one.of if isinstance(one, Or) else (one,)))
    return flat[0] if len(flat) == 1 else Or(flat)


def leaves(condition: Condition) -> Iterator[Test]:
    """Every test in it, in order."""
    match condition:
        case Test():
            yield condition
        case Not():
            yield from leaves(condition.of)
        case And() | Or():
            for one in condition.of:
                yield from leaves(one)


def clock(minutes: int) -> str:
    """A time of day as it is written: `06:30`; the end of the day is `24:00`."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _test(test: Test, subject: str) -> str:
    kind = FIELDS[test.field].kind
    values = [_value(test, kind, value) for value in test.values]
    if kind is Kind.YES:
        return subject
    if test.op == BETWEEN:
        return f"{subject} between {values[0]} and {values[1]}"
    if len(values) == 1:
        words = {IS: "in" if kind is Kind.NETWORK else "==", GLOB: "matches", REGEX: "matches", REGEX_FOLDED: "matches"}
        return f"{subject} {words.get(test.op, test.op)} {values[0]}"
    words = {IS: "in", GLOB: "matches"}
    return f"{subject} {words.get(test.op, test.op)} [{', '.join(values)}]"


def _value(test: Test, kind: Kind, value: Value) -> str:
    if test.op in (REGEX, REGEX_FOLDED):
        return f"/{value}/{'i' if test.op == REGEX_FOLDED else ''}"
    if kind is Kind.LEVEL:
        return PRIORITIES[int(value)]
    if kind is Kind.TIME:
        return f'"{clock(int(value))}"'
    if kind is Kind.MONEY:
        return str(Money(value))
    return str(value) if isinstance(value, int) else _quoted(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
