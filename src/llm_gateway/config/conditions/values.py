"""Written values to tests: what each kind of field can be compared with, for text and YAML alike.

Errors name the field and show what was written: nothing in a condition is a secret (what came from outside is hidden by when.py).
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from llm_gateway.config.conditions import patterns
from llm_gateway.config.conditions.fields import (
    BETWEEN,
    CONTAINS,
    ENDS,
    GLOB,
    IS,
    OPERATORS,
    REGEX,
    REGEX_FOLDED,
    STARTS,
    Field,
    Kind,
)
from llm_gateway.config.conditions.tree import Test, Value
from llm_gateway.config.errors import Where, Wrong, did_you_mean, one_of, shown
from llm_gateway.config.values import Money

MOST_VALUES = 100
_LONGEST_VALUE = 512
_LONGEST_NUMBER = 15
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_REGEX = re.compile(r"/(.+)/(i?)", re.DOTALL)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_DAY = 24 * 60
_QUOTES = frozenset({Kind.TEXT, Kind.TIME, Kind.NETWORK})


class Misfit(Wrong):
    """A condition that makes no sense, and where in the file."""

    def __init__(self, where: Where, message: str, suggestion: str = "") -> None:
        super().__init__(message, suggestion)
        self.at = where


class Given(NamedTuple):
    """A value as it was written. `form`: text (in quotes, or from YAML), number, word (without quotes), regex."""

    text: str
    form: str
    where: Where


def make_test(field: Field, entry: str, op: str, given: list[Given], where: Where) -> Test:
    """The test that was written. `op` is one of fields.py; a `glob` in the form of a regular expression becomes one.

    Raises Misfit.
    """
    if op not in OPERATORS[field.kind]:
        raise Misfit(where, f"{field.name} is {field.kind.value} and has no such comparison", _instead(field))
    if not given:
        raise Misfit(where, "has no values to compare with")
    if len(given) > MOST_VALUES:
        raise Misfit(where, f"has more than {MOST_VALUES} values")
    if op == GLOB and any(one.form == "regex" for one in given):
        return _regex(field, entry, given, where)
    values = [_value(field, op, one, last=index == 1) for index, one in enumerate(given)]
    if op == BETWEEN:
        _check_ends(field, values, given)
        return Test(field.name, op, tuple(values), entry, where)
    if op not in (IS, STARTS, ENDS, CONTAINS, GLOB) and len(values) > 1:
        raise Misfit(given[1].where, f"{op} compares with one value")
    return Test(field.name, op, tuple(dict.fromkeys(values)), entry, where)


def entry_of(field: Field, name: str, where: Where) -> str:
    """The name of a header (in lower case) or of a metadata entry. Raises Misfit."""
    if field.name == "header":
        if not _HEADER.fullmatch(name):
            raise Misfit(where, f'"{shown(name[:64])}" is not the name of a header')
        return name.lower()
    if not name or len(name) > 128 or not name.isprintable():
        raise Misfit(where, "is not the name of a metadata entry: 1 to 128 characters")
    return name


def _value(field: Field, op: str, given: Given, *, last: bool) -> Value:
    kind, text = field.kind, given.text
    if kind in (Kind.COUNT, Kind.MONEY):
        return _number(field, given)
    if given.form == "regex":
        raise Misfit(given.where, "a regular expression goes with matches", f"{field.name} matches /.../")
    if given.form == "number" or (given.form == "word" and (kind in _QUOTES or not field.words)):
        what = "is a number" if given.form == "number" else "has no quotes"
        hint = f'write "{shown(text)}"' if not field.words else one_of(field.words)
        raise Misfit(given.where, f"{field.name} is {kind.value}, but {shown(text)} {what}", hint)
    if len(text) > _LONGEST_VALUE or not text.isprintable():
        raise Misfit(given.where, f"a text has {_LONGEST_VALUE} characters at most, and no control characters")
    match kind:
        case Kind.LEVEL:
            return field.words.index(_word(field, given))
        case Kind.WORD | Kind.WORDS if field.words:
            return _word(field, given)
        case Kind.TIME:
            return _time(given, end=last or op == "<")
        case Kind.NETWORK:
            return _network(given)
    if op != IS and not text:
        raise Misfit(given.where, "is empty: every text would do", f'to ask for none: {field.name} == ""')
    if op == GLOB:
        _check_glob(given)
    return text


def _number(field: Field, given: Given) -> int:
    if given.form != "number":
        example = f"{field.name} > {'0.05' if field.kind is Kind.MONEY else '20000'}"
        raise Misfit(
            given.where, f'{field.name} is {field.kind.value}, but "{shown(given.text[:64])}" is text', f"write {example}"
        )
    if len(given.text) > _LONGEST_NUMBER:
        raise Misfit(given.where, "is too long a number")
    if field.kind is Kind.MONEY:
        try:
            return int(Money.parse(given.text))
        except ValueError as error:
            raise Misfit(given.where, str(error)) from None
    if not (given.text.isascii() and given.text.isdecimal()):
        raise Misfit(given.where, f"{field.name} is a whole number from 0")
    return int(given.text)


def _word(field: Field, given: Given) -> str:
    if given.text not in field.words:
        hint = did_you_mean(given.text, field.words) or one_of(field.words)
        raise Misfit(given.where, f'{field.name} is never "{shown(given.text)}"', hint)
    return given.text


def _time(given: Given, *, end: bool) -> int:
    match = _CLOCK.fullmatch(given.text)
    if match is None or (match[1] is None and not end):
        raise Misfit(given.where, "expected a time of day (UTC) such as 06:30", "hours from 00 to 23, minutes from 00 to 59")
    return int(match[1]) * 60 + int(match[2]) if match[1] else _DAY


def _network(given: Given) -> str:
    try:
        network = ipaddress.ip_network(given.text, strict=False)
    except ValueError:
        raise Misfit(given.where, f'"{shown(given.text)}" is neither an address nor a network', "such as 10.0.0.0/8") from None
    if "/" in given.text and str(network) != str(ipaddress.ip_interface(given.text)):
        raise Misfit(given.where, f"{shown(given.text)} is an address inside a network", f"write {network}, or the address alone")
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped:
        raise Misfit(
            given.where, "is an IPv4 address in IPv6", "callers' addresses of this kind are compared as IPv4: write that"
        )
    return str(network)


def _check_ends(field: Field, values: list[Value], given: list[Given]) -> None:
    if len(values) != 2:
        raise Misfit(given[0].where, "between takes two values, from and to")
    low, high = int(values[0]), int(values[1])
    if field.kind is Kind.TIME and low == high % _DAY:
        raise Misfit(given[1].where, "begins and ends at the same time")
    if field.kind is not Kind.TIME and low > high:
        raise Misfit(given[1].where, f"{shown(given[1].text)} is less than {shown(given[0].text)}", "swap them")


def _check_glob(given: Given) -> None:
    if "[" in given.text:
        raise Misfit(given.where, "a glob knows * and ?", "for more, write a regular expression: matches /.../")
    try:
        patterns.glob(given.text)
    except patterns.NotAPattern as error:
        raise Misfit(given.where, str(error)) from None


def _regex(field: Field, entry: str, given: list[Given], where: Where) -> Test:
    if len(given) > 1:
        raise Misfit(given[1].where, "a list takes globs", "write one regular expression, with | between the choices")
    match = _REGEX.fullmatch(given[0].text)
    if match is None:
        raise Misfit(given[0].where, "a regular expression ends with / or /i")
    try:
        patterns.regex(match[1], folded=bool(match[2]))
    except patterns.NotAPattern as error:
        raise Misfit(_further(given[0].where, error.at + 1), f"the regular expression {error}") from None
    return Test(field.name, REGEX_FOLDED if match[2] else REGEX, (match[1],), entry, where)


def _further(where: Where, columns: int) -> Where:
    return where._replace(column=where.column + columns) if where.line else where


def _instead(field: Field) -> str:
    """Comparisons that the field has, as they are written in text."""
    names = {IS: "==, in", GLOB: "matches"}
    known = [names.get(op, op) for op in OPERATORS[field.kind] if op not in (REGEX, REGEX_FOLDED)]
    return "it knows " + ", ".join(known)
