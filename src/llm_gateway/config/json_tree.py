"""JSON text to a tree with lines and columns.

msgspec decides what is JSON (RFC 8259); the scan below then only has to find the places, so it need not be strict.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from llm_gateway.config.errors import Problems, Where, shown
from llm_gateway.config.tree import MAX_DEPTH, MAX_NODES, Node
from llm_gateway.config.yaml_tree import Unreadable

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]|[^\s\[\]{},:"]+')
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
    """One pass over the tokens with a stack of what is open."""

    def __init__(self, text: str, source: str, problems: Problems) -> None:
        self._text = text
        self._source = source
        self._problems = problems
        self._line, self._start, self._seen = 1, 0, 0

    def run(self) -> Node:
        holder = Node([], Where(self._source, 1, 1))
        stack, keys = [holder], [""]
        for count, match in enumerate(_TOKEN.finditer(self._text)):
            token, where = match[0], self._where(match.start())
            if count > MAX_NODES:
                raise Unreadable(where, f"holds more than {MAX_NODES} values")
            if token in "]}":
                stack.pop()
                keys.pop()
                continue
            if isinstance(stack[-1].value, dict) and not keys[-1]:
                keys[-1] = token
                self._note(stack[-1], msgspec.json.decode(token), where)
                continue
            node = _node(token, where)
            _hang(node, stack[-1], keys[-1])
            keys[-1] = ""
            if token in "[{":
                stack.append(node)
                keys.append("")
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

    def _note(self, mapping: Node, key: str, where: Where) -> None:
        first = mapping.keys.setdefault(key, where)
        if first is not where:
            self._problems.add(where, (), f'the key "{shown(key)}" stands here twice, first in line {first.line}')


def _node(token: str, where: Where) -> Node:
    value: Any = {} if token == "{" else [] if token == "[" else msgspec.json.decode(token)
    return Node(value, where, text=token if isinstance(value, int | float) else "")


def _hang(node: Node, parent: Node, key: str) -> None:
    if isinstance(parent.value, dict):
        parent.value[msgspec.json.decode(key)] = node
    else:
        parent.value.append(node)
