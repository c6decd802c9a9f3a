"""TOML text to a tree.

tomllib keeps no places, so they are looked up afterwards in the text: exact for `key = value` and for table headers, the
nearest of these for the rest.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from llm_gateway.config.errors import Where
from llm_gateway.config.tree import MAX_DEPTH, MAX_NODES, Node
from llm_gateway.config.yaml_tree import Unreadable

_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)")
_HEADER = re.compile(r"\s*\[(\[)?\s*([^\]]+?)\s*\]")
_ASSIGNMENT = re.compile(r"""(\s*)((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=\s*""")
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([\w-]+)""")

_Places = dict[tuple[str | int, ...], tuple[Where, Where]]
"""Path -> where its key stands, where its value stands."""


def read_toml(text: str, source: str) -> Node:
    """The tree of a document. Raises Unreadable for what is not TOML (a key given twice included)."""
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise Unreadable(Where(source), f"is nested more than {MAX_DEPTH} levels deep") from None
    except ValueError as error:  # TOMLDecodeError, or a number of thousands of digits
        raise _explained(error, text, source) from None
    return _Planter(_places(text, source)).plant(document, (), Where(source, 1, 1))


def _explained(error: ValueError, text: str, source: str) -> Unreadable:
    found = _PLACE.search(str(error))
    last = text.count("\n") + 1
    line, column = (int(found[1]), int(found[2])) if found and found[1] else (last, 1)
    reason = _PLACE.sub("", str(error)).split(":")[0].split("'")[0].strip()  # behind these it may quote the text
    return Unreadable(Where(source, line, column), f"is not valid TOML: {reason[:1].lower()}{reason[1:]}")


def _places(text: str, source: str) -> _Places:
    places: _Places = {}
    table: tuple[str | int, ...] = ()
    counts: dict[tuple[str | int, ...], int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if match := _HEADER.match(line):
            table = _parts(match[2])
            where = Where(source, number, line.index("[") + 1)
            if match[1]:
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            places.setdefault(table, (where, where))
        elif match := _ASSIGNMENT.match(line):
            key = Where(source, number, len(match[1]) + 1)
            places.setdefault((*table, *_parts(match[2])), (key, Where(source, number, match.end() + 1)))
    return places


def _parts(dotted: str) -> tuple[str | int, ...]:
    return tuple(a or b or c for a, b, c in _PART.findall(dotted))


class _Planter:
    def __init__(self, places: _Places) -> None:
        self._places = places
        self._nodes = 0

    def plant(self, value: Any, path: tuple[str | int, ...], nearest: Where) -> Node:
        where = self._places.get(path, (nearest, nearest))[1]
        self._nodes += 1
        if len(path) > MAX_DEPTH:
            raise Unreadable(where, f"is nested more than {MAX_DEPTH} levels deep")
        if self._nodes > MAX_NODES:
            raise Unreadable(where, f"holds more than {MAX_NODES} values")
        if isinstance(value, dict):
            children = {key: self.plant(child, (*path, key), where) for key, child in value.items()}
            keys = {key: self._places.get((*path, key), (children[key].where,) * 2)[0] for key in children}
            return Node(children, where, keys=keys)
        if isinstance(value, list):
            return Node([self.plant(child, (*path, index), where) for index, child in enumerate(value)], where)
        return Node(value, where, text=str(value) if isinstance(value, int | float) else "")
