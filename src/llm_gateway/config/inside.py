"""Where a character of a text stands in the file, through quotes, escapes and folded lines."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.config.errors import Where
from llm_gateway.config.tree import Node

_BLANK = " \t\r\n"
_ESCAPES: Mapping[str, int] = MappingProxyType({"x": 4, "u": 6, "U": 10})
"""How long an escape of YAML or JSON is, backslash included; others have two characters."""


def inside(node: Node, offset: int) -> Where:
    """The place of character `offset` (from 0) of a node's text; its beginning, where the two cannot be told to agree."""
    raw, text = node.raw, node.value
    if not raw or raw[0] in "&!" or node.origin or not isinstance(text, str):
        return node.where
    at = _start(raw)
    found = at
    for char in text[: offset + 1]:
        step = _step(raw, at, char)
        if step is None:
            return node.where
        found, at = step
    if offset >= len(text):
        found = at
    line = raw.count("\n", 0, found)
    column = found - raw.rfind("\n", 0, found) if line else node.where.column + found
    return Where(node.where.source, node.where.line + line, column)


def _start(raw: str) -> int:
    if raw[0] in "\"'":
        return 1
    return raw.find("\n") + 1 if raw[0] in "|>" else 0


def _step(raw: str, at: int, char: str) -> tuple[int, int] | None:
    """Where `char` stands at or behind `at`, and what comes behind it. None: it does not stand there."""
    while raw.startswith("\\\n", at) and raw[0] == '"':  # a line that goes on
        at = _behind_blanks(raw, at + 1)
    here = raw[at : at + 1]
    if here == "\\" and raw[0] == '"':
        return at, at + _ESCAPES.get(raw[at + 1 : at + 2], 2)
    if here == char:
        return at, at + (2 if char == "'" and raw[0] == "'" else 1)
    if here and here in _BLANK:
        behind = _behind_blanks(raw, at)
        if char in _BLANK:
            return at, behind
        return (behind, behind + 1) if raw[behind : behind + 1] == char else None
    return None


def _behind_blanks(raw: str, at: int) -> int:
    while at < len(raw) and raw[at] in _BLANK:
        at += 1
    return at
