"""JSON text to a tree with lines and columns.

msgspec decides what is JSON (RFC 8259); the scan below then only has to find the places, so it need not be strict.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from llm_gateway.config.errors import Path, Problems, Where
from llm_gateway.config.tree import MAX_DEPTH, MAX_NODES, Node
from llm_gateway.config.yaml_tree import Unreadable

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]|[^\s\[\]{},:"]+')
_OFFSET = re.compile(r"\s*\(byte (\d+)\)")


def read_json(text: str, source: str, problems: Problems) -> Node:
    """The tree of a document. Keys given twice are noted in `problems`. Raises Unreadable for what is not JSON."""
    _check(text, source)
    return _Scan(text, source, problems).run()


def _check(text: str, source: str) -> None:
    data = text.encode()
    try:
        msgspec.json.decode(data)
    except RecursionError:
        raise Unreadable(Where(source), f"is nested more than {MAX_DEPTH} levels deep") from None
    except msgspec.DecodeError as error:
        found = _OFFSET.search(str(error))
        before = data[: int(found[1]) if found else len(data)].decode(errors="ignore")
        reason = _OFFSET.sub("", str(error)).removeprefix("JSON is malformed: ")
        where = Where(source, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise Unreadable(where, f"is not valid JSON: {reason}") from None


class _Scan:
    """One pass over its tokens with a stack of what is open."""

    def __init__(self, text: str, source: str, problems: Problems) -> None:
        self._text = text
        self._source = source
        self._problems = problems
        self._line, self._start, self._seen = 1, 0, 0

    def run(self) -> Node:
        holder = Node([], Where(self._source, 1, 1))
        stack, keys = [holder], [""]
        names: list[str | int] = []  # of what is open: its key or index
        for count, match in enumerate(_WORD.finditer(self._text)):
            word, where = match[0], self._where(match.start())
            if count > MAX_NODES:
                raise Unreadable(where, f"holds more than {MAX_NODES} values")
            if word in "]}":
                stack.pop()
                keys.pop()
                names.pop()
                continue
            if isinstance(stack[-1].value, dict) and not keys[-1]:
                keys[-1] = word
                key = msgspec.json.decode(word)
                self._note(stack[-1], (*names[1:], key), where)
                continue
            node = _node(word, where)
            name = _hang(node, stack[-1], keys[-1])
            keys[-1] = ""
            if word in "[{":
                stack.append(node)
                keys.append("")
                names.append(name)
                if len(stack) > MAX_DEPTH:
                    raise Unreadable(where, f"is nested more than {MAX_DEPTH} levels deep")
        root: Node = holder.value[0]
        return root

    def _where(self, position: int) -> Where:
        self._line += self._text.count("\n", self._seen, position)
        newline = self._text.rfind("\n", self._seen, position)
        self._start = newline + 1 if newline >= 0 else self._start
        self._seen = position
        return Where(self._source, self._line, position - self._start + 1)

    def _note(self, mapping: Node, path: Path, where: Where) -> None:
        first = mapping.keys.setdefault(str(path[-1]), where)
        if first is not where:
            self._problems.add(where, path, f"stands here twice, first in line {first.line}")


def _node(word: str, where: Where) -> Node:
    value: Any = {} if word == "{" else [] if word == "[" else msgspec.json.decode(word)
    text = word if isinstance(value, int | float) else ""
    return Node(value, where, text=text, raw=word if isinstance(value, str) else "")


def _hang(node: Node, parent: Node, key: str) -> str | int:
    """Put `node` into `parent`; its key or index there."""
    if isinstance(parent.value, dict):
        name: str = msgspec.json.decode(key)
        parent.value[name] = node
        return name
    parent.value.append(node)
    return len(parent.value) - 1
