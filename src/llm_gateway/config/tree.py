"""What was read, before it means anything: a tree of nodes that remember where each value was written.

Files, environment variables and flags all become such trees; laying one over another is the whole of precedence.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from llm_gateway.config.errors import Path, Where, Wrong

MAX_DEPTH = 32
MAX_NODES = 100_000
"""Nodes of one document with every alias counted as often as it is used."""

_INT = re.compile(r"[-+]?[0-9]+")
_OTHER_INT = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_SPECIAL = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class Broken:
    """Stands for a value that was already reported, so that nothing else is said about it."""


BROKEN: Final = Broken()


class Node:
    """One value and where it stands.

    value    None, bool, int, float, str, a date from TOML, `dict[str, Node]`, `list[Node]` or BROKEN
    keys     of a mapping: where each of its keys stands
    text     of a scalar: its characters as written, where they differ from the value
    origin   of a value that came from outside the file: what to call it (`${PORT}`, `GATEWAY_SERVER__PORT`). Such a
             text is typed by the field it lands in, and is never shown
    raw      of a text: the characters of the file that write it, quotes included; empty where nobody kept them
    """

    __slots__ = ("keys", "origin", "raw", "text", "value", "where")

    def __init__(
        self,
        value: Any,
        where: Where,
        *,
        keys: dict[str, Where] | None = None,
        text: str = "",
        origin: str = "",
        raw: str = "",
    ) -> None:
        self.value = value
        self.where = where
        self.keys = keys if keys is not None else {}
        self.text = text
        self.origin = origin
        self.raw = raw

    @property
    def loose(self) -> bool:
        """A text from outside, whose type the field decides."""
        return bool(self.origin) and isinstance(self.value, str)


def scalar(text: str) -> bool | int | float | str | None:
    """The value of a plain scalar in the core schema of YAML 1.2.2 section 10.3.2: `no`, `on` and `12:30` are text."""
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    try:
        if _INT.fullmatch(text):
            return int(text)
        if _OTHER_INT.fullmatch(text):
            return int(text, 0)
    except ValueError:  # more digits than int() takes
        return text
    if _FLOAT.fullmatch(text):
        return float(text)
    if match := _SPECIAL.fullmatch(text):
        return float("nan") if match[3] else float(match[1] + "inf")
    return text


def plant(value: Any, where: Where, origin: str = "", depth: int = 0) -> Node:
    """Nodes for plain data, all standing at one place. Raises Wrong if it is nested too deeply."""
    if depth > MAX_DEPTH:
        raise Wrong(f"is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, dict):
        children = {str(key): plant(item, where, origin, depth + 1) for key, item in value.items()}
        return Node(children, where, keys=dict.fromkeys(children, where), origin=origin)
    if isinstance(value, list):
        return Node([plant(item, where, origin, depth + 1) for item in value], where, origin=origin)
    return Node(value, where, origin=origin)


def opened(node: Node) -> Node:
    """A node that may be a container: a text from outside that is a JSON object, array or null becomes one."""
    if not node.loose:
        return node
    text = node.value.strip()
    if text == "null":
        return Node(None, node.where, origin=node.origin)
    if not text.startswith(("{", "[")):
        return node
    try:
        value = msgspec.json.decode(text.encode("utf-8", "surrogatepass"))
    except (msgspec.DecodeError, RecursionError):
        raise Wrong("is not valid JSON") from None
    return plant(value, node.where, node.origin)


def put(node: Node | None, path: Path, new: Node, *, fold: bool = False) -> Node:
    """`node` with `new` at `path`; what lies on the way is copied, so aliased nodes elsewhere stay as they are.

    `fold`: names were written by someone who has only capitals and underscores, so `OPENAI_EU` finds `openai-eu`.
    Raises Wrong if something on the way cannot be entered.
    """
    if not path:
        return new
    head, rest = path[0], path[1:]
    node = Node({}, new.where) if node is None else opened(node)
    if node.value is None:
        node = Node({}, new.where, origin=node.origin)
    if isinstance(node.value, list):
        index = _index(head, len(node.value))
        items = list(node.value)
        items[index : index + 1] = [put(items[index] if index < len(items) else None, rest, new, fold=fold)]
        return Node(items, node.where, origin=node.origin)
    if not isinstance(node.value, dict):
        if node.value is BROKEN:
            return node
        raise Wrong(f'cannot set "{head}" inside a value that is neither a mapping nor a list ({node.where})')
    key = _key(str(head), node.value, fold=fold)
    child = put(node.value.get(key), rest, new, fold=fold)
    return Node({**node.value, key: child}, node.where, keys={key: new.where, **node.keys}, origin=node.origin)


def locate(root: Node, path: Path) -> tuple[Node, Path]:
    """The node at a path, or the last one on the way to it (a short form has no inside), and how far that is."""
    node = root
    for depth, part in enumerate(path):
        children = node.value
        if isinstance(children, dict) and str(part) in children:
            node = children[str(part)]
        elif isinstance(children, list) and isinstance(part, int) and part < len(children):
            node = children[part]
        else:
            return node, path[:depth]
    return node, path


def _index(part: str | int, length: int) -> int:
    index = int(part) if isinstance(part, int) or (part.isascii() and part.isdecimal() and len(part) < 6) else -1
    if 0 <= index <= length:
        return index
    raise Wrong(f"a list is here: expected an index from 0 to {length}")


def _key(name: str, known: dict[str, Node], *, fold: bool) -> str:
    if not fold or name in known:
        return name
    return next((key for key in known if re.sub(r"\W", "_", key).lower() == name), name)
