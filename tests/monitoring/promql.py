"""Takes a PromQL expression apart, as far as names and labels go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[0-9][0-9a-zA-Z.]*|[a-zA-Z_:][a-zA-Z0-9_:]*|[=!<>]=|[=!]~|\S')
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABELS = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_WORDS = _LABELS | {"and", "or", "unless", "offset", "bool", "inf", "nan", "sum", "max", "min", "avg", "count", "topk"}


class Selector(NamedTuple):
    """One selector: a metric and what is asked of its labels."""

    name: str
    matchers: tuple[tuple[str, str], ...]
    """Label and value, without quotes."""


class Grouping(NamedTuple):
    """The labels that an aggregation keeps, and what it aggregates."""

    labels: tuple[str, ...]
    body: str


def plain(query: str) -> str:
    """A dashboard's query with its variables filled in."""
    for name, value in (("$__rate_interval", "1m"), ("$__range", "1h")):
        query = query.replace(name, value)
    return re.sub(r"\$[a-z]+", ".*", query)


def selectors(query: str) -> Iterator[Selector]:
    """All of a query's, in order."""
    tokens = _TOKEN.findall(query)
    place = 0
    while place < len(tokens):
        token = tokens[place]
        place += 1
        following = tokens[place] if place < len(tokens) else ""
        if token in _LABELS and following == "(":
            place = tokens.index(")", place) + 1
        elif _NAME.fullmatch(token) and token not in _WORDS and following != "(":
            matchers: list[tuple[str, str]] = []
            if following == "{":
                end = tokens.index("}", place)
                parts = tokens[place + 1 : end]
                matchers = [(parts[at], parts[at + 2][1:-1]) for at in range(0, len(parts), 4)]
                place = end + 1
            yield Selector(token, tuple(matchers))


def groupings(query: str) -> Iterator[Grouping]:
    """Its aggregations `op by (labels) (body)`, nested ones too."""
    for match in re.finditer(r"\bby \(([^)]*)\)\s*\(", query):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(query[end], 0)
            end += 1
        yield Grouping(tuple(label.strip() for label in match[1].split(",") if label.strip()), query[match.end() : end - 1])


def joined(query: str) -> set[str]:
    """Labels that on(...) and group_left(...) name."""
    named = re.findall(r"\b(?:on|ignoring|group_left|group_right) ?\(([^)]*)\)", query)
    return {label.strip() for labels in named for label in labels.split(",") if label.strip()}
