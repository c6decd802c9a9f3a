"""What single tests amount to: spans of whole numbers, predicates on texts, networks. For compiling and for comparing them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from socket import AF_INET, AF_INET6, inet_pton

from llm_gateway.config.conditions import patterns
from llm_gateway.config.conditions.fields import (
    CONTAINS,
    ENDS,
    FIELDS,
    GLOB,
    IS,
    REGEX_FOLDED,
    STARTS,
    Kind,
)
from llm_gateway.config.conditions.tree import Test

Span = tuple[int, int]
"""From and to, both included."""
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
ENDLESS = 1 << 130
"""Beyond every count, amount and address."""
NUMBERS = frozenset({Kind.COUNT, Kind.MONEY, Kind.LEVEL, Kind.TIME})
_DAY = 24 * 60
_MAPPED = 0xFFFF
"""What an IPv6 address begins with that stands for one of IPv4 (RFC 4291 section 2.5.5.2)."""
_V4_BITS = 32
_LAST_V4 = (1 << _V4_BITS) - 1
_BEHIND_V4 = 1 << _V4_BITS


def last_of(kind: Kind) -> int:
    """The largest number that a field of this kind has."""
    return {Kind.TIME: _DAY - 1, Kind.LEVEL: 3}.get(kind, ENDLESS)


def spans(test: Test) -> tuple[Span, ...]:
    """The numbers (of NUMBERS) that pass; those that nobody knows are negative and never do."""
    kind = FIELDS[test.field].kind
    values = [int(value) for value in test.values]
    low, last = values[0], last_of(kind)
    match test.op:
        case "between" if kind is Kind.TIME:  # up to the second time, without it
            high = values[1] - 1
            found = [(low, high)] if low <= high else [(low, last), (0, high)]
        case "between":
            found = [(low, values[1])]
        case "<":
            found = [(0, low - 1)]
        case "<=":
            found = [(0, low)]
        case ">":
            found = [(low + 1, last)]
        case ">=":
            found = [(low, last)]
        case _:
            found = [(value, value) for value in values]
    return merged(found, last)


def merged(found: Iterable[Span], last: int = ENDLESS) -> tuple[Span, ...]:
    """The same numbers in as few spans as there can be, in order."""
    result: list[Span] = []
    for low, high in sorted((low, min(high, last)) for low, high in found):
        if low > high:
            continue
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return tuple(result)


def shared(one: Iterable[Span], other: Iterable[Span]) -> tuple[Span, ...]:
    """The numbers in both."""
    others = tuple(other)
    return merged((max(a, c), min(b, d)) for a, b in one for c, d in others)


def without(one: Iterable[Span], other: Iterable[Span]) -> tuple[Span, ...]:
    """The numbers in the first that are not in the second."""
    gaps, start = [], 0
    for low, high in merged(other):
        gaps.append((start, low - 1))
        start = high + 1
    return shared(one, [*gaps, (start, ENDLESS)])


def simple(pattern: str) -> tuple[str, str] | None:
    """A glob with nothing but a * at either end, as an operator without wildcards; None for others."""
    core = pattern.strip("*")
    if "*" in core or "?" in core:
        return None
    front, back = pattern.startswith("*"), pattern.endswith("*")
    if not core:
        return (CONTAINS, "") if front else (IS, "")
    return ((CONTAINS if back else ENDS) if front else (STARTS if back else IS)), core


def text_test(op: str, value: str) -> Callable[[str], bool]:
    """Whether a text passes."""
    if op == GLOB:
        op, value = simple(value) or (op, value)
    match op:
        case "is":
            return value.__eq__
        case "starts_with":
            return lambda text: text.startswith(value)
        case "ends_with":
            return lambda text: text.endswith(value)
        case "contains":
            return lambda text: value in text
    return pattern_of(op, value).matches


def pattern_of(op: str, value: str) -> patterns.Pattern:
    """The automaton of a glob or a regular expression."""
    return patterns.glob(value) if op == GLOB else patterns.regex(value, folded=op == REGEX_FOLDED)


def passes(test: Test) -> Callable[[str], bool]:
    """Whether a text passes for one of the values."""
    single = [text_test(test.op, str(value)) for value in test.values]
    return single[0] if len(single) == 1 else lambda text: any(one(text) for one in single)


def networks(test: Test) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(str(value)) for value in test.values)


def ranges(test: Test) -> tuple[Span, ...]:
    """The addresses, as `address` numbers them, in the networks of a test."""
    return merged((_numbered(net, net.network_address), _numbered(net, net.broadcast_address)) for net in networks(test))


def address(text: str) -> int:
    """A number for an address: IPv4 and IPv6 have numbers of their own, an IPv4 address in IPv6 has that of IPv4. -1: none."""
    try:
        if ":" not in text:
            return int.from_bytes(inet_pton(AF_INET, text), "big")
        number = int.from_bytes(inet_pton(AF_INET6, text), "big")
    except (OSError, ValueError):
        return -1
    return number & _LAST_V4 if number >> _V4_BITS == _MAPPED else number + _BEHIND_V4


def _numbered(net: Network, end: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int:
    return int(end) + (_BEHIND_V4 if net.version == 6 else 0)
